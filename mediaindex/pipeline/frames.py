"""Stage: a video's file -> its moments, one for each frame that is kept, and their previews."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, partial
from itertools import takewhile
from pathlib import Path
from typing import Literal

from sqlalchemy import Select, and_, or_
from sqlalchemy.orm import Session

from mediaindex.errors import BrokenOff
from mediaindex.media.ffmpeg import need, version
from mediaindex.media.frames import VideoFrames, read_frames
from mediaindex.media.previews import PreviewStore
from mediaindex.media.textual import is_full_of_text
from mediaindex.media.timeline import READERS
from mediaindex.media.video import probe_video
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.errands import Film, Ways, look_through_animation
from mediaindex.pipeline.spans import Span, Spans
from mediaindex.pipeline.stage import on_any_file
from mediaindex.store import jobs
from mediaindex.store.assets import save_film, save_moments
from mediaindex.store.due import Work, assets_due, was_at
from mediaindex.store.files import Lying, files_to_read
from mediaindex.store.jobs import Subject
from mediaindex.store.tables import AssetRow
from mediaindex.types import VideoFacts

OnVideo = Callable[[Path, float | None], None]
"""Told of a file how much of it is done, 0 to 1; None when it is done with."""

LONG_MS = 10 * 60_000
"""From here on a video is long, and so is one of which nobody can say how long it is."""

Lengths = Literal["any", "short", "long"]
"""Which videos a stage takes. One for the short and one for the long ones, side by side, keep those
from waiting for these."""

GRACE = 3
"""Within so many times its limit an animation has to be done; one frame may take long."""

AFTER = ("embed", "caption", "embed_text")
"""The stages that work from moments."""


@dataclass(frozen=True)
class Clip:
    """A video to look through: any one of its files will do."""

    files: tuple[Lying, ...]
    sha256: str
    format: str


class Frames:
    """Looks through videos, a file at a time; what is done of one is kept through a kill.

    ffmpeg runs in processes of its own; animations, which Pillow decodes, in children.
    """

    name = "frames"
    subject: Subject = "asset"
    lasting = False
    batch = 1

    def __init__(
        self,
        children: Children,
        width: int,
        previews: PreviewStore,
        ways: Ways,
        stop: threading.Event,
        on_video: OnVideo = lambda _path, _share: None,
        lengths: Lengths = "any",
    ) -> None:
        self.width = width
        self._children = children
        self._previews = previews
        self._ways = ways
        self._stop = stop
        self._on_video = on_video
        self._lengths = lengths
        self._is_ready = False
        #: When frames were kept of each video that was saved.
        self._saved: dict[str, list[int]] = {}
        rules = ways.rules
        gaps = f"{rules.min_gap_s:g}-{rules.max_gap_s:g}s"
        most = f"{rules.base_frames}+{rules.frames_per_min:g}"
        #: Of the previews and the rules; what was made under another is made again.
        self.version = f"{previews.sizes} {gaps} {most}"
        self._work = Work(self.name, self.version, kinds=("video",), after=())

    def ready(self) -> None:
        """Have ffmpeg and ffprobe at hand.

        Raises:
            RetryLater: One is not installed.
        """
        need("ffmpeg", "ffprobe")
        version()
        self._is_ready = True

    def due(self) -> Select[int]:
        """Return the query for videos that were not looked through by the rules in force."""
        return _videos_due(self._work, self._lengths if self._is_ready else "any")

    def load(self, session: Session, subject_id: int) -> Clip:
        """Return where the video lies."""
        asset = session.get_one(AssetRow, subject_id)
        return Clip(files_to_read(session, subject_id), asset.sha256, asset.format)

    def work(self, inputs: Sequence[Clip]) -> list[Film | Exception]:
        """Look through each video and write the previews of the frames that are kept."""
        return [on_any_file(clip.files, partial(self._one, clip)) for clip in inputs]

    def save(self, session: Session, subject_id: int, result: Film, now: datetime) -> None:
        """Store the moments; whatever worked from older ones is due again."""
        save_film(session, subject_id, result.facts, result.partial)
        save_moments(session, subject_id, result.spans)
        redo = () if jobs.was_lost(session, subject_id, self.name) else AFTER
        jobs.mark_done(session, subject_id, self.name, self.version, now, redo=redo)
        sha256 = session.get_one(AssetRow, subject_id).sha256
        self._spans(sha256).forget()
        self._saved[sha256] = [at_ms for _, _, at_ms in result.spans]

    def close(self) -> None:
        """End the children, and remove previews of moments that are no more.

        Only here is it certain that what was saved is committed.
        """
        self._children.close()
        for sha256, at_ms in self._saved.items():
            self._previews.keep_only(sha256, at_ms)

    def _spans(self, sha256: str) -> Spans:
        return Spans(self._previews.path(sha256, 0).with_suffix(".spans"), self.version)

    def _one(self, clip: Clip, path: Path) -> Film:
        self._on_video(path, 0.0)
        try:
            if clip.format in READERS:
                return self._animation(clip, path)
            return self._video(clip, path)
        finally:
            self._on_video(path, None)

    def _video(self, clip: Clip, path: Path) -> Film:
        facts = probe_video(path)
        spans = self._spans(clip.sha256)
        known, trouble = spans.read()
        # What was cleared away since has to be made again, and all that follows it.
        done = list(takewhile(partial(self._has_preview, clip.sha256), known))
        spans.begin(done, trouble)
        may_grow = max(facts.width_px, facts.height_px) > self._previews.px
        frames = self._frames(path, facts, done, self._previews.px)
        looked_at = iter(frames)
        while kept := next(looked_at, None):
            if may_grow and is_full_of_text(kept.pixels):
                # A recording of a screen: from this frame on decoded larger, as after a break.
                may_grow = False
                looked_at.close()
                frames = self._frames(path, facts, done, self._previews.text_px)
                looked_at = iter(frames)
                continue
            self._previews.write(clip.sha256, kept.at_ms, self._previews.fitted(kept.pixels))
            done.append((kept.start_ms, kept.end_ms, kept.at_ms))
            is_new = frames.partial not in (trouble, facts.partial)
            spans.add(done[-1], frames.partial if is_new else None)
            trouble = frames.partial or trouble
        return Film(facts, tuple(done), frames.partial or trouble)

    def _frames(
        self, path: Path, facts: VideoFacts, done: Sequence[Span], fit_px: int
    ) -> VideoFrames:
        return read_frames(
            path,
            facts,
            self._ways.rules,
            fit_px,
            done[-1][1] if done else 0,
            limits=self._ways.run,
            hwaccel=self._ways.hwaccel,
            kept=len(done),
            on_frame=partial(self._go_on, path, facts),
        )

    def _has_preview(self, sha256: str, span: Span) -> bool:
        return self._previews.path(sha256, span[2]).is_file()

    def _go_on(self, path: Path, facts: VideoFacts, at_ms: int) -> None:
        """Tell how far it is, after each frame that is looked at: hours may go by without a cut."""
        self._on_video(path, min(1.0, at_ms / facts.duration_ms) if facts.duration_ms else 0.0)
        if self._stop.is_set():
            raise BrokenOff(f"{path} goes on where it was broken off")

    def _animation(self, clip: Clip, path: Path) -> Film:
        with self._children.one() as child:
            return child.call(
                self._ways.animation_limit_s * GRACE,
                look_through_animation,
                path,
                clip.sha256,
                self._previews,
                self._ways,
            )


@cache
def _videos_due(work: Work, lengths: Lengths) -> Select[int]:
    every = assets_due(work)
    if lengths == "any":
        return every
    if lengths == "short":
        return every.where(AssetRow.duration_ms < LONG_MS)
    has_no_length = and_(AssetRow.duration_ms.is_(None), was_at("probe"))
    return every.where(or_(AssetRow.duration_ms >= LONG_MS, has_no_length))
