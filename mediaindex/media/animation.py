"""Animated GIF, WebP, AVIF and PNG: those that last are short videos, and give their frames."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import ImageFile

from mediaindex.errors import Unusable
from mediaindex.media.formats import Format, sniff_open
from mediaindex.media.photo import (
    Limits,
    decoder_trouble,
    open_picture,
    orientation_of,
    upright_srgb,
)
from mediaindex.media.reading import open_to_read
from mediaindex.media.timeline import MOST_FRAMES, READERS, Timeline, read_timeline
from mediaindex.types import RGB, Frame, VideoFacts

VIDEO_FROM_MS = 1000
"""What lasts longer is a video; what is shorter shows one thing, as a photo does."""


def format_of(path: Path) -> Format | None:
    """Return what a file holds; its kind is video if it is an animation that lasts.

    Raises:
        RetryLater: It cannot be read now.
        Unusable: It is no regular file.
    """
    with open_to_read(path) as file:
        found = sniff_open(file)
        if found is None or found.name not in READERS:
            return found
        is_video = lasts(read_timeline(file, found.name, enough_ms=VIDEO_FROM_MS))
        return replace(found, kind="video") if is_video else found


def lasts(timeline: Timeline) -> bool:
    """Return whether an animation is long enough to be a video."""
    return len(timeline.shown_ms) > 1 and timeline.duration_ms > VIDEO_FROM_MS


def facts_of(name: str, timeline: Timeline, size_px: tuple[int, int]) -> VideoFacts:
    """Return what is known of an animation, in the words of a video.

    Args:
        name: Its format.
        timeline: Its frames.
        size_px: Width and height of the upright picture.
    """
    shown = timeline.shown_ms
    partial = None
    if not timeline.is_whole:
        is_endless = len(shown) == MOST_FRAMES
        partial = f"has more than {MOST_FRAMES} frames" if is_endless else "the file is cut off"
    return VideoFacts(
        container=name,
        stream=0,
        video_codec=name,
        width_px=size_px[0],
        height_px=size_px[1],
        rotation_deg=0,
        duration_ms=timeline.duration_ms,
        frames_per_s=1000 * len(shown) / timeline.duration_ms if shown else None,
        has_variable_rate=len(set(shown)) > 1,
        frame_count=len(shown),
        partial=partial,
    )


def animation_facts(path: Path, limits: Limits) -> VideoFacts:
    """Return what is known of an animation, in the words of a video; decodes no frame.

    Raises:
        Unusable: It is no animation, or broken.
        RetryLater: It cannot be read now.
    """
    with open_to_read(path) as file, decoder_trouble():
        found = sniff_open(file)
        if found is None or found.name not in READERS:
            raise Unusable("holds no animation")
        timeline = read_timeline(file, found.name)
        with open_picture(file, found, limits) as picture:
            return facts_of(found.name, timeline, picture.size)


def animation_frames(path: Path, fit_px: int, step_ms: int, limits: Limits) -> Iterator[Frame]:
    """Give the frames of an animation in order, one at a time in memory.

    Args:
        path: The file; opened to read only.
        fit_px: The longer side of a frame at most; never enlarged.
        step_ms: Frames that begin earlier than so long after the one before are passed over.
        limits: No more pixels are decoded than they allow.

    Raises:
        Unusable: It is no animation or broken; the frames given before that are good.
        RetryLater: It cannot be read now.
    """
    with open_to_read(path) as file:
        with decoder_trouble():
            found = sniff_open(file)
            if found is None or found.name not in READERS:
                raise Unusable("holds no animation")
            timeline = read_timeline(file, found.name)
            picture = open_picture(file, found, limits)
        with picture:
            # Such a PNG has a picture before its first frame, for programs that show no animation.
            before = 1 if getattr(picture, "default_image", False) else 0
            for number, at_ms in _steps(timeline, step_ms):
                if (number + 1) * picture.width * picture.height > limits.max_animation_pixels:
                    raise Unusable(f"is too much to decode from {at_ms / 1000:g} s on")
                yield Frame(_frame(picture, found.name, before + number, fit_px), at_ms)


def _steps(timeline: Timeline, step_ms: int) -> Iterator[tuple[int, int]]:
    """Give number and time of each frame that is far enough behind the last."""
    at_ms, next_ms = 0, 0
    for number, shown_ms in enumerate(timeline.shown_ms):
        if at_ms >= next_ms:
            yield number, at_ms
            next_ms = at_ms + step_ms
        at_ms += shown_ms


def _frame(picture: ImageFile.ImageFile, name: str, number: int, fit_px: int) -> RGB:
    with decoder_trouble():
        picture.seek(number)
        picture.load()
        orientation = orientation_of(picture, name)
        # A copy: the next frame is drawn upon this one.
        return upright_srgb(picture.copy(), name, orientation, fit_px)
