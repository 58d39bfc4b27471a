"""How ffmpeg is told to decode a video: which frames, how fast, and in what shape they come out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import ffmpeg

from mediaindex.media.ffmpeg import INPUT_OPTIONS, RunLimits, read_all, url_of, version
from mediaindex.types import VideoFacts

STEP_MS = 250
"""Decoded frames nearer to each other than this are not looked at."""

WINDOW_S = 20
"""Of the container, read to see how its keyframes lie."""

DENSE_MS = 3000
"""Keyframes so near to each other suffice, wherever the cuts are."""

SPARSE_MS = 10_500
"""Keyframes further apart never suffice. Encoders put them 10 s apart if nothing else is said."""

LATE_MS = 200
"""How far a decoded keyframe's time may lie from what the container says of it."""

UNEVEN = 0.8
"""Where some keyframes come after less than this part of the usual time, it was for a cut."""

LEAD_MS = 15_000
"""Of containers without a table a seek may land after the time asked for, by a keyframe or two."""

CLOCK_MAY_JUMP = frozenset(("mpegts", "mpeg"))
"""Containers in which ffmpeg makes one time of many, if times are not to be left alone."""

HD_PX = 720
"""The shorter side from which on a picture is of high definition."""

TIME_MARK = r"frame:\d+ +pts:(\S+) +pts_time:|looked=at"
"""What the filters write for each frame that follows; the group is its time in milliseconds."""


PLACE = "the file's place"
"""Stands for the file until the command is made: ffmpeg-python fails at names beyond UTF-8."""

_EVERY_FRAME = {False: {"fps_mode": "passthrough"}, True: {"vsync": "passthrough"}}
"""No frame doubled or dropped, by whether ffmpeg is older than 5.1; 9 knows the first alone."""


@dataclass(frozen=True)
class Recipe:
    """What is decoded."""

    name: str
    input_options: dict[str, str]


KEYFRAMES = Recipe("keyframes", {"discard": "nokey", "skip_frame": "nokey"})
"""Only frames that need no others. `discard` spares reading the rest, and holds for every codec."""

REDUCED = Recipe("reduced", {"skip_frame": "noref"})
"""All frames but those on which no other builds."""

ANYTHING = Recipe("anything", {"flags": "+output_corrupt", "flags2": "+showall"})
"""Whatever the decoder has, broken or not."""


@dataclass(frozen=True)
class KeyTimes:
    """Where keyframes lie from some time on, as the container says, milliseconds."""

    times_ms: tuple[int, ...]
    #: Up to here they are known.
    until_ms: int

    def suffice_from(self, start_ms: int) -> bool:
        """Return whether keyframes alone show every scene.

        They do if they are dense, or if the encoder sets one at every cut: then they lie unevenly.
        There has to be one where it all begins, be it the video or what was left of it.
        """
        if len(self.times_ms) < 2:  # of a clip so short the rest is cheap as well
            return False
        if start_ms and self.times_ms[0] - start_ms > 1:
            return False
        steps = [b - a for a, b in pairwise(self.times_ms)]
        widest = max([*steps, self.until_ms - self.times_ms[-1]])
        is_uneven = min(steps) < UNEVEN * max(steps)
        return widest <= (SPARSE_MS if is_uneven else DENSE_MS)

    def promised(self, number: int, at_ms: int, before_ms: int) -> bool:
        """Return whether a keyframe comes when it should.

        Args:
            number: How many came before it, not counting those nearer than `STEP_MS` to the last.
            at_ms: Its time.
            before_ms: The time of the one before it.
        """
        if number < len(self._thinned):
            return abs(at_ms - self._thinned[number]) <= LATE_MS
        return at_ms - before_ms <= SPARSE_MS

    @cached_property
    def _thinned(self) -> tuple[int, ...]:
        kept: list[int] = []
        for at_ms in self.times_ms:
            if not kept or at_ms - kept[-1] >= STEP_MS:
                kept.append(at_ms)
        return tuple(kept)


def key_times(
    path: Path, facts: VideoFacts, start_ms: int, limits: RunLimits, part: range | None
) -> KeyTimes:
    """Read where keyframes lie in the first `WINDOW_S` from a time on; nothing is decoded.

    Raises:
        Unusable: The container cannot be read.
        RetryLater: The file cannot be read now, or ffprobe is missing.
    """
    seek_ms = counted_from(start_ms)
    seek_s = f"{(facts.start_ms + seek_ms) / 1000:.3f}" if seek_ms else ""
    until_s = WINDOW_S + (start_ms - seek_ms) / 1000
    command = ["ffprobe", "-v", "error"]
    command += [word for name, value in INPUT_OPTIONS.items() for word in (f"-{name}", value)]
    command += ["-select_streams", str(facts.stream), "-show_entries", "packet=pts_time,flags"]
    command += ["-read_intervals", f"{seek_s}%+{until_s:.3f}", "-of", "csv=p=0"]
    said = read_all([*command, url_of(path, part)], path, limits).decode(errors="replace")
    return parse_packets(said.splitlines(), facts.start_ms, start_ms)


