"""Who works at what, and what went wrong.

A job row is unfinished business only; what is due is a query (see `due`).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Result,
    Select,
    String,
    bindparam,
    delete,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import Insert, insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from mediaindex.store.columns import Utc
from mediaindex.store.due import LONGEST_WAIT, QUERIES, at
from mediaindex.store.ids import THESE, these
from mediaindex.store.tables import FileRow, JobRow, ResultRow

MAX_ATTEMPTS = 3

LAST_ID = 2**63 - 1
"""The highest that SQLite gives."""

EVERY_ID = (0, LAST_ID)
"""Those above the first, up to the second."""

LOST = "lost"
"""The version of a result whose files are gone from the cache."""

Subject = Literal["asset", "file"]
Changes = dict[str, datetime | str | None]

_COLUMN = {"asset": JobRow.asset_id, "file": JobRow.file_id}


def claim(
    session: Session,
    stage: str,
    subject: Subject,
    due: Select[int],
    *,
    ids: tuple[int, int] = EVERY_ID,
    limit: int,
    worker: str,
    now: datetime,
) -> list[int]:
    """Lease up to `limit` of what is due, the newest first, and return their ids in that order.

    One statement, so two workers never get the same; the caller commits.

    Args:
        session: An open session.
        stage: The stage's name.
        subject: What the ids mean.
        due: The query for what is due, always the same.
        ids: Only those above the first, up to the second.
        limit: At most this many.
        worker: Who takes the lease.
        now: The time.
    """
    asked = {"above": ids[0], "up_to": ids[1], "most": limit, "who": worker, "now": now}
    statement = _claiming(stage, subject, due)
    claimed = session.connection().scalars(statement, {**asked, **at(now)})
    return sorted((each for each in claimed if each is not None), reverse=True)


@lru_cache(QUERIES)
def _claiming(stage: str, subject: Subject, due: Select[int]) -> ReturningInsert[int | None]:
    key, column = due.selected_columns[0], _COLUMN[subject]
    within = due.where(key > bindparam("above"), key <= bindparam("up_to"))
    chosen = within.order_by(key.desc()).limit(bindparam("most")).subquery()
    lease = {
        "state": literal("leased"),
        "lease_until": bindparam("longest_lease", type_=Utc()),
        "worker": bindparam("who", type_=String()),
        "updated_at": bindparam("now", type_=Utc()),
    }
    # SQLite takes "ON" for a join's where no WHERE stands before it.
    rows = select(chosen.c[0], literal(stage), literal(0), *lease.values()).where(true())
    statement = insert(JobRow).from_select([column.key, "stage", "attempts", *lease], rows)
    taken = {name: statement.excluded[name] for name in lease}
    return statement.on_conflict_do_update(
        index_elements=[JobRow.stage, column], set_={**taken, "run_after": None}
    ).returning(column)


def leases(
    session: Session, stage: str, subject: Subject, subject_ids: Sequence[int]
) -> dict[int, str | None]:
    """Return who holds the lease of each of these subjects; one that is not leased is left out."""
    asked = {"stage": stage} | these(subject_ids)
    rows = session.connection().execute(_LEASES[subject], asked)
    return {each: worker for each, worker in rows if each is not None}


_LEASES = {
    subject: select(column, JobRow.worker).where(
        JobRow.stage == bindparam("stage"), column.in_(THESE), JobRow.state == "leased"
    )
    for subject, column in _COLUMN.items()
}


def finish(session: Session, stage: str, subject: Subject, subject_id: int) -> None:
    """Forget the job: it is done, and its result stands in a table of its own."""
    session.connection().execute(_FINISH[subject], {"of_stage": stage, "subject": subject_id})


_FINISH = {
    subject: delete(JobRow).where(
        JobRow.stage == bindparam("of_stage"), column == bindparam("subject")
    )
    for subject, column in _COLUMN.items()
}


def fail(
    session: Session,
    stage: str,
    subject: Subject,
    subject_id: int,
    *,
    reason: str,
    now: datetime,
    traceback: str | None = None,
) -> None:
    """Give the job up for `reason`: only changed bytes or a person's `retry` bring it back."""
    changes: Changes = {
        "state": "failed",
        "error": reason,
        "traceback": traceback,
        "updated_at": now,
    }
    _change(session, stage, subject, subject_id, changes | _UNLEASED)


def postpone(
    session: Session,
    stage: str,
    subject: Subject,
    subject_id: int,
    *,
    reason: str,
    until: datetime,
    now: datetime,
) -> None:
    """Let the job wait until then; the world is to blame and no attempt is counted."""
    changes: Changes = {"state": "waiting", "error": reason, "run_after": until, "updated_at": now}
    _change(session, stage, subject, subject_id, changes | _UNLEASED)


def stumble(
    session: Session,
    stage: str,
    subject: Subject,
    subject_id: int,
    *,
    reason: str,
    traceback: str | None = None,
    now: datetime,
    wait: timedelta,
) -> bool:
    """Count an attempt that went wrong; True if it was the last and the job failed.

    The next follows after `wait`, the one after it after twice as long. A job that is gone is left
    so: its subject is gone too, or is due anew.
    """
    job = session.scalars(select(JobRow).where(*_of(stage, subject, subject_id))).one_or_none()
    if job is None:
        return False
    job.attempts += 1
    job.state = "failed" if job.attempts >= MAX_ATTEMPTS else "waiting"
    job.run_after = now + wait * 2 ** (job.attempts - 1)
    job.lease_until = job.worker = None
    job.error, job.traceback, job.updated_at = reason, traceback, now
    session.flush()
    return job.state == "failed"


