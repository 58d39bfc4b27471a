"""What a video's container says of it, through ffprobe: no frame is decoded for it."""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from mediaindex.errors import Unusable
from mediaindex.media.completeness import is_cut_off
from mediaindex.media.ffmpeg import INPUT_OPTIONS, RunLimits, read_all, url_of
from mediaindex.media.formats import sniff_open
from mediaindex.media.reading import open_to_read
from mediaindex.types import VideoColour, VideoFacts

Said = Mapping[str, Any]
"""An object of ffprobe's JSON."""

MOST_MS = 30 * 24 * 3600 * 1000
"""A month. Longer durations are slips of a broken header."""

MOST_FRAMES_PER_S = 1000
"""Higher rates are the clock of a container and not of its frames."""

MOST_STRETCHED = 8
"""No pixel is so many times as wide as high, or as high as wide."""

STEADY = 0.01
"""How far the average rate may lie from the smallest step between frames, in parts of it."""

INTERLACED = frozenset(("tt", "bb", "tb", "bt"))
UNKNOWN = frozenset(("unknown", "unspecified", "reserved"))


INPUT = tuple(word for name, value in INPUT_OPTIONS.items() for word in (f"-{name}", value))

PROGRESS = ("-nostats", "-stats_period", "2", "-progress", "pipe:1")

PROBE_LIMITS = RunLimits(time_limit_s=50.0, silence_limit_s=50.0)
"""Of each of two runs. ffprobe says nothing before it has read all that it wants to."""


def probe_video(path: Path, limits: RunLimits = PROBE_LIMITS) -> VideoFacts:
    """Return what a video's container says of it.

    A file that is cut off gives what can be read of it, with the reason in `partial`. One that
    does not know how long it is (what browsers record) is read once to its end, if there is time.

    Args:
        path: The file; opened to read only.
        limits: What each of two runs may take.

    Raises:
        Unusable: It is no video, holds no moving picture, or cannot be read at all.
        RetryLater: It cannot be read now, or ffprobe is not installed.
    """
    with open_to_read(path) as file:
        found = sniff_open(file)
        partial = "the file is cut off" if is_cut_off(file) else None
    if found is None or found.kind != "video":
        raise Unusable("holds no video")
    shown = ("-of", "json", "-show_format", "-show_streams", "-export_xmp", "1")
    said = _ffprobe(path, shown, limits)
    facts = facts_of(said, found.name, partial)
    if facts.duration_ms is None:
        return replace(facts, duration_ms=_measured_ms(path, facts.stream, limits))
    return facts


def _ffprobe(path: Path, shown: tuple[str, ...], limits: RunLimits) -> Said:
    command = ("ffprobe", "-v", "error", *INPUT, *shown, url_of(path))
    output = read_all(command, path, limits)
    try:
        return _object(json.loads(output))
    except (ValueError, RecursionError) as error:
        raise Unusable("its container cannot be described") from error


def _measured_ms(path: Path, stream: int, limits: RunLimits) -> int | None:
    """Return where the last frame ends, by reading all of it and decoding none."""
    source = (*INPUT, "-i", url_of(path), "-map", f"0:{stream}", "-c", "copy")
    command = ("ffmpeg", "-nostdin", "-v", "error", *source, *PROGRESS, "-f", "null", "-")
    try:
        said = read_all(command, path, limits)
    except Unusable:  # broken further on, or too long to be read for this alone
        return None
    times = re.findall(rb"^out_time_us=(\d+)$", said, re.MULTILINE)
    return int(times[-1]) // 1000 or None if times else None


def facts_of(said: Said, container: str, partial: str | None = None) -> VideoFacts:
    """Return what ffprobe's `-show_format -show_streams` says, in our words.

    Args:
        said: Its JSON.
        container: What the file was found to be when it was sniffed.
        partial: Why not all of it can be read.

    Raises:
        Unusable: It holds no moving picture: sound only, a cover only, or nothing.
    """
    streams = _objects(said.get("streams"))
    stream = _picture_stream(streams)
    whole = _object(said.get("format"))
    rotation = _rotation(stream)
    width, height = _upright(stream, rotation)
    is_interlaced = stream.get("field_order") in INTERLACED
    start_ms = _milliseconds(whole.get("start_time")) or 0
    picture_ms = _milliseconds(stream.get("start_time"))
    average, step = (_rate(stream, name) for name in ("avg_frame_rate", "r_frame_rate"))
    return VideoFacts(
        container=container,
        stream=_whole(stream.get("index")) or 0,
        video_codec=str(stream.get("codec_name", "unknown")),
        width_px=width,
        height_px=height,
        rotation_deg=rotation,
        duration_ms=_duration_ms(whole, stream, start_ms),
        start_ms=start_ms,
        picture_after_ms=0 if picture_ms is None else max(0, picture_ms - start_ms),
        frames_per_s=average or step,
        has_variable_rate=_is_variable(average, step, is_interlaced),
        frame_count=_whole(stream.get("nb_frames")) or None,
        is_interlaced=is_interlaced,
        colour=_colour(stream),
        audio_codec=_audio_codec(streams),
        tags={**_tags(stream), **_tags(whole)},
        partial=partial,
    )


