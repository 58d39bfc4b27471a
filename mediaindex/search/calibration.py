"""Learn what chance looks like in this library, and remember it with the database."""

import time
from collections.abc import Callable

import msgspec
from sqlalchemy.orm import Session

from mediaindex.embedders import Embedder
from mediaindex.search.chance import PROMPTS, Calibration, calibrate
from mediaindex.search.kept import Kept
from mediaindex.store import settings
from mediaindex.store.database import Database
from mediaindex.store.embeddings import count_vectors, find_space, sample_vectors
from mediaindex.types import SpaceKind

SAMPLE = 5000
"""Pictures looked at. The tail of a distribution needs some thousands and no more."""

MEASURED: tuple[SpaceKind, ...] = ("picture", "caption")
"""The kinds of spaces that hold something of nearly every asset. The texts of people do not."""

READ_AGAIN_S = 10.0

STALE_SHARE = 0.1
"""A library that grew or shrank by this share is measured again."""


def read_calibration(
    database: Database, model_id: str, kind: SpaceKind = "picture"
) -> Calibration | None:
    """Return what is known of chance for a space of a model; None: nothing yet."""
    with database.read() as session:
        return _recall(session, model_id, kind)


class Chances:
    """What is known of chance, kept for some seconds: it takes longer to read than to use."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known = Kept[tuple[str, SpaceKind], Calibration | None](8, READ_AGAIN_S, clock)

    def of(self, session: Session, model_id: str, kind: SpaceKind) -> Calibration | None:
        """Return what is known for a space of a model; None: nothing yet. Only reads."""
        return self._known.get((model_id, kind), lambda: _recall(session, model_id, kind))


def refresh_calibration(
    database: Database, embedder: Embedder, on_note: Callable[[str], None]
) -> bool:
    """Measure chance anew, for pictures and for captions, if these changed much since the last.

    Returns:
        True if anything was measured.
    """
    stale = [kind for kind in MEASURED if _is_stale(database, embedder.model_id, kind)]
    if not stale:
        return False
    on_note("learning what chance looks like in this library")
    background = embedder.embed_texts(PROMPTS)
    for kind in stale:
        with database.read() as session:
            space = find_space(session, embedder.model_id, kind)
            if space is None:
                continue
            sample, count = sample_vectors(session, space, SAMPLE), count_vectors(session, space)
        found = calibrate(background, sample, count)
        with database.write() as session:
            name = _name(embedder.model_id, kind)
            settings.remember(session, name, msgspec.to_builtins(found))
    return True


def _is_stale(database: Database, model_id: str, kind: SpaceKind) -> bool:
    with database.read() as session:
        space = find_space(session, model_id, kind)
        count = 0 if space is None else count_vectors(session, space)
    known = read_calibration(database, model_id, kind)
    return count > 0 and (known is None or abs(known.pictures - count) > STALE_SHARE * count)


def _recall(session: Session, model_id: str, kind: SpaceKind) -> Calibration | None:
    known = settings.recall(session, _name(model_id, kind))
    return None if known is None else msgspec.convert(known, Calibration)


def _name(model_id: str, kind: SpaceKind) -> str:
    return f"chance {model_id}" if kind == "picture" else f"chance {model_id} {kind}"
