import io
import struct

import pytest

from mediaindex.media.motion import find_clip
from mediaindex.types import MotionClip

JPEG = b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9"


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


CLIP = box(b"ftyp", b"mp42" + bytes(8)) + box(b"mdat", bytes(500)) + box(b"moov", bytes(50))


def samsung_trailer(*blocks: tuple[int, bytes, bytes]) -> bytes:
    """Lay out blocks of (type, name, data) and their directory, as `SEFH` has it."""
    data, entries = b"", []
    for kind, name, content in blocks:
        entries.append((kind, len(data), 8 + len(name) + len(content)))
        data += struct.pack("<HHI", 0, kind, len(name)) + name + content
    directory = struct.pack("<4sII", b"SEFH", 106, len(entries))
    for kind, at, length in entries:
        directory += struct.pack("<HHII", 0, kind, len(data) - at, length)
    return data + directory + struct.pack("<I4s", len(directory), b"SEFT")


def test_google_says_how_far_before_the_end_it_begins() -> None:
    found = find_clip(io.BytesIO(JPEG + CLIP), len(CLIP))

    assert found == MotionClip(len(JPEG), len(CLIP))


def test_what_follows_the_clip_is_no_part_of_it() -> None:
    found = find_clip(io.BytesIO(JPEG + CLIP + b"more"), len(CLIP) + 4)

    assert found == MotionClip(len(JPEG), len(CLIP))


def test_samsung_lists_it_in_a_trailer() -> None:
    stamp = (0x0A01, b"Image_UTC_Data", b"1625405412000")
    trailer = samsung_trailer(stamp, (0x0A30, b"MotionPhoto_Data", CLIP))
    at = trailer.index(CLIP)

    found = find_clip(io.BytesIO(JPEG + trailer), None)

    assert found == MotionClip(len(JPEG) + at, len(CLIP))


@pytest.mark.parametrize("wide", [False, True])
def test_heic_has_a_box_for_it(wide: bool) -> None:
    head = box(b"ftyp", b"heic" + bytes(4)) + box(b"meta", bytes(30)) + box(b"mdat", bytes(30))
    header = struct.pack(">I4sQ", 1, b"mpvd", 16 + len(CLIP))
    boxed = header + CLIP if wide else box(b"mpvd", CLIP)

    found = find_clip(io.BytesIO(head + boxed + box(b"sefd", bytes(9))), None)

    assert found == MotionClip(len(head) + (16 if wide else 8), len(CLIP))


@pytest.mark.parametrize("from_end", [None, 0, 1, len(CLIP) - 1, 10**12])
def test_plain_photo_has_none_whatever_is_said(from_end: int | None) -> None:
    assert find_clip(io.BytesIO(JPEG), from_end) is None


def test_clip_that_is_cut_off_is_none() -> None:
    whole = JPEG + CLIP

    assert find_clip(io.BytesIO(whole[:-30]), len(CLIP) - 30) is None


@pytest.mark.parametrize("size", [0, 7, 2**31])
def test_trailer_with_a_false_size_is_passed_by(size: int) -> None:
    trailer = samsung_trailer((0x0A30, b"MotionPhoto_Data", CLIP))
    false = trailer[:-8] + struct.pack("<I4s", size, b"SEFT")

    assert find_clip(io.BytesIO(JPEG + false), None) is None


def test_trailer_that_points_nowhere_is_passed_by() -> None:
    directory = struct.pack("<4sII", b"SEFH", 106, 2**32 - 1)
    directory += struct.pack("<HHII", 0, 0x0A30, 2**32 - 1, 2**32 - 1)
    trailer = directory + struct.pack("<I4s", len(directory), b"SEFT")

    assert find_clip(io.BytesIO(JPEG + trailer), None) is None


def test_file_is_left_at_its_start() -> None:
    file = io.BytesIO(JPEG + CLIP)

    find_clip(file, len(CLIP))

    assert file.tell() == 0


@pytest.mark.parametrize("content", [b"", b"\xff", bytes(7)])
def test_tiny_files_have_none(content: bytes) -> None:
    assert find_clip(io.BytesIO(content), 1) is None
