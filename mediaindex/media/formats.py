"""What a file holds, told from its bytes and never from its name."""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from mediaindex.media.reading import open_to_read
from mediaindex.types import MediaKind

HEAD_BYTES = 4096
"""Signatures stand in the first dozens of bytes; TIFF's first directory mostly in these."""

Reader = Callable[[int, int], bytes]
"""Gives the bytes of a file from a place on, as many as asked for, fewer at its end."""


@dataclass(frozen=True)
class Format:
    """A format that is known."""

    name: str
    kind: MediaKind
    mime: str


JPEG = Format("jpeg", "photo", "image/jpeg")
PNG = Format("png", "photo", "image/png")
WEBP = Format("webp", "photo", "image/webp")
GIF = Format("gif", "photo", "image/gif")
TIFF = Format("tiff", "photo", "image/tiff")
BMP = Format("bmp", "photo", "image/bmp")
JP2 = Format("jp2", "photo", "image/jp2")
HEIC = Format("heic", "photo", "image/heic")
AVIF = Format("avif", "photo", "image/avif")
JXL = Format("jxl", "photo", "image/jxl")
RAW = Format("raw", "photo", "image/x-raw")

MP4 = Format("mp4", "video", "video/mp4")
MOV = Format("mov", "video", "video/quicktime")
MATROSKA = Format("mkv", "video", "video/matroska")
WEBM = Format("webm", "video", "video/webm")
AVI = Format("avi", "video", "video/x-msvideo")
MPEG_TS = Format("mpegts", "video", "video/mp2t")
MPEG_PS = Format("mpeg", "video", "video/mpeg")
ASF = Format("wmv", "video", "video/x-ms-wmv")
FLV = Format("flv", "video", "video/x-flv")
OGG = Format("ogv", "video", "video/ogg")

PREFIXES = {
    b"\xff\xd8\xff": JPEG,
    b"\x89PNG\r\n\x1a\n": PNG,
    b"GIF87a": GIF,
    b"GIF89a": GIF,
    b"\xff\x0a": JXL,
    b"\0\0\0\x0cJXL \r\n\x87\n": JXL,
    b"\0\0\0\x0cjP  \r\n\x87\n": JP2,
    b"\xff\x4f\xff\x51": JP2,
    b"FUJIFILMCCD-RAW": RAW,
    b"II\x1a\0\0\0HEAPCCDR": RAW,  # Canon CRW
    b"IIU\0": RAW,  # Panasonic RW2
    b"IIRO": RAW,  # Olympus ORF
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"FOVb": RAW,  # Sigma X3F
    b"\0MRM": RAW,  # Minolta MRW
    b"\x30\x26\xb2\x75\x8e\x66\xcf\x11": ASF,
    b"FLV\x01": FLV,
    b"\0\0\x01\xba": MPEG_PS,
    b"\0\0\x01\xb3": MPEG_PS,
}

BRANDS = {
    **dict.fromkeys(("heic", "heix", "heim", "heis", "hevc", "hevx", "mif1", "msf1", "mif2"), HEIC),
    **dict.fromkeys(("avif", "avis"), AVIF),
    "crx ": RAW,  # Canon CR3
    "qt  ": MOV,
    "jp2 ": JP2,
    "jpx ": JP2,
}
"""Brands of ISO base media files; any other with an `ftyp` box is a kind of MP4."""

SOUND_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P ", b"F4A ", b"F4B "))
"""Major brands of MP4 files that hold sound alone."""

MOST_TAGS = 512
"""Looked at in a TIFF's directory; real ones have dozens."""

TIFF_MAGIC = (b"II*\0", b"MM\0*")
BIG_TIFF_MAGIC = (b"II+\0", b"MM\0+")

MAKE, PHOTOMETRIC, SUB_DIRECTORIES, DNG_VERSION = 0x010F, 0x0106, 0x014A, 0xC612
CFA, LINEAR_RAW = 32803, 34892
"""Photometric interpretations that only a sensor's data have."""

RAW_MAKERS = (
    b"NIKON",
    b"SONY",
    b"PENTAX",
    b"RICOH",
    b"SAMSUNG",
    b"EPSON",
    b"Hasselblad",
    b"Kodak",
    b"KODAK",
    b"EASTMAN KODAK",
    b"Leaf",
    b"Mamiya",
    b"Phase One",
)
"""Makers of cameras whose RAW files are TIFFs with the sensor's data in a further directory."""

