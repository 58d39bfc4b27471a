"""What is due, who works at it, and what went wrong.

A job row is unfinished business only. Due is a query: what lacks the current result, and whose job,
if it has one, does not forbid it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, cast

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Result,
    Select,
    and_,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import InstrumentedAttribute, Session

from mediaindex.store.reach import asset_within_reach, file_within_reach
from mediaindex.store.tables import (
    AssetRow,
    CaptionRow,
    FileRow,
    JobRow,
    ResultRow,
    WordsRow,
)

MAX_ATTEMPTS = 3

LONGEST_WAIT = timedelta(hours=1)
"""Nothing is put off for longer, but by a clock that was wrong."""

LEASE = timedelta(hours=6)
"""Longer than any claim waits, should each photo before it take all the time it may. It is not what
frees the work of a run that was killed: the next one does, as it starts."""

LOST = "lost"
"""The version of a result whose files are gone from the cache."""

Subject = Literal["asset", "file"]
Changes = dict[str, datetime | str | None]


@dataclass(frozen=True)
class Work:
    """What a stage has to do: which assets it is for, and in which version its results count."""

    stage: str
    #: None: not known now (its model is not there); any result counts.
    version: str | None
    #: `photo`, `video`.
    kinds: tuple[str, ...]
    #: The stages of which one has to have a result first; none: it works from the file.
    after: tuple[str, ...]
    #: The videos of live photos too, which are no hits of their own.
    companions: bool = False
    #: Of videos, where theirs differs.
    video_version: str | None = None


def assets_due(work: Work, now: datetime) -> Select[int]:
    """Return the query for the ids of assets that lack `work`'s current result and may get it.

    Of work that needs the file, those are left out that lie in libraries that are offline only.
    """
    free = ~_forbidden(work.stage, JobRow.asset_id, AssetRow.id, now)
    within = [] if work.after else [asset_within_reach()]
    return select(AssetRow.id).where(*_lacking(work), free, *within)


def was_at(stage: str) -> ColumnElement[bool]:
    """Return the condition that a stage worked at an asset once, whatever came of it."""
    tried = exists().where(
        JobRow.stage == stage,
        JobRow.asset_id == AssetRow.id,
        JobRow.state.in_(("failed", "waiting")),
    )
    return or_(_result((stage,)), tried)


def told_assets_due(work: Work, now: datetime) -> Select[int]:
    """Return the query of `assets_due`, less the assets of which nobody said a word."""
    return assets_due(work, now).where(is_told())


def is_told() -> ColumnElement[bool]:
    """Return the condition that a person, or a model, said a word of an asset."""
    described = exists().where(CaptionRow.asset_id == AssetRow.id, CaptionRow.description != "")
    return exists().where(WordsRow.asset_id == AssetRow.id) | described


def any_lacking(session: Session, work: Work, *, told: bool = False) -> bool:
    """Return True if any asset lacks `work`'s result and did not fail to get it.

    Args:
        session: An open session; only read from.
        work: What is to be done.
        told: Only assets of which somebody, or a model, said a word.
    """
    failed = exists().where(
        JobRow.stage == work.stage, JobRow.asset_id == AssetRow.id, JobRow.state == "failed"
    )
    who = [is_told()] if told else []
    query = select(AssetRow.id).where(*_lacking(work), ~failed, *who).limit(1)
    return session.scalar(query) is not None


def files_due(stage: str, now: datetime) -> Select[int]:
    """Return the query for the ids of files, in reach, that nobody has looked into yet."""
    return select(FileRow.id).where(
        FileRow.kind.is_(None),
        FileRow.role == "media",
        FileRow.missing_since.is_(None),
        ~_forbidden(stage, JobRow.file_id, FileRow.id, now),
        file_within_reach(),
    )


def claim(
    session: Session,
    stage: str,
    subject: Subject,
    due: Select[int],
    *,
    ids: tuple[int, int] | None = None,
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
        due: The query for what is due.
        ids: Only those above the first, up to the second; None: any.
        limit: At most this many.
        worker: Who takes the lease.
        now: The time.
    """
    key = due.selected_columns[0]
    within = due if ids is None else due.where(key > ids[0], key <= ids[1])
    chosen = within.order_by(key.desc()).limit(limit).subquery()
    column = JobRow.asset_id if subject == "asset" else JobRow.file_id
    lease = {"state": "leased", "lease_until": now + LEASE, "worker": worker, "updated_at": now}
    values = [literal(value, JobRow.__table__.c[name].type) for name, value in lease.items()]
    # SQLite takes "ON" for a join's where no WHERE stands before it.
    rows = select(chosen.c[0], literal(stage), literal(0), *values).where(true())
    statement = insert(JobRow).from_select([column.key, "stage", "attempts", *lease], rows)
    statement = statement.on_conflict_do_update(
        index_elements=[JobRow.stage, column], set_={**lease, "run_after": None}
    )
    return sorted(session.scalars(statement.returning(column)), reverse=True)


