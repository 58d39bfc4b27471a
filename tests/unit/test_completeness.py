import io
import struct

import pytest

from mediaindex.media.completeness import is_cut_off

EBML = b"\x1a\x45\xdf\xa3\x84" + bytes(4)


def cut(content: bytes) -> bool:
    return is_cut_off(io.BytesIO(content))


def matroska(size: bytes, content: bytes) -> bytes:
    return EBML + b"\x18\x53\x80\x67" + size + content


@pytest.mark.parametrize("size", [b"\xa0", b"\x40\x20", b"\x01" + bytes(6) + b"\x20"])
def test_matroska_says_where_it_ends(size: bytes) -> None:
    assert not cut(matroska(size, bytes(32)))
    assert cut(matroska(size, bytes(31)))


@pytest.mark.parametrize("size", [b"\xff", b"\x01" + b"\xff" * 7, b"\0", b""])
def test_matroska_of_a_live_recording_does_not(size: bytes) -> None:
    assert not cut(matroska(size, bytes(9)))


def test_avi_says_where_it_ends() -> None:
    whole = b"RIFF" + struct.pack("<I", 20) + b"AVI " + bytes(16)

    assert not cut(whole)
    assert cut(whole[:-1])


def test_avi_that_was_never_closed_does_not() -> None:
    assert not cut(b"RIFF\xff\xff\xff\xffAVI " + bytes(16))


@pytest.mark.parametrize("first", [b"ftyp", b"wide", b"mdat", b"moov"])
def test_movie_is_cut_off_within_a_box(first: bytes) -> None:
    whole = struct.pack(">I4s", 16, first) + bytes(8) + struct.pack(">I4s", 108, b"mdat")

    assert not cut(whole + bytes(100))
    assert cut(whole + bytes(99))


@pytest.mark.parametrize("content", [b"\x1a\x45\xdf\xa3", b"RIFF", b"\xff\xd8\xff"])
def test_stubs_say_nothing(content: bytes) -> None:
    assert not cut(content)
