"""Libraries: which there are, and what the daemon is to do about them."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter
from sqlalchemy.orm import Session

from mediaindex.api.house import Here
from mediaindex.api.paths import on_disk
from mediaindex.api.plain import Plain
from mediaindex.api.problems import NotFound
from mediaindex.api.shapes import (
    AcceptedAnswer,
    AddedAnswer,
    ForgottenAnswer,
    LibrariesAnswer,
    NewLibrary,
)
from mediaindex.daemon.service import LibraryState
from mediaindex.store import counts, files
from mediaindex.store.columns import shown

router = APIRouter(tags=["libraries"])

ACCEPTED = {"version": 1, "accepted": True}


@router.get("/libraries", response_model=LibrariesAnswer)
def libraries(here: Here) -> Plain:
    """List every library, and what the daemon does about it."""
    now = {library.id: library for library in here.service.state().libraries}
    with here.service.database.read() as session:
        ids = {row.name: row.id for row in files.libraries(session)}
        counted = counts.count_libraries(session)
    told = [{"id": ids[one.name], **asdict(one), **_now(now.get(ids[one.name]))} for one in counted]
    return Plain({"version": 1, "libraries": told})


@router.post("/libraries", response_model=AddedAnswer, status_code=201)
def add(here: Here, new: NewLibrary) -> Plain:
    """Take a folder in, watch it, and look at it soon."""
    name = here.service.add_library(on_disk(new.path))
    return Plain({"version": 1, "name": name}, 201)


@router.delete("/libraries/{name:path}", response_model=ForgottenAnswer)
def forget(here: Here, name: str) -> Plain:
    """Take a library out of the index; its files are not touched."""
    gone = here.service.forget_library(_id(here, name))
    return Plain({"version": 1, "library": name, "assets": gone})


@router.post("/libraries/{name:path}/sweep", response_model=AcceptedAnswer, status_code=202)
def sweep_one(here: Here, name: str) -> Plain:
    """Look at one library as soon as possible."""
    here.service.sweep_soon([_id(here, name)])
    return Plain(ACCEPTED, 202)


@router.post(
    "/libraries/{name:path}/confirm-removal", response_model=AcceptedAnswer, status_code=202
)
def confirm_removal(here: Here, name: str) -> Plain:
    """Say that the files which are gone from a library are gone for good."""
    here.service.sweep_soon([_id(here, name)], confirmed=True)
    return Plain(ACCEPTED, 202)


@router.post("/sweep", response_model=AcceptedAnswer, status_code=202)
def sweep(here: Here) -> Plain:
    """Look at every library as soon as possible."""
    here.service.sweep_soon()
    return Plain(ACCEPTED, 202)


def _id(here: Here, name: str) -> int:
    with here.service.database.read() as session:
        return _named(session, name)


def _named(session: Session, name: str) -> int:
    known = {row.name: row.id for row in files.libraries(session)}
    if name not in known:
        names = ", ".join(map(shown, known)) or "none"
        raise NotFound(f"there is no library {name!r}; known: {names}")
    return known[name]


def _now(state: LibraryState | None) -> dict[str, Any]:
    """Return what the daemon says of a library that the store does not."""
    if state is None:
        nothing = {"watching": None, "watch_trouble": None, "sweep_trouble": None}
        return nothing | {"is_sweeping": False, "held_back": 0}
    return {
        "offline_reason": state.offline_reason,
        "watching": state.watching,
        "watch_trouble": state.watch_trouble,
        "is_sweeping": state.is_sweeping,
        "sweep_trouble": state.sweep_trouble,
        "held_back": state.held_back,
    }