def parse_packets(lines: Sequence[str], first_ms: int, start_ms: int) -> KeyTimes:
    """Return where keyframes lie by ffprobe's lines of time and flags.

    Args:
        lines: `1.960000,K_`; in any order.
        first_ms: What the container calls its first moment.
        start_ms: Packets before it are left out.
    """
    keys: list[int] = []
    until_ms = start_ms
    for line in lines:
        time, _, flags = line.partition(",")
        try:
            at_ms = round(float(time) * 1000) - first_ms
        except ValueError:  # "N/A"
            continue
        if at_ms < start_ms or "D" in flags:  # the container's edit list cuts it away
            continue
        until_ms = max(until_ms, at_ms)
        if flags.startswith("K"):
            keys.append(at_ms)
    return KeyTimes(tuple(sorted(keys)), until_ms)


def decoding(
    path: Path,
    facts: VideoFacts,
    recipe: Recipe,
    from_ms: int,
    fit_px: int,
    part: range | None,
    hwaccel: str | None,
) -> list[str]:
    """Return the command that writes frames as PPM pictures, and their times as `TIME_MARK`.

    PPM says the size of a picture, which ffmpeg knows better than what the container says of it.

    Args:
        path: The file.
        facts: What is known of it.
        recipe: What is decoded.
        from_ms: Frames before it are left out; times count from `first_ms(facts, from_ms)`.
        fit_px: The longer side at most; never enlarged, pixels made square.
        part: Where in the file the video lies, bytes; None: everywhere.
        hwaccel: As ffmpeg's option of this name; None: the processor decodes.
    """
    options = {**INPUT_OPTIONS, **recipe.input_options}
    seek_ms = counted_from(from_ms)
    if seek_ms > 0:
        options["ss"] = f"{seek_ms / 1000:.3f}"
    if hwaccel:
        options["hwaccel"] = hwaccel
    stream = ffmpeg.input(PLACE, **options)[str(facts.stream)]
    # A frame without a time is looked at too.
    far = f"isnan(prev_selected_t)+gte(t-prev_selected_t,{STEP_MS / 1000})"
    begun = f"gte(t,{(from_ms - first_ms(facts, from_ms)) / 1000})"
    stream = stream.filter("select", f"isnan(t)+{begun}*({far})")
    if facts.is_interlaced:
        stream = stream.filter("yadif", deint="interlaced")
    output = (
        stream.filter("scale", **_scaling(facts, fit_px))
        .filter("format", "rgb24")
        # Milliseconds; seconds are printed with six digits, which are too few after an hour.
        .filter("settb", "1/1000")
        # `print` is silent at a frame about which nothing is known.
        .filter("metadata", "add", key="looked", value="at")
        .filter("metadata", "print", file="pipe:2", direct=1)
        .output("pipe:1", format="image2pipe", vcodec="ppm", **_EVERY_FRAME[version() < (5, 1)])
        .global_args("-hide_banner", "-nostdin", "-nostats", "-loglevel", "error")
    )
    if facts.container not in CLOCK_MAY_JUMP:
        output = output.global_args("-copyts")
    url = url_of(path, part)
    return [url if word == PLACE else word for word in output.compile()]


def counted_from(from_ms: int) -> int:
    """Return the time to seek to if frames are wanted from another on."""
    return max(0, from_ms - LEAD_MS)


def first_ms(facts: VideoFacts, from_ms: int) -> int:
    """Return the time of what ffmpeg calls 0 when it decodes from another on.

    Where clocks may jump it counts from where it seeks to, newer ones from no earlier than the
    stream that is decoded: the sound, which is not, may have begun before. Elsewhere it is told to
    leave times alone: some are so coarse that counting from elsewhere would shift them.
    """
    if facts.container not in CLOCK_MAY_JUMP:
        return -facts.start_ms
    seek_ms = counted_from(from_ms)
    return max(seek_ms, facts.picture_after_ms) if version() >= (5, 1) else seek_ms


def _scaling(facts: VideoFacts, fit_px: int) -> dict[str, str]:
    """Return the options of the filter that reduces, makes pixels square and converts to RGB."""
    shrink = f"min(1,{fit_px}/max(iw*sar,ih))"
    # Where nothing says which, small pictures are BT.601's and large ones BT.709's.
    is_large = min(facts.width_px, facts.height_px) >= HD_PX
    return {
        "w": f"max(1,round(iw*sar*{shrink}))",
        "h": f"max(1,round(ih*{shrink}))",
        "in_color_matrix": "bt709" if facts.colour.matrix is None and is_large else "auto",
        "flags": "bilinear",
    }
