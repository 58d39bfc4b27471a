"""Stage: an asset's file -> its moments and their previews."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.media.photo import Limits
from mediaindex.media.previews import PreviewStore
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.errands import Size, decode_to_preview
from mediaindex.pipeline.stage import on_any_file
from mediaindex.store import jobs
from mediaindex.store.assets import save_moments, save_size
from mediaindex.store.due import Work, assets_due
from mediaindex.store.files import Lying, files_to_read
from mediaindex.store.jobs import Subject
from mediaindex.store.tables import AssetRow

AFTER = ("embed", "caption")
"""The stages that work from previews."""


@dataclass(frozen=True)
class Source:
    """An asset to decode: any one of its files will do."""

    files: tuple[Lying, ...]
    sha256: str


class Decode:
    """Decodes photos in children, which write the previews."""

    name = "decode"
    subject: Subject = "asset"
    lasting = False
    batch = 1

    def __init__(
        self,
        children: Children,
        width: int,
        previews: PreviewStore,
        limits: Limits,
        time_limit_s: float,
    ) -> None:
        self.width = width
        self._children = children
        self._previews = previews
        self._limits = limits
        self._time_limit_s = time_limit_s
        self._version = previews.sizes
        self._work = Work(self.name, self._version, kinds=("photo",), after=())

    def ready(self) -> None:
        """It needs nothing."""

    def due(self) -> Select[int]:
        """Return the query for photos without a preview of the size in force."""
        return assets_due(self._work)

    def load(self, session: Session, subject_id: int) -> Source:
        """Return where the photo lies."""
        asset = session.get_one(AssetRow, subject_id)
        return Source(files_to_read(session, subject_id), asset.sha256)

    def work(self, inputs: Sequence[Source]) -> list[Size | Exception]:
        """Decode each photo and write its preview."""
        return [on_any_file(source.files, partial(self._one, source.sha256)) for source in inputs]

    def save(self, session: Session, subject_id: int, result: Size, now: datetime) -> None:
        """Store the photo's one moment; what worked from an older preview is due again."""
        save_size(session, subject_id, result.width_px, result.height_px)
        save_moments(session, subject_id, [(0, 0, 0)])
        redo = () if jobs.was_lost(session, subject_id, self.name) else AFTER
        jobs.mark_done(session, subject_id, self.name, self._version, now, redo=redo)

    def close(self) -> None:
        """End the children."""
        self._children.close()

    def _one(self, sha256: str, path: Path) -> Size:
        with self._children.one() as child:
            return child.call(
                self._time_limit_s,
                decode_to_preview,
                path,
                sha256,
                self._previews,
                self._limits,
            )
