"""Stage: words that people wrote on an asset -> vectors in the text space."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.errors import MediaIndexError
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.stage import PREVIEWED
from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset, words_of
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.store.jobs import Subject
from mediaindex.types import Vectors

MAX_PIECES = 16
"""Pieces embedded of one asset's words; a novel in a description is cut here, full text has all."""


@dataclass(frozen=True)
class Told:
    """The words on one asset, and its first moment, whose vectors they become."""

    moment_id: int | None
    words: tuple[str, ...]


@dataclass(frozen=True)
class Heard:
    """The vectors of the words, float32 (n, dim), unit rows; none where there are no words."""

    moment_id: int | None
    vectors: Vectors


class EmbedText:
    """Puts words into the space of the pictures, in pieces that fit the model's context."""

    name = "embed_text"
    subject: Subject = "asset"
    newest_first = False
    batch = 32
    width = 1

    def __init__(self, model: Model) -> None:
        self._model = model

    def ready(self) -> None:
        """Have the model at hand.

        Raises:
            RetryLater: Its weights are not on this machine.
        """
        _ = self._model.embedder

    def due(self, now: datetime) -> Select[int]:
        """Return the query for assets with words that the model in force has not read."""
        return jobs.told_assets_due(self._work, now)

    def load(self, session: Session, subject_id: int) -> Told:
        """Return the asset's words."""
        moments = moments_by_asset(session, [subject_id])[subject_id]
        return Told(moments[0][0] if moments else None, tuple(words_of(session, subject_id)))

    def work(self, inputs: Sequence[Told]) -> list[Heard | MediaIndexError]:
        """Embed the words of all these assets as one batch."""
        embedder = self._model.embedder
        pieces = [
            [piece for text in told.words for piece in embedder.split_text(text)][:MAX_PIECES]
            for told in inputs
        ]
        vectors = embedder.embed_texts([piece for found in pieces for piece in found])
        ends = np.cumsum([len(found) for found in pieces])[:-1]
        return [
            Heard(told.moment_id, part)
            for told, part in zip(inputs, np.split(vectors, ends), strict=True)
        ]

    def save(self, session: Session, subject_id: int, result: Heard, now: datetime) -> None:
        """Store the vectors in place of those of older words."""
        embedder = self._model.embedder
        if result.moment_id is not None:
            space = open_space(session, embedder.model_id, "text", embedder.dim)
            owners = [result.moment_id] * len(result.vectors)
            replace_embeddings(session, space, [result.moment_id], owners, result.vectors)
        jobs.mark_done(session, subject_id, self.name, embedder.model_id, now, redo=())

    def close(self) -> None:
        """The model goes with the program."""

    @property
    def _work(self) -> jobs.Work:
        return jobs.Work(
            self.name, version=self._model.version, kinds=("photo", "video"), after=PREVIEWED
        )