def _picture_stream(streams: list[Said]) -> Said:
    """Return the stream that players show: the default one, else the largest."""
    pictures = [stream for stream in streams if stream.get("codec_type") == "video"]
    moving = [stream for stream in pictures if not _is_still(stream)]
    sized = [stream for stream in moving if _area(stream)]
    if sized:
        return max(sized, key=lambda stream: (_disposition(stream, "default"), _area(stream)))
    if moving:
        raise Unusable("no frame can be found in it")
    has_sound = any(stream.get("codec_type") == "audio" for stream in streams)
    if has_sound:
        raise Unusable(f"holds sound {'and a cover' if pictures else 'alone'}, no moving picture")
    raise Unusable("holds no moving picture")


def _is_still(stream: Said) -> bool:
    marks = ("attached_pic", "still_image", "timed_thumbnails")
    return any(_disposition(stream, mark) for mark in marks)


def _disposition(stream: Said, name: str) -> bool:
    return _object(stream.get("disposition")).get(name) == 1


def _area(stream: Said) -> int:
    return (_whole(stream.get("width")) or 0) * (_whole(stream.get("height")) or 0)


def _upright(stream: Said, rotation_deg: int) -> tuple[int, int]:
    """Return width and height in square pixels: a lower resolution is widened, never squeezed."""
    width, height = _whole(stream.get("width")) or 1, _whole(stream.get("height")) or 1
    shape = _fraction(stream.get("sample_aspect_ratio"), ":")
    if shape is not None and Fraction(1, MOST_STRETCHED) <= shape <= MOST_STRETCHED:
        width = max(1, round(width * shape))
    return (height, width) if rotation_deg in (90, 270) else (width, height)


def _rotation(stream: Said) -> int:
    for side in _objects(stream.get("side_data_list")):
        turn = _number(side.get("rotation"))
        if turn is not None:  # counted against the clock
            return round(-turn / 90) * 90 % 360
    return 0


def _duration_ms(whole: Said, stream: Said, start_ms: int) -> int | None:
    given = (whole.get("duration"), stream.get("duration"))
    found = [_milliseconds(text) for text in given]
    if found[0] and _counts_from_zero(whole):
        found[0] -= max(0, start_ms)
    return next((found_ms for found_ms in found if found_ms and 0 < found_ms <= MOST_MS), None)


def _counts_from_zero(whole: Said) -> bool:
    """Return whether the duration is the time of the end: so ffmpeg writes it into Matroska."""
    is_matroska = "matroska" in str(whole.get("format_name"))
    return is_matroska and _tags(whole).get("encoder", "").startswith("Lavf")


def _rate(stream: Said, name: str) -> float | None:
    rate = _fraction(stream.get(name), "/")
    return float(rate) if rate and 0 < rate <= MOST_FRAMES_PER_S else None


def _is_variable(average: float | None, step: float | None, is_interlaced: bool) -> bool:
    if average is None or step is None:
        return False
    steady = (1, 2) if is_interlaced else (1,)  # fields, two for each frame
    return all(abs(step / average - times) > STEADY * times for times in steady)


def _colour(stream: Said) -> VideoColour:
    def named(name: str) -> str | None:
        value = stream.get(name)
        return value if isinstance(value, str) and value not in UNKNOWN else None

    profiles = (_whole(side.get("dv_profile")) for side in _objects(stream.get("side_data_list")))
    return VideoColour(
        primaries=named("color_primaries"),
        transfer=named("color_transfer"),
        matrix=named("color_space"),
        is_full_range=stream.get("color_range") == "pc",
        dolby_vision_profile=next((profile for profile in profiles if profile is not None), None),
    )


def _audio_codec(streams: list[Said]) -> str | None:
    sounds = (stream for stream in streams if stream.get("codec_type") == "audio")
    return next((str(stream.get("codec_name", "unknown")) for stream in sounds), None)


def _tags(said: Said) -> dict[str, str]:
    tags = _object(said.get("tags"))
    return {name.lower(): value for name, value in tags.items() if isinstance(value, str)}


def _milliseconds(text: object) -> int | None:
    seconds = _number(text)
    return None if seconds is None else round(seconds * 1000)


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None else int(number)


def _number(value: object) -> float | None:
    """Return ffprobe's number, which it writes now as a number and now as a text."""
    if not isinstance(value, str | int | float):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _fraction(value: object, sign: str) -> Fraction | None:
    """Return "30000/1001" or "4:3" as a fraction; None for "0/0" and what is none."""
    above, _, below = str(value).partition(sign)
    try:
        return Fraction(int(above), int(below))
    except (ValueError, ZeroDivisionError):
        return None


def _object(value: object) -> Said:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Said]:
    return [_object(item) for item in value] if isinstance(value, list) else []
