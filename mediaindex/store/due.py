"""What is due: what lacks the current result, and whose job, if it has one, does not forbid it.

To build these queries takes longer than to run them. Each is built once, and run with `at(now)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    exists,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from mediaindex.store.columns import Utc
from mediaindex.store.reach import asset_within_reach, file_within_reach
from mediaindex.store.tables import (
    AssetRow,
    CaptionRow,
    FileRow,
    JobRow,
    ResultRow,
    WordsRow,
)
from mediaindex.store.withheld import told

LONGEST_WAIT = timedelta(hours=1)
"""Nothing is put off for longer, but by a clock that was wrong."""

LEASE = timedelta(hours=6)
"""Longer than any claim waits, should each photo before it take all the time it may. It is not what
frees the work of a run that was killed: the next one does, as it starts."""

QUERIES = 64
"""So many are kept built: of the stages, and of the versions that tests make up."""


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
    #: It tells a model, which may be on another machine; what is trashed, hidden or locked waits
    #: until it is shown again. All else is done with them as with any: nothing of it is seen, and
    #: nothing leaves the machine.
    tells: bool = False


def at(now: datetime) -> Mapping[str, datetime]:
    """Return the parameters of a query for what is due at a time."""
    return {
        "just_later": now + timedelta(microseconds=1),
        "longest_lease": now + LEASE,
        "longest_wait": now + LONGEST_WAIT,
    }


@lru_cache(QUERIES)
def assets_due(work: Work) -> Select[int]:
    """Return the query for the ids of assets that lack `work`'s current result and may get it.

    Of work that needs the file, those are left out that lie in libraries that are offline only.
    """
    free = ~_forbidden(work.stage, JobRow.asset_id, AssetRow.id)
    within = [] if work.after else [asset_within_reach()]
    return select(AssetRow.id).where(*_lacking(work), free, *within)


@lru_cache(QUERIES)
def told_assets_due(work: Work) -> Select[int]:
    """Return the query of `assets_due`, less the assets of which nobody said a word."""
    return assets_due(work).where(is_told())


@lru_cache(QUERIES)
def files_due(stage: str) -> Select[int]:
    """Return the query for the ids of files, in reach, that nobody has looked into yet."""
    return select(FileRow.id).where(
        FileRow.kind.is_(None),
        FileRow.role == "media",
        FileRow.missing_since.is_(None),
        ~_forbidden(stage, JobRow.file_id, FileRow.id),
        file_within_reach(),
    )


def was_at(stage: str) -> ColumnElement[bool]:
    """Return the condition that a stage worked at an asset once, whatever came of it."""
    tried = exists().where(
        JobRow.stage == stage,
        JobRow.asset_id == AssetRow.id,
        JobRow.state.in_(("failed", "waiting")),
    )
    return or_(_result((stage,)), tried)


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


def _lacking(work: Work) -> list[ColumnElement[bool]]:
    current = [] if work.version is None else [ResultRow.version == _version(work)]
    ready = [_result(work.after)] if work.after else []
    own = [] if work.companions else [AssetRow.companion_of_id.is_(None)]
    may_be_told = [told()] if work.tells else []
    return [
        AssetRow.kind.in_(work.kinds),
        AssetRow.missing_since.is_(None),
        *own,
        *may_be_told,
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
) -> ColumnElement[bool]:
    later = bindparam("just_later", type_=Utc())
    leased = JobRow.lease_until.between(later, bindparam("longest_lease"))
    waiting = JobRow.run_after.between(later, bindparam("longest_wait"))
    return exists().where(
        JobRow.stage == stage,
        column == subject,
        or_(
            JobRow.state == "failed",
            and_(JobRow.state == "leased", leased),
            and_(JobRow.state == "waiting", waiting),
        ),
    )
