"""Whether a file is as long as its own container says.

Some decoders fill what is missing with grey or green and say nothing; others say something that
nobody understands.
"""

import os
import struct
from typing import BinaryIO

MOST_BOXES = 1000
"""Enough for any picture; a hostile file of tiny boxes is not walked to its end."""

NEEDED_BOXES = frozenset((b"ftyp", b"meta", b"mdat", b"moov", b"jxlc", b"jxlp", b"jp2h", b"jp2c"))
"""Boxes that hold the pictures. What phones append after them need not be made of boxes."""

FIRST_BOXES = (b"ftyp", b"JXL ", b"jP  ", b"moov", b"mdat", b"wide", b"free", b"skip")

UNKNOWN_SIZE = 0xFFFFFFFF
"""What a RIFF says that was never closed, or is longer than its number can say."""

SEGMENT = b"\x18\x53\x80\x67"


def is_cut_off(file: BinaryIO) -> bool:
    """Return whether a file ends too early; False also where nothing says so.

    Knows ISO base media files (HEIC, AVIF, JPEG XL, JPEG 2000, MP4, MOV; ISO/IEC 14496-12, 4.2),
    RIFF (WebP, AVI), Matroska (RFC 9559) and TIFF. Leaves the file at its start.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(128)
    if head[4:8] in FIRST_BOXES:
        cut = _boxes_run_over(file, length)
    elif head[:4] == b"RIFF" and len(head) >= 8:
        size = int.from_bytes(head[4:8], "little")
        cut = size != UNKNOWN_SIZE and size + 8 > length
    elif head[:4] == b"\x1a\x45\xdf\xa3":
        cut = _end_of_segment(head) > length
    else:
        cut = _first_directory(head) >= length
    file.seek(0)
    return cut


def _boxes_run_over(file: BinaryIO, length: int) -> bool:
    at = 0
    for _ in range(MOST_BOXES):
        file.seek(at)
        header = file.read(16)
        if len(header) < 8:
            return False
        size, kind = struct.unpack_from(">I4s", header)
        if size == 1 and len(header) == 16:
            (size,) = struct.unpack_from(">Q", header, 8)
        if size < 8:  # 0: to the end of the file; the others are no size of a box
            return False
        at += size
        if at > length:
            return kind in NEEDED_BOXES
    return False


def _end_of_segment(head: bytes) -> int:
    """Return where a Matroska file says that it ends; 0 where it does not say."""
    at = 4
    header_bytes, width = _element_size(head[at:])
    at += width + (header_bytes or 0)
    if head[at : at + 4] != SEGMENT:
        return 0
    segment_bytes, width = _element_size(head[at + 4 :])
    return 0 if segment_bytes is None else at + 4 + width + segment_bytes


def _element_size(data: bytes) -> tuple[int | None, int]:
    """Return an EBML size and how many bytes it takes (RFC 8794, 6); None: not known."""
    if not data or data[0] == 0:
        return None, 1
    width = 9 - data[0].bit_length()
    value = int.from_bytes(data[:width], "big") & ((1 << 7 * width) - 1)
    return (None if value == (1 << 7 * width) - 1 else value), width


def _first_directory(head: bytes) -> int:
    """Return where a TIFF's first directory lies; 0 for what is no TIFF."""
    order = "<" if head[:2] == b"II" else ">"
    if head[:4] in (b"II*\0", b"MM\0*") and len(head) >= 8:
        return int(struct.unpack_from(f"{order}I", head, 4)[0])
    if head[:4] in (b"II+\0", b"MM\0+") and len(head) >= 16:
        return int(struct.unpack_from(f"{order}Q", head, 8)[0])
    return 0
