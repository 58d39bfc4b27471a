"""What children are sent to do: read a file and write what comes of it.

A child loads this module and what it needs, which is no database: that would take it longer to load
than to decode a photo.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediaindex.errors import Unusable
from mediaindex.media.animation import animation_facts, animation_frames, format_of
from mediaindex.media.ffmpeg import RunLimits
from mediaindex.media.metadata import Papers, read_papers
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.media.previews import PreviewStore
from mediaindex.media.recipes import STEP_MS
from mediaindex.media.scenes import FrameRules, choose
from mediaindex.media.textual import is_full_of_text
from mediaindex.pipeline.spans import Span
from mediaindex.types import Frame, VideoFacts


@dataclass(frozen=True)
class Size:
    """Pixels of the upright picture."""

    width_px: int
    height_px: int


@dataclass(frozen=True)
class Film:
    """What was found in a video."""

    facts: VideoFacts
    spans: tuple[Span, ...]
    #: Why not all of it could be read, None if all was.
    partial: str | None


@dataclass(frozen=True)
class Ways:
    """How videos are looked through."""

    rules: FrameRules
    run: RunLimits
    #: Of animations.
    picture: Limits
    hwaccel: str | None = None
    #: Seconds for an animation; what is not looked at by then is left out.
    animation_limit_s: float = 180.0


def read_all(path: Path, sidecars: Sequence[Path]) -> tuple[Papers, str | None]:
    """Return what a file and its sidecars say, and its kind.

    Raises:
        Unusable: It is no regular file.
        RetryLater: It cannot be read now.
    """
    found = format_of(path)
    return read_papers(path, sidecars), found.kind if found else None


def decode_to_preview(path: Path, sha256: str, previews: PreviewStore, limits: Limits) -> Size:
    """Decode a photo and write its preview. The picture itself stays here.

    One full of text is decoded once more, larger; that is cheaper than all of them larger.

    Raises:
        Unusable: It cannot be decoded.
        RetryLater: It cannot be read now.
    """
    photo = decode_photo(path, previews.px, limits)
    is_reduced = max(photo.width_px, photo.height_px) > previews.px
    if is_reduced and is_full_of_text(photo.pixels):
        photo = decode_photo(path, previews.text_px, limits)
    previews.write(sha256, 0, photo.pixels)
    return Size(photo.width_px, photo.height_px)


def look_through_animation(path: Path, sha256: str, previews: PreviewStore, ways: Ways) -> Film:
    """Do as the stage of videos for an animated picture, whose decoder may crash.

    Raises:
        Unusable: Not one frame can be decoded.
        RetryLater: It cannot be read now.
    """
    end = time.monotonic() + ways.animation_limit_s
    facts = animation_facts(path, ways.picture)
    trouble: list[Unusable] = []
    spans: list[Span] = []
    # Few are larger than a preview, so that looking twice would cost more than this.
    frames = animation_frames(path, previews.text_px, STEP_MS, ways.picture)
    for kept in choose(_until_trouble(frames, end, trouble), ways.rules, 0, facts.duration_ms):
        previews.write(sha256, kept.at_ms, previews.fitted(kept.pixels))
        spans.append((kept.start_ms, kept.end_ms, kept.at_ms))
    if trouble and not spans:
        raise trouble[0]
    return Film(facts, tuple(spans), str(trouble[0]) if trouble else facts.partial)


def _until_trouble(frames: Iterable[Frame], end: float, trouble: list[Unusable]) -> Iterator[Frame]:
    """Yield frames while they come and there is time; what ends that is put into `trouble`."""
    try:
        for frame in frames:
            yield frame
            if time.monotonic() > end:
                reason = f"takes too long to decode from {frame.at_ms / 1000:g} s on"
                trouble.append(Unusable(reason))
                return
    except Unusable as error:
        trouble.append(error)
