"""What `status` shows: how much is known, done, waiting and wrong."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import Session

from mediaindex.store import immich_written
from mediaindex.store.columns import shown
from mediaindex.store.due import is_told
from mediaindex.store.files import path_of, paths_of_asset
from mediaindex.store.tables import (
    AssetRow,
    BlockedRow,
    FileRow,
    FolderRow,
    JobRow,
    LibraryRow,
    MomentRow,
    ResultRow,
)
from mediaindex.store.withheld import told


@dataclass(frozen=True)
class LibraryCounts:
    """One library at a glance."""

    name: str
    root: str
    files: int
    missing_files: int
    swept_at: datetime | None
    offline_reason: str | None
    #: So many files seem to be gone; a person has to confirm it.
    held_back: int


@dataclass(frozen=True)
class StageCounts:
    """One stage at a glance."""

    stage: str
    done: int
    waiting: int
    failed: int
    blocked_reason: str | None
    blocked_since: datetime | None


@dataclass(frozen=True)
class Trouble:
    """One job that failed or waits, with the file it is about."""

    stage: str
    state: str
    path: str
    reason: str
    attempts: int


def count_libraries(session: Session) -> list[LibraryCounts]:
    """Return every library with its counts."""
    query = (
        select(LibraryRow, func.count(FileRow.id), func.count(FileRow.missing_since))
        .outerjoin(FolderRow, FolderRow.library_id == LibraryRow.id)
        .outerjoin(FileRow, FileRow.folder_id == FolderRow.id)
        .group_by(LibraryRow.id)
        .order_by(LibraryRow.id)
    )
    return [
        LibraryCounts(
            name=row.name,
            root=shown(row.root),
            files=total - gone,
            missing_files=gone,
            swept_at=row.swept_at,
            offline_reason=row.offline_reason,
            held_back=row.held_back,
        )
        for row, total, gone in session.execute(query)
    ]


def count_assets(session: Session) -> dict[str, int]:
    """Return how many assets there are by kind, companions of live photos aside, plus moments."""
    query = (
        select(AssetRow.kind, func.count(AssetRow.id))
        .where(AssetRow.missing_since.is_(None), AssetRow.companion_of_id.is_(None))
        .group_by(AssetRow.kind)
    )
    found = {"photo": 0, "video": 0, **dict(session.execute(query).all())}
    found["moments"] = session.scalar(select(func.count(MomentRow.id))) or 0
    return found


def count_files(session: Session) -> dict[str, int]:
    """Return how many present files play which part (`media`, `sidecar`, `other`, `new`)."""
    part = func.iif(
        FileRow.role == "sidecar", "sidecar", func.iif(FileRow.kind.is_(None), "new", FileRow.kind)
    )
    query = (
        select(part, func.count(FileRow.id)).where(FileRow.missing_since.is_(None)).group_by(part)
    )
    return dict(session.execute(query).all())


def count_stages(session: Session) -> list[StageCounts]:
    """Return every stage that has done, waits with, failed at or is kept from anything."""
    done = dict(
        session.execute(
            select(ResultRow.stage, func.count(ResultRow.asset_id))
            .join(AssetRow, AssetRow.id == ResultRow.asset_id)
            .where(AssetRow.missing_since.is_(None))
            .group_by(ResultRow.stage)
        ).all()
    )
    jobs = {
        (stage, state): number
        for stage, state, number in session.execute(
            select(JobRow.stage, JobRow.state, func.count(JobRow.id))
            .where(_matters())
            .group_by(JobRow.stage, JobRow.state)
        )
    }
    blocked = {row.stage: row for row in session.scalars(select(BlockedRow))}
    stages = dict.fromkeys([*done, *(stage for stage, _ in jobs), *blocked])
    return [
        StageCounts(
            stage=stage,
            done=done.get(stage, 0),
            waiting=jobs.get((stage, "waiting"), 0) + jobs.get((stage, "leased"), 0),
            failed=jobs.get((stage, "failed"), 0),
            blocked_reason=blocked[stage].reason if stage in blocked else None,
            blocked_since=blocked[stage].since if stage in blocked else None,
        )
        for stage in stages
    ]


def blocked_reason(session: Session, stage: str) -> str | None:
    """Return why a stage cannot work at all now, None if it can."""
    row = session.get(BlockedRow, stage)
    return None if row is None else row.reason


@dataclass(frozen=True)
class WorkCounts:
    """How much of one stage's work is done, of how much; the parts add up to the total."""

    done: int
    #: Not begun, or put off.
    waiting: int
    failed: int
    #: What failed in an earlier stage never comes to this one and does not count.
    total: int


