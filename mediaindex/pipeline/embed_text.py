"""Stage: words on assets and moments -> vectors: of people in one space, of models in another."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.embedders import Embedder
from mediaindex.errors import MediaIndexError
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.stage import PREVIEWED
from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset, words_of
from mediaindex.store.captions import captions_of_asset
from mediaindex.store.due import Work, told_assets_due
from mediaindex.store.embeddings import (
    find_space,
    moments_with_vectors,
    open_space,
    replace_embeddings,
)
from mediaindex.store.jobs import Subject
from mediaindex.types import Caption, Space, Vectors

log = logging.getLogger(__name__)

MAX_PIECES = 16
"""Pieces embedded of one asset's words; a novel in a description is cut here, full text has all."""

MAX_OF_MOMENT = 8
"""Pieces embedded of one caption; a page of a book that was read is cut here, likewise."""

AT_ONCE = 256
"""Pieces handed to the model in one call."""


@dataclass(frozen=True)
class Told:
    """The words on one asset that the model has not read yet."""

    asset_id: int
    #: In order of time. People's words and the summary become vectors of the first.
    moment_ids: tuple[int, ...]
    #: What people wrote; None: the model has read it, or nobody wrote anything.
    words: tuple[str, ...] | None
    #: What is said of moments, by their ids.
    captions: tuple[tuple[int, Caption], ...] = ()
    #: What is said of the whole video; None also where its first moment has been read.
    summary: Caption | None = None

    @property
    def unread(self) -> tuple[int, ...]:
        """The moments that get vectors of captions, in order of time."""
        first = self.moment_ids[:1] if self.summary else ()
        return tuple(dict.fromkeys((*first, *(moment for moment, _ in self.captions))))


@dataclass(frozen=True)
class Heard:
    """The vectors of an asset's words, each float32 (n, dim), unit rows."""

    told: Told
    words: Vectors
    captions: Vectors
    #: Which moment each of `captions` is of.
    owners: tuple[int, ...]
    summary: Vectors


class EmbedText:
    """Puts words into the space of the pictures, in pieces that fit the model's context."""

    name = "embed_text"
    subject: Subject = "asset"
    lasting = False
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

    def due(self) -> Select[int]:
        """Return the query for assets with words that the model in force has not read."""
        return told_assets_due(self._work)

    def load(self, session: Session, subject_id: int) -> Told:
        """Return the asset's words, less those that have vectors: when they change these go."""
        model_id = self._model.embedder.model_id
        moments = tuple(
            moment_id for moment_id, _ in moments_by_asset(session, [subject_id])[subject_id]
        )
        first = moments[:1]
        words = tuple(words_of(session, subject_id))
        heard = _heard(session, find_space(session, model_id, "text"), moments)
        captions = captions_of_asset(session, subject_id)
        read = _heard(session, find_space(session, model_id, "caption"), moments)
        summary = captions.pop(None, None)
        return Told(
            subject_id,
            moments,
            None if not words or heard.issuperset(first) else words,
            tuple(
                (moment or 0, said.caption)
                for moment, said in captions.items()
                if moment not in read
            ),
            None if summary is None or read.issuperset(first) else summary.caption,
        )

    def work(self, inputs: Sequence[Told]) -> list[Heard | MediaIndexError]:
        """Embed the words of all these assets, many pieces at a time."""
        embedder = self._model.embedder
        pieces: list[str] = []
        parts: list[tuple[int, int, int]] = []
        owners: list[list[int]] = []
        for told in inputs:
            of_words = _of_person(embedder, told)
            of_moments = [
                (moment, piece)
                for moment, caption in told.captions
                for piece in _of_caption(embedder, caption, f"moment {moment}")
            ]
            of_whole = _of_caption(embedder, told.summary, f"asset {told.asset_id}")
            pieces += [*of_words, *(piece for _, piece in of_moments), *of_whole]
            parts.append((len(of_words), len(of_moments), len(of_whole)))
            owners.append([moment for moment, _ in of_moments])
        vectors = _embedded(embedder, pieces)
        split = iter(np.split(vectors, np.cumsum(parts)[:-1]))
        return [
            Heard(told, next(split), next(split), tuple(owned), next(split))
            for told, owned in zip(inputs, owners, strict=True)
        ]

    def save(self, session: Session, subject_id: int, result: Heard, now: datetime) -> None:
        """Store the vectors in place of those of older words."""
        embedder, told = self._model.embedder, result.told
        model = embedder.model_id, embedder.dim
        if told.moment_ids and told.words is not None:
            space = open_space(session, model[0], "text", model[1])
            owners = list(told.moment_ids[:1]) * len(result.words)
            replace_embeddings(session, space, told.moment_ids, owners, result.words)
        if told.moment_ids and told.unread:
            space = open_space(session, model[0], "caption", model[1])
            moments = (space, told.unread, result.owners)
            replace_embeddings(session, *moments, result.captions, result.summary)
        jobs.mark_done(session, subject_id, self.name, embedder.model_id, now, redo=())

    def close(self) -> None:
        """The model goes with the program."""

    @property
    def _work(self) -> Work:
        return Work(
            self.name, version=self._model.version, kinds=("photo", "video"), after=PREVIEWED
        )


def _heard(session: Session, space: Space | None, moments: Sequence[int]) -> set[int]:
    return set() if space is None else moments_with_vectors(session, space, moments)


def _of_person(embedder: Embedder, told: Told) -> list[str]:
    found = [piece for text in told.words or () for piece in embedder.split_text(text)]
    return _cut(found, MAX_PIECES, f"asset {told.asset_id}")


def _of_caption(embedder: Embedder, caption: Caption | None, what: str) -> list[str]:
    """Return the pieces of a caption, what may be long last."""
    if caption is None:
        return []
    named = ", ".join(filter(None, (*caption.tags, caption.setting)))
    texts = (caption.description, named, caption.text_in_image)
    found = [piece for text in texts if text for piece in embedder.split_text(text)]
    return _cut(found, MAX_OF_MOMENT, what)


def _cut(pieces: list[str], limit: int, what: str) -> list[str]:
    if len(pieces) > limit:
        told = "%s: only the first %d of %d pieces of its words become vectors"
        log.info(told, what, limit, len(pieces))
    return pieces[:limit]


def _embedded(embedder: Embedder, pieces: Sequence[str]) -> Vectors:
    starts = range(0, max(1, len(pieces)), AT_ONCE)
    return np.concatenate([embedder.embed_texts(pieces[at : at + AT_ONCE]) for at in starts])
