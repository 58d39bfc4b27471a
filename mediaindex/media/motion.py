"""The clip inside a motion photo: where it lies. The photo stays one photo; nothing is copied out.

Google's phones hang an MP4 behind a JPEG and say in XMP how long it is. Samsung's hang a list of
named blocks behind it. In a HEIC the clip is a box of its own, `mpvd`.
"""

import os
from itertools import takewhile
from typing import BinaryIO

from mediaindex.media.boxes import boxes_in, read_at
from mediaindex.types import MotionClip

CLIP_BOXES = frozenset(
    b"ftyp moov mdat free skip wide uuid udta meta moof mfra styp sidx".split(b" ")
)

MOST_BLOCKS = 100
"""Of a Samsung trailer; real ones have a dozen."""

SAMSUNG_CLIP = 0x0A30
"""The type of the block `MotionPhoto_Data`."""


def find_clip(file: BinaryIO, from_end_bytes: int | None) -> MotionClip | None:
    """Return where the clip of a motion photo lies; None for a plain photo. Reads little of it.

    Args:
        file: The photo; left at its start.
        from_end_bytes: How far before the end the clip begins by the photo's XMP; None: not said.
    """
    length = file.seek(0, os.SEEK_END)
    places = [*_in_box(file, length), *_in_samsung_trailer(file, length)]
    if from_end_bytes is not None:
        places.append(length - from_end_bytes)
    found = (_clip_at(file, at, length) for at in places)
    clip = next((clip for clip in found if clip is not None), None)
    file.seek(0)
    return clip


def _in_box(file: BinaryIO, length: int) -> list[int]:
    boxes = list(boxes_in(file, 0, length))
    if not boxes or boxes[0].kind != b"ftyp":
        return []
    return [box.content_at for box in boxes if box.kind == b"mpvd"]


def _in_samsung_trailer(file: BinaryIO, length: int) -> list[int]:
    """Return where the clip begins by the directory at the end: `SEFH`, entries, size, `SEFT`."""
    size, mark = read_at(file, "<I4s", length - 8)
    directory = length - 8 - size
    start, _version, count = read_at(file, "<4sII", directory)
    if mark != b"SEFT" or start != b"SEFH":
        return []
    found = []
    for number in range(min(count, MOST_BLOCKS)):
        _, kind, back, _ = read_at(file, "<HHII", directory + 12 + 12 * number)
        if kind == SAMSUNG_CLIP:
            # Its own header says once more what it is, and how long its name is.
            _, _, name_bytes = read_at(file, "<HHI", directory - back)
            found.append(directory - back + 8 + name_bytes)
    return found


def _clip_at(file: BinaryIO, at: int, length: int) -> MotionClip | None:
    """Return the MP4 that begins at a place, as far as its own boxes go."""
    boxes = list(takewhile(lambda box: box.kind in CLIP_BOXES, boxes_in(file, at, length)))
    if not boxes or boxes[0].kind != b"ftyp" or not any(box.kind == b"moov" for box in boxes):
        return None
    return MotionClip(at, boxes[-1].end - at)