MEDIA_SUFFIXES = frozenset(
    (
        ".jpg .jpeg .jpe .jfif .png .apng .webp .gif .tif .tiff .bmp .dib .jp2 .j2k .jpf .jpx .jpc "
        ".heic .heif .hif .avif .avifs .jxl .mpo "
        ".cr2 .cr3 .crw .nef .nrw .arw .srf .sr2 .dng .raf .orf .rw2 .pef .srw .x3f .mrw .3fr .iiq "
        ".mp4 .m4v .mov .mkv .webm .avi .mts .m2ts .ts .mpg .mpeg .wmv .3gp .flv .ogv .vob"
    ).split(" ")
)
"""Names that promise a picture or a video; a file that breaks the promise is told of."""


def sniff(head: bytes) -> Format | None:
    """Return what the first bytes of a file say it is; None: no picture or video that is known.

    Args:
        head: The first `HEAD_BYTES`, fewer if the file is shorter.
    """
    return _sniff(head, lambda at, size: head[at : at + size])


def sniff_open(file: BinaryIO) -> Format | None:
    """Return what an open file holds, and leave it at its start; reads little of it."""

    def read(at: int, size: int) -> bytes:
        file.seek(at)
        return file.read(size)

    found = _sniff(read(0, HEAD_BYTES), read)
    file.seek(0)
    return found


def sniff_file(path: Path) -> Format | None:
    """Return what a file holds; reads little of it.

    Raises:
        RetryLater: It cannot be read now.
        Unusable: It is no regular file.
    """
    with open_to_read(path) as file:
        return sniff_open(file)


def _sniff(head: bytes, read: Reader) -> Format | None:
    for prefix, found in PREFIXES.items():
        if head.startswith(prefix):
            return found
    if head[4:8] == b"ftyp":
        return _by_brand(head)
    if head[:4] in TIFF_MAGIC:
        return RAW if _is_raw(head, read) else TIFF
    if head[:4] in BIG_TIFF_MAGIC:
        return TIFF
    if head[:4] == b"RIFF":
        return {b"WEBP": WEBP, b"AVI ": AVI}.get(head[8:12])
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return WEBM if b"webm" in head[:64] else MATROSKA
    return _by_inner_marks(head)


def _by_brand(head: bytes) -> Format | None:
    if head[8:12] in SOUND_BRANDS:
        return None
    size = min(struct.unpack(">I", head[:4])[0], len(head))
    brands = [head[at : at + 4].decode("latin-1") for at in (8, *range(16, size - 3, 4))]
    # "mif1" says only that it is some picture; AVIF files have it beside their own brand.
    ranked = sorted(brands, key=lambda brand: brand in ("mif1", "msf1", "mif2"))
    return next((BRANDS[brand] for brand in ranked if brand in BRANDS), MP4)


def _by_inner_marks(head: bytes) -> Format | None:
    if head[:2] == b"BM" and len(head) >= 26:
        header = struct.unpack("<I", head[14:18])[0]
        return BMP if header in (12, 16, 40, 52, 56, 64, 108, 124) else None
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip"):
        return MOV
    if len(head) > 376 and head[0] == head[188] == head[376] == 0x47:
        return MPEG_TS
    if len(head) > 388 and head[4] == head[196] == head[388] == 0x47:
        return MPEG_TS  # with time codes, as camcorders write it
    if head.startswith(b"OggS") and b"theora" in head[:128]:
        return OGG
    return None


def _is_raw(head: bytes, read: Reader) -> bool:
    """Return whether a TIFF is a camera's RAW file; what cannot be read of it is left out."""
    if head[8:10] == b"CR" or head[8:12] in (b"IIII", b"MMMM"):  # Canon CR2, Phase One IIQ
        return True
    tags = _first_directory(head, read)
    photometric = tags.get(PHOTOMETRIC, b"")[:2]
    order: Literal["little", "big"] = "little" if head[:2] == b"II" else "big"
    if DNG_VERSION in tags or int.from_bytes(photometric, order) in (CFA, LINEAR_RAW):
        return True
    return SUB_DIRECTORIES in tags and tags.get(MAKE, b"").startswith(RAW_MAKERS)


def _first_directory(head: bytes, read: Reader) -> dict[int, bytes]:
    """Return the first directory of a TIFF: tag -> its text, or the four bytes of its entry."""
    order = "<" if head[:2] == b"II" else ">"
    (offset,) = struct.unpack_from(f"{order}I", head, 4) if len(head) >= 8 else (0,)
    start = read(offset, 2)
    if offset < 8 or len(start) < 2:
        return {}
    (count,) = struct.unpack(f"{order}H", start)
    entries = read(offset + 2, 12 * min(count, MOST_TAGS))
    tags = {}
    for at in range(0, len(entries) - 11, 12):
        tag, kind, length, where = struct.unpack_from(f"{order}HHII", entries, at)
        is_far_text = tag == MAKE and kind == 2 and length > 4
        tags[tag] = read(where, min(length, 64)) if is_far_text else entries[at + 8 : at + 12]
    return tags
