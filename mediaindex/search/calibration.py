"""Learn what chance looks like in this library, and remember it with the database."""

from collections.abc import Callable

import msgspec

from mediaindex.embedders import Embedder
from mediaindex.search.chance import PROMPTS, Calibration, calibrate
from mediaindex.store import settings
from mediaindex.store.database import Database
from mediaindex.store.embeddings import count_vectors, find_space, sample_vectors

SAMPLE = 5000
"""Pictures looked at. The tail of a distribution needs some thousands and no more."""

STALE_SHARE = 0.1
"""A library that grew or shrank by this share is measured again."""


def read_calibration(database: Database, model_id: str) -> Calibration | None:
    """Return what is known of chance for a model's picture space; None: nothing yet."""
    with database.read() as session:
        known = settings.recall(session, _name(model_id))
    return None if known is None else msgspec.convert(known, Calibration)


def refresh_calibration(
    database: Database, embedder: Embedder, on_note: Callable[[str], None]
) -> bool:
    """Measure chance anew if the library changed much since it was last measured.

    Returns:
        True if it was measured.
    """
    with database.read() as session:
        space = find_space(session, embedder.model_id, "picture")
        if space is None:
            return False
        count = count_vectors(session, space)
    known = read_calibration(database, embedder.model_id)
    if known is not None and abs(known.pictures - count) <= STALE_SHARE * count:
        return False
    on_note("learning what chance looks like in this library")
    with database.read() as session:
        sample = sample_vectors(session, space, SAMPLE)
    found = calibrate(embedder.embed_texts(PROMPTS), sample, count)
    with database.write() as session:
        settings.remember(session, _name(embedder.model_id), msgspec.to_builtins(found))
    return True


def _name(model_id: str) -> str:
    return f"chance {model_id}"
