"""Whether a file is as long as its own container says.

Some decoders fill what is missing with grey or green and say nothing; others say something that
nobody understands.
"""

import os
import struct
from typing import BinaryIO

MOST_BOXES = 1000
"""Enough for any picture; a hostile file of tiny boxes is not walked to its end."""

NEEDED_BOXES = frozenset((b"ftyp", b"meta", b"mdat", b"jxlc", b"jxlp", b"jp2h", b"jp2c"))
"""Boxes that hold the picture. What phones append after them need not be made of boxes."""


def is_cut_off(file: BinaryIO) -> bool:
    """Return whether a picture's file ends too early; False also where nothing says so.

    Knows ISO base media files (HEIC, AVIF, JPEG XL, JPEG 2000; ISO/IEC 14496-12, 4.2), RIFF (WebP)
    and TIFF. Leaves the file at its start.
    """
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(16)
    if head[4:8] in (b"ftyp", b"JXL ", b"jP  "):
        cut = _boxes_run_over(file, length)
    elif head[:4] == b"RIFF" and len(head) >= 8:
        cut = int.from_bytes(head[4:8], "little") + 8 > length
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


def _first_directory(head: bytes) -> int:
    """Return where a TIFF's first directory lies; 0 for what is no TIFF."""
    order = "<" if head[:2] == b"II" else ">"
    if head[:4] in (b"II*\0", b"MM\0*") and len(head) >= 8:
        return int(struct.unpack_from(f"{order}I", head, 4)[0])
    if head[:4] in (b"II+\0", b"MM\0+") and len(head) >= 16:
        return int(struct.unpack_from(f"{order}Q", head, 8)[0])
    return 0
