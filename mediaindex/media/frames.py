"""A video's file -> the frames that are kept, one by one, upright and in sRGB, each with its time.

ffmpeg decodes once and reduces; frames come through a pipe and few are held at a time, so that the
length of a video costs no memory and no disk.
"""

import logging
import re
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from mediaindex.errors import Unusable
from mediaindex.media import hdr
from mediaindex.media.ffmpeg import Run, RunLimits, last_words
from mediaindex.media.recipes import (
    ANYTHING,
    KEYFRAMES,
    REDUCED,
    TIME_MARK,
    KeyTimes,
    Recipe,
    decoding,
    first_ms,
    key_times,
)
from mediaindex.media.scenes import FrameRules, KeptFrame, choose
from mediaindex.types import RGB, Frame, VideoColour, VideoFacts

log = logging.getLogger(__name__)

MARK = re.compile(TIME_MARK)

MANY = 1 << 30
"""A keyframe after all whose times are known."""

SHORTEST_HEADER = len(b"P6\n1 1\n255\n")

DAMAGE = re.compile(
    r"partial file|ended prematurely|[Tt]runcated|[Cc]orrupt|[Ee]rror while decoding"
    r"|Invalid (data|NAL)|Error splitting|[Ee]rror submitting|damaged"
)
"""Complaints after which something is missing; most others are of no consequence."""

OURS = re.compile(r"ffmpeg (hung|did)|took longer|the (decoder|file) |needs more memory")
"""Troubles that are told in our own words."""

CUT_OFF = re.compile(r"partial file|ended prematurely|[Tt]runcated")
DAMAGED = "parts of it are damaged"

MISSED_MS = 2000
"""If the container has more of the picture so long after the last frame, that was not decoded."""

PRIMARIES = {"bt2020": 9, "smpte432": 12}
TRANSFERS = {"smpte2084": hdr.PQ, "arib-std-b67": hdr.HLG}
"""ffmpeg's names for the numbers of H.273 that are not those of sRGB."""


class VideoFrames:
    """The frames to keep of one video; iterate once. Leaving off early ends the decoder."""

    #: Why not all of the video could be read, as far as is known by now. None: it was.
    partial: str | None

    def __init__(
        self,
        path: Path,
        facts: VideoFacts,
        rules: FrameRules,
        fit_px: int,
        start_ms: int,
        kept: int,
        limits: RunLimits,
        part: range | None,
        hwaccel: str | None,
        on_frame: Callable[[int], None],
    ) -> None:
        """Take note; nothing is read before the first frame is asked for. See `read_frames`."""
        self.partial = facts.partial
        self._path = path
        self._facts = facts
        self._rules = rules
        self._fit_px = fit_px
        self._start_ms = start_ms
        self._kept = kept
        self._limits = limits
        self._part = part
        self._hwaccel = hwaccel
        self._on_frame = on_frame
        #: Frames from here on are still to be looked at.
        self._next_ms = start_ms
        self._trouble: str | None = None

    def __iter__(self) -> Generator[KeptFrame]:
        """Yield each frame as soon as the end of its span is known.

        Raises:
            Unusable: Not one frame can be decoded.
            RetryLater: The file cannot be read now, or ffmpeg is missing; what was yielded is good,
                and a later call goes on where the last span ended.
        """
        coding = _coding(self._facts.colour)
        for kept in choose(
            self._told(), self._rules, self._start_ms, self._facts.duration_ms, self._kept
        ):
            good = kept.pixels if coding.is_srgb else hdr.to_srgb(kept.pixels, coding)
            yield replace(kept, pixels=good)

    def _told(self) -> Iterator[Frame]:
        # Closed at once: an error that is kept somewhere would keep the decoder too.
        with closing(self._looked_at()) as frames:
            for frame in frames:
                self._on_frame(frame.at_ms)
                yield frame

    def _looked_at(self) -> Generator[Frame]:
        """Yield frames in order of time; the processor decodes what the hardware cannot."""
        yield from self._by_recipes()
        if self._hwaccel and not self._found_any:
            hardware, self._hwaccel = self._hwaccel, None
            yield from self._by_recipes()
            if self._found_any:
                _tell_of_useless(hardware)
        if self._found_any:
            self.partial = self.partial or self._silently_missed()
        elif self._start_ms == 0:
            raise Unusable(self._trouble or "no frame of it can be decoded")

    @property
    def _found_any(self) -> bool:
        return self._next_ms > self._start_ms

    def _by_recipes(self) -> Iterator[Frame]:
        """Yield frames from the cheapest recipe that gives what there is."""
        keys = self._key_times(self._start_ms)
        if keys.suffice_from(self._start_ms) and (yield from self._by_keyframes(keys)):
            return
        for recipe in (REDUCED, ANYTHING):
            yield from self._decoded(recipe)
            if self._found_any:
                return

    def _silently_missed(self) -> str | None:
        """Return the reason if the container has more of the picture than came out of it."""
        last_ms = self._next_ms - 1
        if (self._facts.duration_ms or 0) - last_ms <= MISSED_MS:
            return None
        if self._key_times(last_ms).until_ms - last_ms <= MISSED_MS:
            return None  # sound or the last picture goes on
        return f"nothing can be decoded after {_clock(last_ms)}"

    def _key_times(self, start_ms: int) -> KeyTimes:
        try:
            return key_times(self._path, self._facts, start_ms, self._limits, self._part)
        except Unusable:  # a decoder may still find its way
            return KeyTimes((), start_ms)

    def _by_keyframes(self, keys: KeyTimes) -> Generator[Frame, None, bool]:
        """Yield keyframes while they come when the container says; return whether all did.

        Some do not, though marked as such: a decoder needs what came before (open GOP of H.264), or
        they are broken.
        """
        begin_ms = before_ms = self._next_ms
        for number, frame in enumerate(self._decoded(KEYFRAMES)):
            if not keys.promised(number, frame.at_ms, before_ms):
                self._next_ms = before_ms + 1 if number else begin_ms
                self.partial = self._facts.partial  # complaints were of this recipe alone
                return False
            before_ms = frame.at_ms
            yield frame
        if self._next_ms == begin_ms:
            return False
        end_ms = self._facts.duration_ms or 0
        return self.partial is not None or keys.promised(MANY, end_ms, before_ms)

    def _decoded(self, recipe: Recipe) -> Iterator[Frame]:
        """Yield what a recipe gives; what breaks it off is noted and not raised."""
        from_ms = max(0, self._next_ms - 1)  # times of frames are rounded
        begin_ms = first_ms(self._facts, from_ms)
        command = decoding(
            self._path, self._facts, recipe, from_ms, self._fit_px, self._part, self._hwaccel
        )
        # Drivers of hardware reserve more addresses than there is memory.
        limits = replace(self._limits, memory_limit_bytes=0) if self._hwaccel else self._limits
        found = False
        with Run(command, self._path, limits, MARK) as run:
            trouble = None
            try:
                while (mark := run.next_mark()) and (pixels := _read_ppm(run)) is not None:
                    at_ms = _at_ms(mark, begin_ms, self._next_ms)
                    if at_ms >= self._next_ms:
                        found, self._next_ms = True, at_ms + 1
                        self.partial = self._facts.partial or _plainly(_damage(run))
                        yield Frame(pixels, at_ms)
                run.finish()
            except Unusable as error:
                trouble = str(error)
            self._trouble = trouble or _damage(run)
        if found:
            log.debug("%s: %s", self._path, self._trouble)
            self.partial = self._facts.partial or self._where(_plainly(self._trouble))

    def _where(self, trouble: str | None) -> str | None:
        last_ms = self._next_ms - 1
        is_short = (self._facts.duration_ms or 0) - last_ms > MISSED_MS
        return f"damaged from {_clock(last_ms)} on" if trouble == DAMAGED and is_short else trouble


