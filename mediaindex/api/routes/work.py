"""How the work goes, and what a person wants done about it."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path as FilePath
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from sqlalchemy.orm import Session

from mediaindex.api.house import Here
from mediaindex.api.paths import on_disk
from mediaindex.api.plain import Plain
from mediaindex.api.problems import NotFound, WrongRequest
from mediaindex.api.shapes import (
    AcceptedAnswer,
    Again,
    JobsAnswer,
    PausedAnswer,
    RetriedAnswer,
    StatusAnswer,
)
from mediaindex.daemon.service import State
from mediaindex.overview import overview
from mediaindex.pipeline.again import not_a_file, try_again
from mediaindex.pipeline.stage import STAGES
from mediaindex.store import pauses
from mediaindex.store.columns import shown
from mediaindex.store.files import find_file
from mediaindex.store.joblist import list_jobs
from mediaindex.store.withheld import is_locked

router = APIRouter(tags=["work"])

StageName = Annotated[str, Path(description=", ".join(STAGES))]


@router.get("/status", response_model=StatusAnswer)
def status(
    here: Here,
    failures: Annotated[
        int, Query(ge=0, le=10_000, description="Name at most this many failures.")
    ] = 10,
) -> Plain:
    """Tell how indexing goes, what went wrong, and what the daemon does now."""
    service = here.service
    found = overview(service.config, service.database, failures, here.disk_bytes())
    state = service.state()
    with service.database.read() as session:
        videos = {path: share for path, share in state.videos.items() if _shown(session, path)}
    return Plain({**found, "daemon": _daemon(replace(state, videos=videos))})


@router.get("/jobs", response_model=JobsAnswer)
def jobs(
    here: Here,
    state: Literal["leased", "waiting", "failed"] | None = None,
    stage: Annotated[str | None, Query(description=", ".join(STAGES))] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="Ids above this one.")] = 0,
) -> Plain:
    """List unfinished business by id, a page at a time."""
    if stage is not None:
        _check(stage)
    with here.service.database.read() as session:
        found = list_jobs(session, state=state, stage=stage, after=after, limit=limit)
    last = found[-1].id if len(found) == limit else None
    return Plain({"version": 1, "jobs": list(map(asdict, found)), "next_after": last})


@router.post("/retry", response_model=RetriedAnswer)
def retry(here: Here, again: Again) -> Plain:
    """Try again what failed or was put off: everything, one stage, or some files."""
    if again.stage is not None:
        _check(again.stage)
    if not (again.failed or again.stage or again.files):
        raise WrongRequest('say what to try again: {"failed": true}, a stage, or files')
    with here.service.database.write() as session:
        ids = None if again.files is None else _ids(session, again.files)
        retried, anew = try_again(session, again.stage, ids)
    here.service.wake()
    return Plain({"version": 1, "retried": retried, "described_again": anew})


@router.post("/stages/{stage}/pause", response_model=PausedAnswer)
def pause(here: Here, stage: StageName) -> Plain:
    """Let a stage do nothing more until it is resumed; what it has begun ends first."""
    _check(stage)
    with here.service.database.write() as session:
        pauses.pause(session, stage)
    here.service.wake()
    return Plain({"version": 1, "stage": stage, "paused": True})


@router.post("/stages/{stage}/resume", response_model=PausedAnswer)
def resume(here: Here, stage: StageName) -> Plain:
    """Let a stage go on."""
    _check(stage)
    with here.service.database.write() as session:
        pauses.resume(session, stage)
    here.service.wake()
    return Plain({"version": 1, "stage": stage, "paused": False})


@router.post("/reload", response_model=AcceptedAnswer, status_code=202)
def reload(here: Here) -> Plain:
    """Read the settings again; `config_trouble` of the status tells if something is wrong."""
    here.service.reload()
    return Plain({"version": 1, "accepted": True}, 202)


def _check(stage: str) -> None:
    if stage not in STAGES:
        raise NotFound(f"there is no stage {stage!r}; there are: {', '.join(STAGES)}")


def _ids(session: Session, files: Sequence[str]) -> list[int]:
    """Return the ids of files; raises NotFound for one that is in no library."""
    found = []
    for name in files:
        path = on_disk(name)
        # As it is named, for files behind a link in the library; else where it really lies.
        row = find_file(session, path) or find_file(session, path.parent.resolve() / path.name)
        if row is None:
            raise NotFound(not_a_file(path))
        found.append(row.id)
    return found


def _shown(session: Session, path: str) -> bool:
    """Return True if the name of a video that is at work may be told: it is not locked."""
    file = find_file(session, FilePath(path))
    return file is None or file.asset_id is None or not is_locked(session, file.asset_id)


def _daemon(state: State) -> dict[str, Any]:
    told = asdict(state)
    for library in told["libraries"]:
        library["root"] = shown(library["root"])
    told["videos"] = {shown(path): share for path, share in state.videos.items()}
    return told
