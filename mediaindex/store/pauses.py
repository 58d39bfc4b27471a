"""Which stages a person has paused; kept, so that it holds for every run until they resume."""

from sqlalchemy.orm import Session

from mediaindex.store import settings

NAME = "paused"


def paused(session: Session) -> frozenset[str]:
    """Return the stages that are to do nothing."""
    return frozenset(settings.recall(session, NAME) or ())


def pause(session: Session, stage: str) -> None:
    """Let a stage do nothing more; what it has begun ends."""
    settings.remember(session, NAME, sorted(paused(session) | {stage}))


def resume(session: Session, stage: str) -> bool:
    """Let a stage go on; returns whether it was paused."""
    known = paused(session)
    settings.remember(session, NAME, sorted(known - {stage}) or None)
    return stage in known
