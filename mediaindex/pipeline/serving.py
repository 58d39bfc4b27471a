"""Which model's vectors answer searches, and when a new one takes over.

A new model fills a space of its own while the old one serves; the switch is one transaction, once
nothing is left for the new one to see or to read.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from mediaindex.pipeline.stage import PREVIEWED
from mediaindex.store import settings
from mediaindex.store.due import Work, any_lacking
from mediaindex.store.embeddings import drop_space, spaces
from mediaindex.types import Space

NAME = "serving"


@dataclass(frozen=True)
class Serving:
    """The model that answers."""

    #: As in the settings: which embedder, and which of its models.
    use: str
    model: str
    model_id: str


def serving(session: Session) -> Serving | None:
    """Return the model whose vectors answer searches, None before the first."""
    known = settings.recall(session, NAME)
    return None if known is None else Serving(**known)


def take_over(session: Session, candidate: Serving, now: datetime) -> list[Space]:
    """Let `candidate` answer, if it is the first or has seen and read all; the caller commits.

    Returns:
        The spaces of older models, whose vectors are forgotten; to be dropped from the indexes.
    """
    known = serving(session)
    if known is not None and known.model_id != candidate.model_id:
        seen, read = (
            Work(stage, candidate.model_id, kinds=("photo", "video"), after=PREVIEWED)
            for stage in ("embed", "embed_text")
        )
        if any_lacking(session, seen) or any_lacking(session, read, told=True):
            return []
    if known == candidate:
        return []
    settings.remember(session, NAME, vars(candidate))
    old = [space for space in spaces(session) if space.model_id != candidate.model_id]
    for space in old:
        drop_space(session, space.id)
    return old
