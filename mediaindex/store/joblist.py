"""Unfinished business, one page after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.store.columns import shown
from mediaindex.store.files import path_of, paths_of_asset
from mediaindex.store.tables import JobRow


@dataclass(frozen=True)
class Job:
    """One stage's unfinished business with one file or asset."""

    id: int
    stage: str
    #: `leased`, `waiting`, `failed`.
    state: str
    #: Where the file lies, fit to be printed.
    path: str
    asset_id: int | None
    file_id: int | None
    attempts: int
    #: For people; None: nothing went wrong.
    error: str | None
    run_after: datetime | None
    updated_at: datetime


def list_jobs(
    session: Session, *, state: str | None, stage: str | None, after: int, limit: int
) -> Sequence[Job]:
    """Return up to `limit` jobs with ids above `after`, lowest first.

    Args:
        session: An open session; only read from.
        state: Only those in it; None: in any.
        stage: Only those of it; None: of any.
        after: The last id of the page before; 0: the first page.
        limit: At most this many.
    """
    query = select(JobRow).where(JobRow.id > after).order_by(JobRow.id).limit(limit)
    if state is not None:
        query = query.where(JobRow.state == state)
    if stage is not None:
        query = query.where(JobRow.stage == stage)
    return [_job(session, row) for row in session.scalars(query).all()]


def _job(session: Session, row: JobRow) -> Job:
    return Job(
        id=row.id,
        stage=row.stage,
        state=row.state,
        path=_path(session, row),
        asset_id=row.asset_id,
        file_id=row.file_id,
        attempts=row.attempts,
        error=row.error,
        run_after=row.run_after,
        updated_at=row.updated_at,
    )


def _path(session: Session, row: JobRow) -> str:
    if row.file_id is not None:
        return shown(str(path_of(session, row.file_id)))
    paths = paths_of_asset(session, row.asset_id or 0, missing=True)
    return shown(str(paths[0])) if paths else f"asset {row.asset_id}"