def read_frames(
    path: Path,
    facts: VideoFacts,
    rules: FrameRules,
    fit_px: int,
    start_ms: int = 0,
    kept: int = 0,
    *,
    limits: RunLimits = RunLimits(),  # noqa: B008 - frozen
    part: range | None = None,
    hwaccel: str | None = None,
    on_frame: Callable[[int], None] = lambda _at_ms: None,
) -> VideoFrames:
    """Return the frames to keep of a video, to be iterated once; nothing is decoded before.

    Args:
        path: The file; opened to read only.
        facts: What is known of it.
        rules: How many frames are kept.
        fit_px: The longer side of a frame at most; never enlarged.
        start_ms: Where to begin: 0, or to go on after a break, where the last span ended.
        kept: How many were kept before the break.
        limits: What ffmpeg may take.
        part: Where in the file the video lies, in bytes, as in motion photos; None: everywhere.
        hwaccel: Hardware that decodes, as ffmpeg names it (`auto`, `vaapi`, `cuda`, ...); None: the
            processor.
        on_frame: Told the time of each frame that is looked at; what it raises breaks it off.
    """
    return VideoFrames(path, facts, rules, fit_px, start_ms, kept, limits, part, hwaccel, on_frame)


def _read_ppm(run: Run) -> RGB | None:
    """Return the next picture, None where there is no whole one."""
    header = run.read(SHORTEST_HEADER)
    while header.count(b"\n") < 3 and (more := run.read(1)):
        header += more
    if header.count(b"\n") < 3:
        return None
    width, height = (int(number) for number in header.split()[1:3])
    pixels = run.read(width * height * 3)
    if len(pixels) < width * height * 3:
        return None
    return np.frombuffer(pixels, dtype=np.uint8).reshape(height, width, 3)


def _damage(run: Run) -> str | None:
    if run.has_disk_fault:  # what is read later may be whole
        return None
    return last_words([line for line in run.complaints if DAMAGE.search(line)]) or None


def _plainly(trouble: str | None) -> str | None:
    """Return what is wrong for somebody who knows nothing of decoders."""
    if trouble is None or OURS.match(trouble):
        return trouble
    return "the file is cut off" if CUT_OFF.search(trouble) else DAMAGED


@cache
def _tell_of_useless(hardware: str) -> None:
    """Tell it once, not at every video."""
    log.warning("hwaccel %s decodes nothing here; the processor does it", hardware)


def _clock(at_ms: int) -> str:
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _at_ms(mark: str, first_ms: int, next_ms: int) -> int:
    if not mark.lstrip("-").isdigit():  # "NOPTS"
        return next_ms
    return max(0, first_ms + int(mark))


def _coding(colour: VideoColour) -> hdr.Coding:
    usual = 9 if colour.is_hdr else 1
    usual_transfer = hdr.PQ if colour.is_hdr else 1
    return hdr.Coding(
        PRIMARIES.get(colour.primaries or "", usual),
        TRANSFERS.get(colour.transfer or "", usual_transfer),
    )
