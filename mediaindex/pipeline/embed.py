"""Stage: previews of an asset's moments -> their vectors in the picture space."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.embedders import Embedder
from mediaindex.errors import MediaIndexError
from mediaindex.media.previews import PreviewMissing, PreviewStore
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.stage import Redo
from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.store.jobs import Subject
from mediaindex.store.tables import AssetRow
from mediaindex.types import RGB, Vectors


@dataclass(frozen=True)
class Looks:
    """The moments of one asset, to be looked at."""

    sha256: str
    #: (moment id, at_ms), in order of time.
    moments: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Seen:
    """The vectors of one asset's moments, float32 (n, dim), unit rows."""

    moment_ids: tuple[int, ...]
    vectors: Vectors


class Embed:
    """Shows previews to the encoder, many at a time."""

    name = "embed"
    subject: Subject = "asset"
    width = 1

    def __init__(self, model: Model, previews: PreviewStore, batch: int) -> None:
        self.batch = batch
        self._model = model
        self._previews = previews

    def ready(self) -> None:
        """Have the model at hand.

        Raises:
            RetryLater: Its weights are not on this machine.
        """
        _ = self._model.embedder

    def due(self, now: datetime) -> Select[int]:
        """Return the query for assets that the model in force has not seen."""
        return jobs.assets_due(self._work, now)

    def load(self, session: Session, subject_id: int) -> Looks:
        """Return the asset's moments."""
        asset = session.get_one(AssetRow, subject_id)
        return Looks(asset.sha256, tuple(moments_by_asset(session, [subject_id])[subject_id]))

    def work(self, inputs: Sequence[Looks]) -> list[Seen | MediaIndexError]:
        """Embed the previews of all these assets as one batch."""
        pictures = [self._read(looks) for looks in inputs]
        flat = [image for found in pictures if isinstance(found, list) for image in found]
        vectors = iter(_in_batches(self._model.embedder, flat, self.batch))
        return [
            found
            if isinstance(found, MediaIndexError)
            else Seen(
                tuple(moment for moment, _ in looks.moments),
                np.array([next(vectors) for _ in found], dtype=np.float32),
            )
            for looks, found in zip(inputs, pictures, strict=True)
        ]

    def save(self, session: Session, subject_id: int, result: Seen, now: datetime) -> None:
        """Store the vectors; the indexes are told by `sync`."""
        embedder = self._model.embedder
        space = open_space(session, embedder.model_id, "picture", embedder.dim)
        ids = result.moment_ids
        replace_embeddings(session, space, ids, ids, result.vectors)
        jobs.mark_done(session, subject_id, self.name, embedder.model_id, now, redo=())

    def close(self) -> None:
        """The model goes with the program."""

    @property
    def _work(self) -> jobs.Work:
        return jobs.Work(
            self.name, version=self._model.version, kinds=("photo", "video"), after="decode"
        )

    def _read(self, looks: Looks) -> list[RGB] | MediaIndexError:
        try:
            return [self._previews.read(looks.sha256, at_ms) for _, at_ms in looks.moments]
        except PreviewMissing as error:
            return Redo("decode", str(error))


def _in_batches(embedder: Embedder, images: Sequence[RGB], batch: int) -> Vectors:
    """Return float32 (n, dim): a video's many moments must not make the batch as large."""
    parts = [
        embedder.embed_images(images[start : start + batch])
        for start in range(0, len(images), batch)
    ]
    return np.concatenate(parts) if parts else np.empty((0, embedder.dim), dtype=np.float32)
