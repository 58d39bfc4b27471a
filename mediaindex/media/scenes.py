"""Which frames of a video are kept, and which stretch of it each stands for. Reads no file."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mediaindex.media.looks import LATE_MS, Look
from mediaindex.types import RGB, Frame

SETTLE_MS = 1000
"""Fades and cross-fades are over after this; until then a frame may give way to a richer one."""

RICHER = 2.0
"""How many times the contrast of the first frame another has to have to take its place."""

DRIFT = 0.5
"""After this part of the ceiling a slow change counts like a cut."""


@dataclass(frozen=True)
class FrameRules:
    """How many frames are kept."""

    #: No two spans begin nearer to each other.
    min_gap_s: float = 1.0
    #: After it another frame is kept, unless it would show the same as the last.
    max_gap_s: float = 10.0
    #: Any video may have so many ...
    base_frames: int = 60
    #: ... and so many more for each minute.
    frames_per_min: float = 12.0


@dataclass(frozen=True)
class KeptFrame:
    """A frame that stands for a stretch of the video."""

    pixels: RGB
    #: Its own presentation time, milliseconds from the start of the video.
    at_ms: int
    #: The stretch; the stretches of a video follow each other without a gap.
    start_ms: int
    end_ms: int


@dataclass
class _Span:
    """A stretch of the video that has begun, and the frame that stands for it so far."""

    start_ms: int
    frame: Frame
    look: Look
    #: And not by a slow change, or by the ceiling.
    by_cut: bool

    def offer(self, frame: Frame, look: Look) -> None:
        """Take a frame instead of a blank one; near the start also instead of a pale one."""
        is_near = frame.at_ms - self.start_ms <= SETTLE_MS
        is_richer = is_near and look.contrast > RICHER * self.look.contrast
        if not look.is_blank and (self.look.is_blank or is_richer):
            self.frame, self.look = frame, look

    def until(self, end_ms: int) -> KeptFrame:
        """Return it with its end."""
        return KeptFrame(self.frame.pixels, self.frame.at_ms, self.start_ms, end_ms)


def choose(
    frames: Iterable[Frame],
    rules: FrameRules,
    start_ms: int = 0,
    duration_ms: int | None = None,
    kept: int = 0,
) -> Iterator[KeptFrame]:
    """Yield the frames to keep, each as soon as its end is known; three are held at a time.

    Where there is any frame, one is kept. To go on after a break, start where the last span ended.

    Args:
        frames: In order of time; the nearer to each other, the more exact the spans.
        rules: How many are kept.
        start_ms: Where the first span begins.
        duration_ms: Where the last span ends, if no frame is later.
        kept: How many were kept before `start_ms`.
    """
    chooser = _Chooser(rules, start_ms, kept)
    last_ms = start_ms
    stands_ms = 0
    for frame in frames:
        yield from chooser.take(frame)
        stands_ms, last_ms = frame.at_ms - last_ms, frame.at_ms
    if duration_ms is not None and last_ms >= duration_ms:  # the last one stands for a while too
        last_ms += min(stands_ms, round(rules.min_gap_s * 1000))
    yield from chooser.end(max(last_ms, duration_ms or 0))


class _Chooser:
    def __init__(self, rules: FrameRules, start_ms: int, count: int) -> None:
        self._rules = rules
        self._start_ms = start_ms
        self._count = count
        #: Kept, but what comes next may still belong to it.
        self._kept: _Span | None = None
        self._open: _Span | None = None
        #: Shows nothing, but is better than no frame at all.
        self._blank: _Span | None = None
        self._before: Look | None = None
        self._before_ms = 0
        #: There was a cut that came too soon.
        self._owes_cut = False

    def take(self, frame: Frame) -> Iterator[KeptFrame]:
        look, before = Look(frame.pixels), self._before
        apart_ms = frame.at_ms - self._before_ms
        is_cut = before is not None and before.is_of_another_scene(look, apart_ms)
        if self._open is None:
            self._open = _Span(self._start_ms, frame, look, by_cut=True)
        elif self._begins_span(self._open, frame.at_ms, look, is_cut):
            yield from self._begin(self._open, frame, look, is_cut)
        else:
            self._open.offer(frame, look)
        self._before, self._before_ms = look, frame.at_ms

    def end(self, end_ms: int) -> Iterator[KeptFrame]:
        if self._open is not None:
            yield from self._close(self._open)
        last = self._kept or self._blank
        if last is not None:
            yield last.until(end_ms)

    def _begins_span(self, span: _Span, at_ms: int, look: Look, is_cut: bool) -> bool:
        gap_s = (at_ms - span.start_ms) / 1000
        if not self._may_keep_more(at_ms) or (gap_s < self._rules.min_gap_s and span.by_cut):
            self._owes_cut = self._owes_cut or is_cut
            return False
        if is_cut or gap_s < self._rules.min_gap_s:
            return is_cut
        if self._owes_cut or gap_s >= self._rules.max_gap_s * DRIFT:
            if span.look.is_of_another_scene(look, LATE_MS):
                return True
            self._owes_cut = False
        return gap_s >= self._rules.max_gap_s and not span.look.shows_the_same(look)

    def _begin(self, before: _Span, frame: Frame, look: Look, by_cut: bool) -> Iterator[KeptFrame]:
        """Begin a span; one that no cut began gives way to it if it has only just begun."""
        is_short = frame.at_ms - before.start_ms < self._rules.min_gap_s * 1000
        inherits = self._kept is None and (is_short or before.look.is_blank)
        start_ms = before.start_ms if inherits else frame.at_ms
        if not is_short:
            yield from self._close(before)
        self._open = _Span(start_ms, frame, look, by_cut or self._owes_cut)
        self._owes_cut = False

    def _may_keep_more(self, at_ms: int) -> bool:
        most = self._rules.base_frames + self._rules.frames_per_min * at_ms / 60_000
        return self._count + 1 < most

    def _close(self, span: _Span) -> Iterator[KeptFrame]:
        """Keep a span's frame, unless it shows nothing or nothing new: then its time goes on."""
        if span.look.is_blank:
            self._blank = self._blank or span
            return
        if self._kept is not None:
            if self._kept.look.shows_the_same(span.look):
                return
            yield self._kept.until(span.start_ms)
        self._kept = span
        self._count += 1
