"""The latest time that is known: no clock that tells an earlier one is right."""

from datetime import UTC, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mediaindex.store.tables import ResultRow

NEWEST = 1000
"""So many of the newest assets are asked, so that it costs the same in every library."""

NEVER = datetime.min.replace(tzinfo=UTC)


def latest_result(session: Session, stage: str) -> datetime:
    """Return when a stage was last done with one of the newest assets; `NEVER` if with none."""
    newest = (
        select(ResultRow.done_at)
        .where(ResultRow.stage == stage)
        .order_by(ResultRow.asset_id.desc())
        .limit(NEWEST)
        .subquery()
    )
    return session.scalar(select(func.max(newest.c.done_at))) or NEVER