def leases(
    session: Session, stage: str, subject: Subject, subject_ids: Sequence[int]
) -> dict[int, str | None]:
    """Return who holds the lease of each of these subjects; one that is not leased is left out."""
    column = JobRow.asset_id if subject == "asset" else JobRow.file_id
    query = select(column, JobRow.worker).where(
        JobRow.stage == stage, column.in_(subject_ids), JobRow.state == "leased"
    )
    return {each: worker for each, worker in session.execute(query) if each is not None}


def finish(session: Session, stage: str, subject: Subject, subject_id: int) -> None:
    """Forget the job: it is done, and its result stands in a table of its own."""
    session.execute(delete(JobRow).where(*_of(stage, subject, subject_id)))


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
    column = JobRow.asset_id if subject == "asset" else JobRow.file_id
    session.execute(
        update(JobRow)
        .where(JobRow.stage == stage, column.in_(ids), JobRow.attempts > 0)
        .values(attempts=JobRow.attempts - 1, state="waiting")
    )


def next_retry(session: Session, stages: Sequence[str], now: datetime) -> datetime | None:
    """Return when, after `now`, the next waiting job of these stages may be tried; None: never."""
    soon = JobRow.run_after.between(*_after(now, LONGEST_WAIT))
    query = select(func.min(JobRow.run_after))
    return session.scalar(query.where(JobRow.state == "waiting", JobRow.stage.in_(stages), soon))


def release_leases(session: Session) -> int:
    """Free whatever was leased; for the one who holds the lock, at start. Returns how many."""
    return _release(session)


def give_back(session: Session, stage: str, subject: Subject, ids: Sequence[int]) -> None:
    """Free what was leased and not begun."""
    column = JobRow.asset_id if subject == "asset" else JobRow.file_id
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
    statement = insert(ResultRow).values(row)
    session.execute(
        statement.on_conflict_do_update(
            index_elements=[ResultRow.asset_id, ResultRow.stage],
            set_={"version": version, "done_at": now},
        )
    )
    forget_results(session, asset_id, redo)
    finish(session, stage, "asset", asset_id)


def forget_results(session: Session, asset_id: int, stages: Sequence[str]) -> None:
    """Make these stages due again for an asset, whatever became of them before."""
    for table in (ResultRow, JobRow):
        session.execute(delete(table).where(table.asset_id == asset_id, table.stage.in_(stages)))


def lose_results(session: Session, stage: str) -> None:
    """Make a stage due again for all: what it made was thrown away; what came of it still holds."""
    session.execute(update(ResultRow).where(ResultRow.stage == stage).values(version=LOST))


def was_lost(session: Session, asset_id: int, stage: str) -> bool:
    """Return True if a stage is due again only because what it made was thrown away."""
    found = session.get(ResultRow, (asset_id, stage))
    return found is not None and found.version == LOST


def _release(session: Session, *which: ColumnElement[bool]) -> int:
    leased = (JobRow.state == "leased", *which)
    fresh = session.execute(delete(JobRow).where(*leased, JobRow.attempts == 0))
    tried = session.execute(update(JobRow).where(*leased).values(state="waiting", **_UNLEASED))
    return _rows(fresh) + _rows(tried)


_UNLEASED: Changes = {"lease_until": None, "worker": None}


def _lacking(work: Work) -> list[ColumnElement[bool]]:
    current = [] if work.version is None else [ResultRow.version == _version(work)]
    ready = [_result(work.after)] if work.after else []
    own = [] if work.companions else [AssetRow.companion_of_id.is_(None)]
    return [
        AssetRow.kind.in_(work.kinds),
        AssetRow.missing_since.is_(None),
        *own,
        *ready,
        ~_result((work.stage,), *current),
    ]


def _version(work: Work) -> ColumnElement[str]:
    if work.video_version is None:
        return literal(work.version)
    return case((AssetRow.kind == "video", work.video_version), else_=work.version)


def _result(stages: tuple[str, ...], *more: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(ResultRow.asset_id == AssetRow.id, ResultRow.stage.in_(stages), *more)


def _forbidden(
    stage: str,
    column: InstrumentedAttribute[int | None],
    subject: InstrumentedAttribute[int],
    now: datetime,
) -> ColumnElement[bool]:
    return exists().where(
        JobRow.stage == stage,
        column == subject,
        or_(
            JobRow.state == "failed",
            and_(JobRow.state == "leased", JobRow.lease_until.between(*_after(now, LEASE))),
            and_(JobRow.state == "waiting", JobRow.run_after.between(*_after(now, LONGEST_WAIT))),
        ),
    )


def _after(now: datetime, most: timedelta) -> tuple[datetime, datetime]:
    return now + timedelta(microseconds=1), now + most


def _of(stage: str, subject: Subject, subject_id: int) -> tuple[ColumnElement[bool], ...]:
    column = JobRow.asset_id if subject == "asset" else JobRow.file_id
    return JobRow.stage == stage, column == subject_id


def _change(
    session: Session, stage: str, subject: Subject, subject_id: int, changes: Mapping[str, object]
) -> None:
    session.execute(update(JobRow).where(*_of(stage, subject, subject_id)).values(**changes))


def _rows(result: Result[Any]) -> int:
    return cast("CursorResult[Any]", result).rowcount
