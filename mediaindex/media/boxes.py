"""The boxes that HEIC, AVIF, MP4 and MOV files are made of (ISO/IEC 14496-12, 4.2)."""

import struct
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

MOST_BOXES = 1000
"""Of one level. A hostile file of tiny boxes is not walked to its end."""


class Box(NamedTuple):
    """One box; places are bytes from the file's start."""

    kind: bytes
    at: int
    content_at: int
    end: int


def boxes_in(file: BinaryIO, at: int, end: int) -> Iterator[Box]:
    """Give each whole box between two places, up to what is none."""
    for _ in range(MOST_BOXES):
        size, kind = read_at(file, ">I4s", at)
        content_at = at + 8
        if size == 1:
            (size,) = read_at(file, ">Q", content_at)
            content_at += 8
        elif size == 0:  # to the end
            size = end - at
        if size < content_at - at or at + size > end:
            return
        yield Box(kind, at, content_at, at + size)
        at += size


def read_at(file: BinaryIO, layout: str, at: int) -> tuple[Any, ...]:
    """Return what lies at a place, as `struct` lays it out; noughts where there is no file."""
    size = struct.calcsize(layout)
    if at < 0:
        return struct.unpack(layout, bytes(size))
    file.seek(at)
    return struct.unpack(layout, file.read(size).ljust(size, b"\0"))
