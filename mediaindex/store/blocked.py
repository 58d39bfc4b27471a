"""Which stages cannot work at all now, and why; kept, for `status` to tell."""

from datetime import datetime

from sqlalchemy import delete
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from mediaindex.store.tables import BlockedRow


def block(session: Session, stage: str, reason: str, now: datetime) -> None:
    """Note that a stage cannot work at all for now; `since` stays at the first time."""
    statement = insert(BlockedRow).values(stage=stage, reason=reason, since=now)
    session.execute(
        statement.on_conflict_do_update(index_elements=[BlockedRow.stage], set_={"reason": reason})
    )


def unblock(session: Session, stage: str) -> None:
    """Note that a stage works again."""
    session.execute(delete(BlockedRow).where(BlockedRow.stage == stage))
