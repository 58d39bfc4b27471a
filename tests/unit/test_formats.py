import io
import struct

import pytest

from mediaindex.media.formats import HEAD_BYTES, sniff, sniff_open

SUB_DIRECTORIES = (330, 4, 1, 64)
CFA = (262, 3, 1, 32803)
DNG_VERSION = (50706, 1, 4, 1)


def ftyp(*brands: bytes) -> bytes:
    """Return the first box of an ISO media file: the major brand, then the others."""
    inside = brands[0] + b"\0\0\0\0" + b"".join(brands[1:])
    return struct.pack(">I", 8 + len(inside)) + b"ftyp" + inside


def tiff(*entries: tuple[int, int, int, int], make: bytes = b"", order: str = "<") -> bytes:
    """Return a TIFF of one directory, with the maker's name behind it."""
    tags = sorted((*entries, (271, 2, len(make), 8 + 2 + 12 * (len(entries) + 1) + 4)))
    directory = struct.pack(f"{order}H", len(tags))
    for tag, kind, count, value in tags:
        short = kind == 3
        directory += struct.pack(f"{order}HHI", tag, kind, count)
        directory += struct.pack(f"{order}HH" if short else f"{order}I", *((value, 0)[: 1 + short]))
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", 8) + directory + b"\0\0\0\0" + make


@pytest.mark.parametrize(
    ("head", "name", "kind"),
    [
        (b"\xff\xd8\xff\xe1\0\0Exif", "jpeg", "photo"),
        (b"\x89PNG\r\n\x1a\n", "png", "photo"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "webp", "photo"),
        (b"GIF89a", "gif", "photo"),
        (b"MM\0+\0\x08\0\0", "tiff", "photo"),
        (b"\xff\x4f\xff\x51", "jp2", "photo"),
        (b"\xff\x0a\xfa\x9f", "jxl", "photo"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl", "photo"),
        (ftyp(b"heic", b"mif1", b"heic"), "heic", "photo"),
        (ftyp(b"mif1", b"mif1", b"heic"), "heic", "photo"),
        (ftyp(b"msf1", b"msf1", b"hevc"), "heic", "photo"),
        (ftyp(b"mif1", b"mif1", b"avif", b"miaf"), "avif", "photo"),
        (ftyp(b"avis", b"msf1"), "avif", "photo"),
        (ftyp(b"crx ", b"crx ", b"isom"), "raw", "photo"),
        (b"II*\0\x10\0\0\0CR\x02\0", "raw", "photo"),
        (b"II\x1a\0\0\0HEAPCCDR\x02\0", "raw", "photo"),
        (b"FUJIFILMCCD-RAW 0201", "raw", "photo"),
        (b"IIU\0\x18\0\0\0", "raw", "photo"),
        (b"IIRO\x08\0\0\0", "raw", "photo"),
        (b"II*\0\x08\0\0\0IIIICwaR", "raw", "photo"),
        (ftyp(b"isom", b"avc1"), "mp4", "video"),
        (ftyp(b"3gp4"), "mp4", "video"),
        (ftyp(b"qt  "), "mov", "video"),
        (b"\0\0\0\x08wide\0\0\x10\0mdat", "mov", "video"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x84webm", "webm", "video"),
        (b"\x1a\x45\xdf\xa3\x9f\x42\x82\x88matroska", "mkv", "video"),
        (b"RIFF\0\0\0\0AVI LIST", "avi", "video"),
        ((b"G" + b"\0" * 187) * 3, "mpegts", "video"),
    ],
)
def test_format_is_told_from_the_first_bytes(head: bytes, name: str, kind: str) -> None:
    found = sniff(head)

    assert found is not None
    assert (found.name, found.kind) == (name, kind)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"B",
        b"BMW is a car, and not a bitmap",
        b"Good morning",
        b"%PDF-1.7",
        b"8BPS\0\x01",
        b"<svg xmlns=''>",
        b"\0\0\x01\0\x01\0",
        b"RIFF\0\0\0\0WAVEfmt ",
        b"fLaC",
        ftyp(b"M4A ", b"M4A ", b"mp42", b"isom"),
    ],
)
def test_all_else_is_no_picture_and_no_video(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("entries", "make", "name"),
    [
        ((), b"", "tiff"),
        ((), b"NIKON CORPORATION", "tiff"),
        ((SUB_DIRECTORIES,), b"Scanners Inc.", "tiff"),
        ((SUB_DIRECTORIES,), b"NIKON CORPORATION", "raw"),
        ((SUB_DIRECTORIES,), b"SONY\0", "raw"),
        ((CFA,), b"PENTAX Corporation", "raw"),
        ((DNG_VERSION,), b"Any phone", "raw"),
    ],
)
def test_camera_raw_is_told_from_a_plain_tiff(
    order: str, entries: tuple[tuple[int, int, int, int], ...], make: bytes, name: str
) -> None:
    found = sniff(tiff(*entries, make=make, order=order))

    assert found is not None
    assert found.name == name


def test_directory_at_the_end_of_a_large_tiff_is_read_too() -> None:
    near = tiff(DNG_VERSION)
    at = 10 * HEAD_BYTES
    file = io.BytesIO(b"II*\0" + struct.pack("<I", at) + b"\0" * (at - 8) + near[8:])

    found = sniff_open(file)

    assert found is not None
    assert found.name == "raw"
    assert file.tell() == 0


@pytest.mark.parametrize("length", range(8, 60, 4))
def test_tiff_that_is_cut_off_anywhere_is_still_called_one(length: int) -> None:
    found = sniff(tiff(SUB_DIRECTORIES, make=b"NIKON CORPORATION")[:length])

    assert found is not None
    assert found.name in ("tiff", "raw")
