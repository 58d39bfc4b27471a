"""Stage: an asset's file and its sidecars -> what they say of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.errors import RetryLater
from mediaindex.media.dates import DateRules
from mediaindex.media.ffmpeg import need
from mediaindex.media.metadata import settle
from mediaindex.media.places import Gazetteer
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.errands import read_all
from mediaindex.pipeline.stage import POSTPONE, PREVIEWED, on_any_file
from mediaindex.store import jobs
from mediaindex.store.assets import change_kind, save_metadata, words_of
from mediaindex.store.columns import shown
from mediaindex.store.due import Work, assets_due
from mediaindex.store.embeddings import drop_text_vectors
from mediaindex.store.files import Lying, files_to_read, sidecars_of_asset
from mediaindex.store.jobs import Subject
from mediaindex.store.latest import latest_result
from mediaindex.types import Metadata, Place, Position

VERSION = "3"
"""Raise it when metadata is read differently, so that all of it is read again."""


AFTER = ("embed_text",)
"""The stages that work from words."""


@dataclass(frozen=True)
class Beside:
    """An asset's files, any one of which will do, and all their sidecars."""

    files: tuple[Lying, ...]
    sidecars: tuple[Path, ...]


@dataclass(frozen=True)
class Facts:
    """What was read, and the place it was taken at."""

    metadata: Metadata
    place: Place | None
    #: `photo` or `video`, as an older version may have taken it for the other; None: as it was.
    kind: str | None
    #: Which sidecars could not be read, and why; None: all could.
    unread: str | None = None


class Probe:
    """Reads metadata in children; places are looked up here."""

    name = "probe"
    subject: Subject = "asset"
    lasting = False
    batch = 8
    width = 1

    def __init__(
        self,
        children: Children,
        rules: DateRules,
        open_gazetteer: Callable[[], Gazetteer],
        time_limit_s: float,
    ) -> None:
        self._children = children
        self._rules = rules
        self._open_gazetteer = open_gazetteer
        self._gazetteer: Gazetteer | None = None
        self._time_limit_s = time_limit_s
        # A box without a clock of its own may wake up in 1970, when no photo was taken yet.
        self._latest: datetime | None = None
        version = f"{VERSION} {','.join(rules.order)} {rules.zone}"
        self._version = version
        self._work = Work(self.name, version, kinds=("photo", "video"), after=(), companions=True)

    def ready(self) -> None:
        """Leave videos out while ffprobe is missing; they wait for it in `frames`, which says so.

        The gazetteer is opened for the first picture that has a position.
        """
        try:
            need("ffprobe")
        except RetryLater:
            self._work = replace(self._work, kinds=("photo",))

    def due(self) -> Select[int]:
        """Return the query for photos whose facts nobody has read."""
        return assets_due(self._work)

    def load(self, session: Session, subject_id: int) -> Beside:
        """Return where the photo and its sidecars lie."""
        if self._latest is None:
            self._latest = latest_result(session, self.name)
        return Beside(
            files_to_read(session, subject_id),
            tuple(sidecars_of_asset(session, subject_id)),
        )

    def work(self, inputs: Sequence[Beside]) -> list[Facts | Exception]:
        """Read each photo's facts."""
        return [on_any_file(asset.files, partial(self._one, asset.sidecars)) for asset in inputs]

    def save(self, session: Session, subject_id: int, result: Facts, now: datetime) -> None:
        """Store the facts; the words have to be embedded again.

        Where a sidecar could not be read, the rest counts already and it is tried again later.
        """
        self._latest = max(now, self._latest or now)
        if result.kind and change_kind(session, subject_id, result.kind):
            jobs.forget_results(session, subject_id, PREVIEWED)
        before = words_of(session, subject_id)
        save_metadata(session, subject_id, result.metadata, result.place)
        if words_of(session, subject_id) != before:
            drop_text_vectors(session, subject_id)  # those that stand count as read
        if result.unread is None:
            jobs.mark_done(session, subject_id, self.name, self._version, now, redo=AFTER)
            return
        jobs.forget_results(session, subject_id, AFTER)
        job = (session, self.name, self.subject, subject_id)
        jobs.postpone(*job, reason=result.unread, until=now + POSTPONE, now=now)

    def close(self) -> None:
        """End the child and let go of the gazetteer."""
        self._children.close()
        if self._gazetteer is not None:
            self._gazetteer.close()

    def _one(self, sidecars: tuple[Path, ...], path: Path) -> Facts:
        with self._children.one() as child:
            papers, kind = child.call(self._time_limit_s, read_all, path, sidecars)
        found = self._place(papers.position) if papers.position else None
        zone = found.time_zone if found else None
        now = datetime.now(UTC)
        now = max(now, self._latest or now)
        metadata = settle(papers, self._rules, lambda _: zone, now)
        unread = shown(", ".join(papers.beside.unread))
        return Facts(metadata, found, kind, unread or None)

    def _place(self, position: Position) -> Place | None:
        if self._gazetteer is None:
            self._gazetteer = self._open_gazetteer()
        return self._gazetteer.nearest(position)
