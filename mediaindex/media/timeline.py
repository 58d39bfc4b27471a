"""How long each frame of an animated picture is shown, from its container: nothing is decoded."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, repeat
from typing import BinaryIO

from mediaindex.media.boxes import Box, boxes_in, read_at

MOST_FRAMES = 20_000
"""A quarter of an hour at 20 frames a second. A hostile file is not walked to its end."""

MOST_CHUNKS = 200_000
"""Parts of a PNG or WebP that are walked over; each frame has a few."""

MOST_BYTES = 1 << 30
"""Of a GIF, which is a chain of parts of 255 bytes at most."""

GRAPHIC_CONTROL = b"\xf9"

TOO_SHORT_MS, SHOWN_INSTEAD_MS = 10, 100
"""Browsers show what asks for 10 ms or less for 100 ms; old programs wrote 0 and meant that."""


@dataclass(frozen=True)
class Timeline:
    """The frames of an animation, in order."""

    #: How long each is shown.
    shown_ms: tuple[int, ...]
    #: False: there are more, or the file ends before its end.
    is_whole: bool = True

    @property
    def duration_ms(self) -> int:
        """How long one round lasts."""
        return sum(self.shown_ms)


Delays = Iterator[int | None]
"""Milliseconds of each frame as written; None at last: the end of the animation was seen."""


def read_timeline(file: BinaryIO, name: str, enough_ms: int | None = None) -> Timeline:
    """Return the frames of a picture; of one that does not move, none or one.

    Args:
        file: The picture; left at its start.
        name: Its format: `gif`, `webp`, `png` or `avif`; others do not move.
        enough_ms: Stop after two frames and so long; None: read to the end.
    """
    read = READERS.get(name)
    shown: list[int] = []
    is_whole = read is None
    if read is not None:
        for delay_ms in islice(read(file), MOST_FRAMES + 1):
            if delay_ms is None:
                is_whole = True
                break
            shown.append(delay_ms if delay_ms > TOO_SHORT_MS else SHOWN_INSTEAD_MS)
            if enough_ms is not None and len(shown) > 1 and sum(shown) > enough_ms:
                break
    file.seek(0)
    return Timeline(tuple(shown[:MOST_FRAMES]), is_whole)


def _gif(file: BinaryIO) -> Delays:
    """Walk the blocks of a GIF (GIF89a, 12)."""
    file.seek(10)
    _skip_colours(file, file.read(3)[:1])
    delay_ms = 0
    while file.tell() < MOST_BYTES:
        kind = file.read(1)
        if kind in (b";", b""):  # many programs leave the end mark out
            yield None
            return
        if kind == b"!":
            label = file.read(1)
            data = file.read(6) if label == GRAPHIC_CONTROL else b""
            if len(data) == 6 and data[0] == 4:
                delay_ms = int.from_bytes(data[2:4], "little") * 10
            is_whole = data[5:] == b"\0" or _skip_blocks(file)
        elif kind == b",":
            _skip_colours(file, file.read(9)[8:])
            file.read(1)
            is_whole = _skip_blocks(file)
            if is_whole:
                yield delay_ms
            delay_ms = 0
        else:
            continue  # rubbish between blocks
        if not is_whole:
            return


def _skip_colours(file: BinaryIO, flags: bytes) -> None:
    if flags and flags[0] & 0x80:
        file.seek(3 << (flags[0] & 7) + 1, os.SEEK_CUR)


def _skip_blocks(file: BinaryIO) -> bool:
    """Pass over parts of up to 255 bytes; return whether their end was there."""
    while size := file.read(1):
        if size == b"\0":
            return True
        file.seek(size[0], os.SEEK_CUR)
    return False


def _webp(file: BinaryIO) -> Delays:
    """Walk the chunks of a WebP (RFC 9649, 2.7)."""
    (riff_bytes,) = read_at(file, "<4xI", 0)
    first, flags = read_at(file, "<4s4xB", 12)
    if first != b"VP8X" or not flags & 2:
        yield None
        return
    at = 12
    for _ in range(MOST_CHUNKS):
        kind, size = read_at(file, "<4sI", at)
        if at >= 8 + riff_bytes:
            yield None
            return
        end = at + 8 + size + size % 2
        if kind == b"\0\0\0\0" or _length(file) < end:
            return
        if kind == b"ANMF":
            low, high = read_at(file, "<HB", at + 20)
            yield low | high << 16
        at = end


def _png(file: BinaryIO) -> Delays:
    """Walk the chunks of a PNG (PNG Specification, third edition, 5.3 and 11.3.6)."""
    at, moves = 8, False
    for _ in range(MOST_CHUNKS):
        size, kind = read_at(file, ">I4s", at)
        moves = moves or kind == b"acTL"
        if kind == b"IEND" or (kind == b"IDAT" and not moves):
            yield None
            return
        end = at + 12 + size
        if _length(file) < end:
            return
        if kind == b"fcTL":
            above, below = read_at(file, ">HH", at + 8 + 20)
            yield above * 1000 // (below or 100)
        at = end


def _avif(file: BinaryIO) -> Delays:
    """Read the table of times of an AVIF's sequence (ISO/IEC 14496-12, 8.6.1.2)."""
    whole = Box(b"", 0, 0, _length(file))
    for track in _inside(file, whole, b"moov", b"trak"):
        handlers = _inside(file, track, b"mdia", b"hdlr")
        if not any(read_at(file, ">8x4s", box.content_at) == (b"pict",) for box in handlers):
            continue
        for clock, table in zip(
            _inside(file, track, b"mdia", b"mdhd"),
            _inside(file, track, b"mdia", b"minf", b"stbl", b"stts"),
            strict=False,
        ):
            yield from _table(file, clock, table)
        break
    yield None


def _table(file: BinaryIO, clock: Box, table: Box) -> Delays:
    (version,) = read_at(file, ">B", clock.content_at)
    (per_second,) = read_at(file, ">I", clock.content_at + (20 if version == 1 else 12))
    (entries,) = read_at(file, ">4xI", table.content_at)
    for number in range(min(entries, (table.end - table.content_at - 8) // 8)):
        frames, ticks = read_at(file, ">II", table.content_at + 8 + 8 * number)
        yield from repeat(ticks * 1000 // (per_second or 1), frames)


def _inside(file: BinaryIO, box: Box, *kinds: bytes) -> list[Box]:
    """Return the boxes that a path of kinds leads to, from a box down."""
    found = [box]
    for kind in kinds:
        found = [
            inner
            for outer in found
            for inner in boxes_in(file, outer.content_at, outer.end)
            if inner.kind == kind
        ]
    return found


def _length(file: BinaryIO) -> int:
    return file.seek(0, os.SEEK_END)


READERS: dict[str, Callable[[BinaryIO], Delays]] = {
    "gif": _gif,
    "webp": _webp,
    "png": _png,
    "avif": _avif,
}
