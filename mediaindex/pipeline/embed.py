"""Stage: previews of an asset's moments -> their vectors in the picture space."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.errors import MediaIndexError
from mediaindex.media.previews import PreviewMissing, PreviewStore
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.stage import PREVIEWED, Redo
from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset
from mediaindex.store.due import Work, assets_due
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.store.jobs import Subject
from mediaindex.store.tables import AssetRow
from mediaindex.types import RGB, Vectors


@dataclass(frozen=True)
class Looks:
    """The moments of one asset, to be looked at."""

    sha256: str
    #: The stage that makes its previews.
    previewed_by: str
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
    lasting = False
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

    def due(self) -> Select[int]:
        """Return the query for assets that the model in force has not seen."""
        return assets_due(self._work)

    def load(self, session: Session, subject_id: int) -> Looks:
        """Return the asset's moments."""
        asset = session.get_one(AssetRow, subject_id)
        moments = moments_by_asset(session, [subject_id])[subject_id]
        previewed_by = "frames" if asset.kind == "video" else "decode"
        return Looks(asset.sha256, previewed_by, tuple(moments))

    def work(self, inputs: Sequence[Looks]) -> list[Seen | MediaIndexError]:
        """Embed the previews of all these assets, a batch of pictures at a time."""
        found: list[list[Vectors]] = [[] for _ in inputs]
        trouble: dict[int, MediaIndexError] = {}
        todo = [(asset, at_ms) for asset, looks in enumerate(inputs) for _, at_ms in looks.moments]
        for start in range(0, len(todo), self.batch):
            pictures: list[RGB] = []
            owners: list[int] = []
            for asset, at_ms in todo[start : start + self.batch]:
                if asset in trouble:
                    continue
                try:
                    pictures.append(self._previews.read(inputs[asset].sha256, at_ms))
                    owners.append(asset)
                except PreviewMissing as error:
                    trouble[asset] = Redo(inputs[asset].previewed_by, str(error))
            if pictures:
                for asset, vector in zip(
                    owners, self._model.embedder.embed_images(pictures), strict=True
                ):
                    found[asset].append(vector)
        return [
            trouble.get(asset)
            or Seen(tuple(moment for moment, _ in looks.moments), self._rows(rows))
            for asset, (looks, rows) in enumerate(zip(inputs, found, strict=True))
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
    def _work(self) -> Work:
        return Work(
            self.name, version=self._model.version, kinds=("photo", "video"), after=PREVIEWED
        )

    def _rows(self, rows: list[Vectors]) -> Vectors:
        return np.array(rows, dtype=np.float32).reshape(-1, self._model.embedder.dim)
