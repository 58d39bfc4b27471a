"""Which frames of a video are kept, and which stretch of it each stands for. Reads no file.

Two looks at a picture are told apart by their colours (how many pixels change their corner of the
colour cube) and by their shapes (how far the picture differs where it fits best when shifted a
little): a cut changes both, a moving camera the shapes, a passing cloud the colours.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from PIL import Image

from mediaindex.types import RGB, Frame

Floats = npt.NDArray[np.float32]

SIDE = 32
"""A look at a frame has so many cells a side, each the mean of what is in it."""

COLOURS = 4
"""Corners of the colour cube a channel."""

SHIFTS = range(-4, 5, 2)
"""Cells by which a camera may have moved between two looks, across and down."""

CUT = 0.4
"""Mean (geometric) of both, from 0 to 1. Pairs of frames of two scenes lie above it, 19 of 20, and
pairs of one scene, a second apart in moving hands, below it, 99 of 100."""

SHAPES_FULL = 0.2
"""Mean difference of a channel (0 to 1) at which shapes have nothing in common."""

ALIKE = 0.06
"""The same picture again: no part of it, a sixteenth, differs more in the mean of its channels."""

BLACK, FLAT = 0.12, 0.06
"""A frame whose brightest part is darker, or whose brightness varies less, shows nothing."""

SETTLE_MS = 1000
"""Fades and cross-fades are over after this; until then a frame may give way to a richer one."""

RICHER = 2.0
"""How many times the contrast of the first frame another has to have to take its place."""

DRIFT = 1 / 3
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


class Look:
    """What is remembered of a frame to compare it with others."""

    def __init__(self, pixels: RGB) -> None:
        small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
        self._cells: Floats = np.asarray(small, dtype=np.float32) / np.float32(255)
        corners = (np.asarray(small) // (256 // COLOURS)).astype(np.int64) @ (
            COLOURS * COLOURS,
            COLOURS,
            1,
        )
        counts = np.bincount(corners.ravel(), minlength=COLOURS**3)
        self._colours = counts.astype(np.float32) / (SIDE * SIDE)

    def is_of_another_scene(self, other: "Look") -> bool:
        """Return whether there is a cut between two frames."""
        colours = float(np.abs(self._colours - other._colours).sum()) / 2
        if colours < CUT * CUT:  # however much the shapes differ
            return False
        shapes = min(self._shape_change(other, y, x) for y in SHIFTS for x in SHIFTS)
        return math.sqrt(colours * min(1.0, shapes / SHAPES_FULL)) >= CUT

    def shows_the_same(self, other: "Look") -> bool:
        """Return whether nobody would keep both."""
        part = SIDE // 4
        change = np.abs(self._cells - other._cells).mean(axis=2)
        return float(change.reshape(4, part, 4, part).mean(axis=(1, 3)).max()) < ALIKE

    @cached_property
    def contrast(self) -> float:
        """How far the brightest and the darkest part are apart, 0 to 1."""
        darkest, brightest = self._brightness
        return brightest - darkest

    @property
    def is_blank(self) -> bool:
        """Whether it is black, or of one colour."""
        return self._brightness[1] < BLACK or self.contrast < FLAT

    @cached_property
    def _brightness(self) -> tuple[float, float]:
        luma = self._cells @ np.asarray((0.2126, 0.7152, 0.0722), dtype=np.float32)
        darkest, brightest = np.percentile(luma, (2, 98))
        return float(darkest), float(brightest)

    def _shape_change(self, other: "Look", down: int, across: int) -> float:
        ours = self._cells[max(down, 0) : SIDE + min(down, 0)]
        theirs = other._cells[max(-down, 0) : SIDE + min(-down, 0)]
        ours = ours[:, max(across, 0) : SIDE + min(across, 0)]
        theirs = theirs[:, max(-across, 0) : SIDE + min(-across, 0)]
        return float(np.abs(ours - theirs).mean())


@dataclass
class _Span:
    """A stretch of the video that has begun, and the frame that stands for it so far."""

    start_ms: int
    frame: Frame
    look: Look

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
    frames: Iterable[Frame], rules: FrameRules, start_ms: int = 0, duration_ms: int | None = None
) -> Iterator[KeptFrame]:
    """Yield the frames to keep, each as soon as its end is known; three are held at a time.

    Where there is any frame, one is kept. To go on after a break, start where the last span ended.

    Args:
        frames: In order of time; the nearer to each other, the more exact the spans.
        rules: How many are kept.
        start_ms: Where the first span begins.
        duration_ms: Where the last span ends, if no frame is later.
    """
    chooser = _Chooser(rules, start_ms)
    last_ms = start_ms
    for frame in frames:
        yield from chooser.take(frame)
        last_ms = frame.at_ms
    yield from chooser.end(max(last_ms, duration_ms or 0))


class _Chooser:
    def __init__(self, rules: FrameRules, start_ms: int) -> None:
        self._rules = rules
        self._start_ms = start_ms
        self._count = 0
        #: Kept, but what comes next may still belong to it.
        self._kept: _Span | None = None
        self._open: _Span | None = None
        #: Shows nothing, but is better than no frame at all.
        self._blank: _Span | None = None
        self._before: Look | None = None
        #: There was a cut that came too soon.
        self._owes_cut = False

    def take(self, frame: Frame) -> Iterator[KeptFrame]:
        look = Look(frame.pixels)
        if self._open is None:
            self._open = _Span(self._start_ms, frame, look)
        elif self._begins_span(self._open, frame.at_ms, look):
            start_ms = frame.at_ms
            if self._open.look.is_blank and self._kept is None:
                start_ms = self._open.start_ms
            yield from self._close(self._open)
            self._open = _Span(start_ms, frame, look)
            self._owes_cut = False
        else:
            self._open.offer(frame, look)
        self._before = look

    def end(self, end_ms: int) -> Iterator[KeptFrame]:
        if self._open is not None:
            yield from self._close(self._open)
        last = self._kept or self._blank
        if last is not None:
            yield last.until(end_ms)

    def _begins_span(self, span: _Span, at_ms: int, look: Look) -> bool:
        gap_s = (at_ms - span.start_ms) / 1000
        is_cut = self._before is not None and self._before.is_of_another_scene(look)
        if gap_s < self._rules.min_gap_s or not self._may_keep_more(at_ms):
            self._owes_cut = self._owes_cut or is_cut
            return False
        if is_cut:
            return True
        if self._owes_cut or gap_s >= self._rules.max_gap_s * DRIFT:
            if span.look.is_of_another_scene(look):
                return True
            self._owes_cut = False
        return gap_s >= self._rules.max_gap_s and not span.look.shows_the_same(look)

    def _may_keep_more(self, at_ms: int) -> bool:
        minutes = (at_ms - self._start_ms) / 60_000
        most = self._rules.base_frames + self._rules.frames_per_min * minutes
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