def forgive(session: Session, stage: str, subject: Subject, ids: Sequence[int]) -> None:
    """Take an attempt back from each of these jobs: it was not they that went wrong."""
    column = _COLUMN[subject]
    session.execute(
        update(JobRow)
        .where(JobRow.stage == stage, column.in_(ids), JobRow.attempts > 0)
        .values(attempts=JobRow.attempts - 1, state="waiting")
    )


def next_retry(session: Session, stages: Sequence[str], now: datetime) -> datetime | None:
    """Return when, after `now`, the next waiting job of these stages may be tried; None: never."""
    later = now + timedelta(microseconds=1)
    soon = JobRow.run_after.between(later, now + LONGEST_WAIT)
    query = select(func.min(JobRow.run_after))
    return session.scalar(query.where(JobRow.state == "waiting", JobRow.stage.in_(stages), soon))


def release_leases(session: Session) -> int:
    """Free whatever was leased; for the one who holds the lock, at start. Returns how many."""
    return _release(session)


def give_back(session: Session, stage: str, subject: Subject, ids: Sequence[int]) -> None:
    """Free what was leased and not begun."""
    column = _COLUMN[subject]
    _release(session, JobRow.stage == stage, column.in_(ids))


def retry(
    session: Session, *, stage: str | None = None, file_ids: Sequence[int] | None = None
) -> int:
    """Make failed and waiting jobs due again; the caller commits.

    Args:
        session: An open session.
        stage: Only this stage's; None means every stage's.
        file_ids: Only those of these files and of their assets; None means all.

    Returns:
        How many.
    """
    wanted: list[ColumnElement[bool]] = [JobRow.state.in_(("failed", "waiting"))]
    if stage is not None:
        wanted.append(JobRow.stage == stage)
    if file_ids is not None:
        assets = select(FileRow.asset_id).where(FileRow.id.in_(file_ids))
        wanted.append(or_(JobRow.file_id.in_(file_ids), JobRow.asset_id.in_(assets)))
    return _rows(session.execute(delete(JobRow).where(*wanted)))


def mark_done(
    session: Session, asset_id: int, stage: str, version: str, now: datetime, redo: Sequence[str]
) -> None:
    """Note that `stage` is done with an asset; the stages in `redo` worked from an older result."""
    row = {"asset_id": asset_id, "stage": stage, "version": version, "done_at": now}
    session.connection().execute(_MARK, row)
    forget_results(session, asset_id, redo)
    finish(session, stage, "asset", asset_id)


def _mark() -> Insert:
    statement = insert(ResultRow)
    fresh = {name: statement.excluded[name] for name in ("version", "done_at")}
    stage_of_asset = [ResultRow.asset_id, ResultRow.stage]
    return statement.on_conflict_do_update(index_elements=stage_of_asset, set_=fresh)


_MARK = _mark()


def forget_results(session: Session, asset_id: int, stages: Sequence[str]) -> None:
    """Make these stages due again for an asset, whatever became of them before."""
    forget_results_of(session, [asset_id], stages)


def forget_results_of(session: Session, asset_ids: Sequence[int], stages: Sequence[str]) -> None:
    """Make these stages due again for these assets, whatever became of them before."""
    if stages and asset_ids:
        asked = {**these(asset_ids), "stages": list(stages)}
        for statement in _FORGET:
            session.connection().execute(statement, asked)


_FORGET = [
    delete(table).where(
        table.asset_id.in_(THESE),
        table.stage.in_(bindparam("stages", expanding=True)),
    )
    for table in (ResultRow, JobRow)
]


def lose_results(session: Session, stage: str) -> None:
    """Make a stage due again for all: what it made was thrown away; what came of it still holds."""
    session.execute(update(ResultRow).where(ResultRow.stage == stage).values(version=LOST))


def was_lost(session: Session, asset_id: int, stage: str) -> bool:
    """Return True if a stage is due again only because what it made was thrown away."""
    asked = {"asset": asset_id, "stage": stage}
    return session.connection().scalar(_VERSION, asked) == LOST


_VERSION = select(ResultRow.version).where(
    ResultRow.asset_id == bindparam("asset"), ResultRow.stage == bindparam("stage")
)


def _release(session: Session, *which: ColumnElement[bool]) -> int:
    leased = (JobRow.state == "leased", *which)
    fresh = session.execute(delete(JobRow).where(*leased, JobRow.attempts == 0))
    tried = session.execute(update(JobRow).where(*leased).values(state="waiting", **_UNLEASED))
    return _rows(fresh) + _rows(tried)


_UNLEASED: Changes = {"lease_until": None, "worker": None}


def _of(stage: str, subject: Subject, subject_id: int) -> tuple[ColumnElement[bool], ...]:
    return JobRow.stage == stage, _COLUMN[subject] == subject_id


def _change(
    session: Session, stage: str, subject: Subject, subject_id: int, changes: Mapping[str, object]
) -> None:
    session.execute(update(JobRow).where(*_of(stage, subject, subject_id)).values(**changes))


def _rows(result: Result[Any]) -> int:
    return cast("CursorResult[Any]", result).rowcount