def count_work(session: Session) -> dict[str, WorkCounts]:
    """Return how far every stage is, over all libraries."""
    stages = {stage.stage: stage for stage in count_stages(session)}
    done = {name: stage.done for name, stage in stages.items()}
    failed = {name: stage.failed for name, stage in stages.items()}
    looked = select(func.count(FileRow.id)).where(
        FileRow.role == "media", FileRow.missing_since.is_(None)
    )
    done["identify"] = session.scalar(looked.where(FileRow.kind.is_not(None))) or 0
    assets = count_assets(session)
    unseen = failed.get("decode", 0) + failed.get("frames", 0)
    totals = {
        "identify": session.scalar(looked) or 0,
        "probe": assets["photo"] + assets["video"],
        "decode": assets["photo"],
        "frames": assets["video"],
        "embed": assets["photo"] + assets["video"] - unseen,
        "caption": _count(session, _has_result(("decode", "frames")), told()),
        "embed_text": _count(session, is_told(), ~_failed(("decode", "frames"))),
        # Where nothing is to be written, nothing waits for it.
        "publish": immich_written.count_publishable(session) if "publish" in stages else 0,
    }
    return {
        name: _work(done.get(name, 0), failed.get(name, 0), total) for name, total in totals.items()
    }


def count_undescribed(session: Session) -> int:
    """Return how many moments are of photos and videos that wait to be described."""
    query = (
        select(func.count(MomentRow.id))
        .join(AssetRow, AssetRow.id == MomentRow.asset_id)
        .where(
            AssetRow.missing_since.is_(None),
            AssetRow.companion_of_id.is_(None),
            told(),
            ~_has_result(("caption",)),
            ~_failed(("caption",)),
        )
    )
    return session.scalar(query) or 0


def _work(done: int, failed: int, total: int) -> WorkCounts:
    # Old results of what can no longer be done may outnumber what there is to do.
    total = max(total, done + failed)
    return WorkCounts(done, total - done - failed, failed, total)


def _count(session: Session, *conditions: ColumnElement[bool]) -> int:
    """Return how many assets there are that can be shown and of which this holds."""
    query = select(func.count(AssetRow.id)).where(
        AssetRow.missing_since.is_(None), AssetRow.companion_of_id.is_(None), *conditions
    )
    return session.scalar(query) or 0


def _has_result(stages: tuple[str, ...]) -> ColumnElement[bool]:
    return exists().where(ResultRow.asset_id == AssetRow.id, ResultRow.stage.in_(stages))


def _failed(stages: tuple[str, ...]) -> ColumnElement[bool]:
    return exists().where(
        JobRow.stage.in_(stages), JobRow.asset_id == AssetRow.id, JobRow.state == "failed"
    )


def troubles(session: Session, limit: int) -> list[Trouble]:
    """Return up to `limit` jobs that failed or wait for something, with reasons, newest first."""
    query = (
        select(JobRow)
        .where(JobRow.state.in_(("failed", "waiting")), JobRow.error.is_not(None), _matters())
        .order_by(JobRow.updated_at.desc(), JobRow.id)
        .limit(limit)
    )
    return [
        Trouble(job.stage, job.state, _path(session, job), job.error or "", job.attempts)
        for job in session.scalars(query)
    ]


def count_troubles(session: Session) -> int:
    """Return how many jobs failed or wait for something."""
    query = select(func.count(JobRow.id)).where(
        JobRow.state.in_(("failed", "waiting")), JobRow.error.is_not(None), _matters()
    )
    return session.scalar(query) or 0


def _matters() -> ColumnElement[bool]:
    """Return the condition that a job's subject is still there: nobody can mend what is gone."""
    asset = exists().where(AssetRow.id == JobRow.asset_id, AssetRow.missing_since.is_not(None))
    file = exists().where(FileRow.id == JobRow.file_id, FileRow.missing_since.is_not(None))
    return ~asset & ~file


def _path(session: Session, job: JobRow) -> str:
    if job.file_id is not None:
        return shown(str(path_of(session, job.file_id)))
    paths = paths_of_asset(session, job.asset_id or 0, missing=True)
    return shown(str(paths[0])) if paths else f"asset {job.asset_id}"
