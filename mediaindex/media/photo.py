"""A photo's file -> an upright sRGB picture, reduced while it is decoded."""

import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from mediaindex.errors import MediaIndexError, Unusable
from mediaindex.media import hdr, raw
from mediaindex.media.colour import to_srgb
from mediaindex.media.completeness import is_cut_off
from mediaindex.media.formats import Format, sniff_open
from mediaindex.media.reading import is_of_the_disk, open_to_read
from mediaindex.types import RGB

PILLOW_NAMES = {
    "jpeg": ("JPEG", "MPO"),
    "png": ("PNG",),
    "webp": ("WEBP",),
    "gif": ("GIF",),
    "tiff": ("TIFF",),
    "bmp": ("BMP",),
    "jp2": ("JPEG2000",),
    "heic": ("HEIF",),
    "avif": ("AVIF",),
    "jxl": ("JXL",),
}
"""Which of Pillow's decoders may see which format; its many others never run."""

TURNED_BY_DECODER = frozenset({"heic", "jxl"})
"""Here the decoder turns the picture upright, and EXIF's orientation would turn it once more."""

CODED_BY_NUMBER = frozenset({"heic", "avif"})
"""Formats that may tell their colours without a profile; JPEG XL's decoder converts them itself."""

DRAFT = {"jpeg": 2, "heic": 1}
"""How many times the size asked for a decoder's own quick reduction has to be, where it has one.

JPEG decodes at a half, a quarter or an eighth; twice the size keeps what is reduced sharp. HEIC
takes a preview of the file's own, if there is one of the size.
"""

DEEP_WHITE = {"png": 65535.0, "jp2": 65535.0}
"""White in 16 bits, where the decoder scales to it; others keep the sensor's 10, 12 or 14 bits."""

DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    EOFError,
    RuntimeError,
    struct.error,
    Image.DecompressionBombError,
)
"""What decoders raise at broken files; Pillow promises nothing narrower."""


@dataclass(frozen=True)
class Limits:
    """What a picture may ask for."""

    max_pixels: int = 500_000_000
    #: Of all frames of an animation together; each is decoded to see a later one.
    max_animation_pixels: int = 20_000_000_000


@dataclass(frozen=True)
class Photo:
    """A decoded photo."""

    #: Fitted into a square of the size asked for; never enlarged.
    pixels: RGB
    #: Of the upright picture in its file.
    width_px: int
    height_px: int
    format: str


def decode_photo(path: Path, fit_px: int, limits: Limits) -> Photo:
    """Decode a photo: upright, sRGB, alpha on white, the first picture if there are several.

    Args:
        path: The file; opened to read only.
        fit_px: The longer side of the result at most.
        limits: A picture of more pixels is not decoded.

    Raises:
        Unusable: It is no photo, is cut off or broken, or is too large.
        RetryLater: It cannot be read now.
    """
    with open_to_read(path) as file, decoder_trouble():
        found = sniff_open(file)
        if found is None or found.kind != "photo":
            raise Unusable("holds no photo" if file.read(1) else "the file is empty")
        if is_cut_off(file):
            raise Unusable("the file is cut off")
        if found.name == "raw":
            return _decode_raw(file, fit_px, limits)
        return _decode(file, found.name, fit_px, limits)


def open_picture(file: BinaryIO, found: Format | str, limits: Limits) -> ImageFile.ImageFile:
    """Open a picture with the decoder of its format, without decoding it.

    Raises:
        Unusable: It has more pixels than may be.
    """
    _register_openers()
    # Pillow checks some sizes only while decoding; it raises from twice this number on.
    Image.MAX_IMAGE_PIXELS = limits.max_pixels // 2
    name = found if isinstance(found, str) else found.name
    picture = Image.open(file, formats=PILLOW_NAMES[name])
    if picture.width * picture.height > limits.max_pixels:
        raise Unusable(
            f"has {picture.width} x {picture.height} pixels, more than photo.max_megapixels allows"
        )
    return picture


@contextmanager
def decoder_trouble() -> Iterator[None]:
    """Turn whatever a decoder raises into `Unusable` with its reason."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except MediaIndexError:
        raise
    except DECODER_ERRORS as error:
        if isinstance(error, OSError) and is_of_the_disk(error):
            raise  # it is not the file's fault
        raise Unusable(_reason(error)) from error


def _decode_raw(file: BinaryIO, fit_px: int, limits: Limits) -> Photo:
    def decode_jpeg(inside: BinaryIO) -> RGB | None:
        try:
            return _decode(inside, "jpeg", fit_px, limits).pixels
        except (Unusable, *DECODER_ERRORS):
            return None

    return Photo(*raw.decode(file, decode_jpeg, fit_px, limits.max_pixels), "raw")


def _decode(file: BinaryIO, name: str, fit_px: int, limits: Limits) -> Photo:
    coding = hdr.coding_of(file) if name in CODED_BY_NUMBER else None
    with open_picture(file, name, limits) as picture:
        width, height = picture.size
        if name in DRAFT:
            picture.draft(None, (fit_px * DRAFT[name], fit_px * DRAFT[name]))
        picture.load()
        orientation = orientation_of(picture, name)
        upright = upright_srgb(picture, name, orientation, fit_px)
        if coding and not coding.is_srgb and not picture.info.get("icc_profile"):
            upright = hdr.to_srgb(upright, coding)
        if orientation >= 5:  # the four that lie on a side
            width, height = height, width
        return Photo(upright, width, height, name)


def upright_srgb(picture: Image.Image, name: str, orientation: int, fit_px: int) -> RGB:
    """Return a decoded picture upright, in sRGB, alpha on white; it may be changed by this.

    Args:
        picture: As its decoder gives it.
        name: Its format.
        orientation: As `orientation_of` tells.
        fit_px: The longer side of the result at most.
    """
    small = _eight_bits(_reduced(_reducible(picture), fit_px), name)
    return np.asarray(_turned(to_srgb(small, picture.info.get("icc_profile")), orientation))


def orientation_of(picture: Image.Image, name: str) -> int:
    """Return how a decoded picture has to be turned, 1 to 8, as EXIF counts; 1 is upright.

    To be asked after decoding: some formats tell only then.
    """
    return 1 if name in TURNED_BY_DECODER else _orientation(picture)


def _reducible(picture: Image.Image) -> Image.Image:
    """Return the picture in a mode that can be scaled: no palette, alpha a channel of its own.

    CMYK and Lab stay as they are: only a profile says what they look like.
    """
    if picture.mode.startswith("I;16"):
        return picture.convert("I")
    if picture.mode in ("I", "F", "CMYK", "LAB"):
        return picture
    if picture.has_transparency_data:
        return picture.convert("RGBA")
    if picture.mode in ("RGB", "L"):
        return picture
    return picture.convert("L" if picture.mode == "1" else "RGB")


def _eight_bits(picture: Image.Image, name: str) -> Image.Image:
    """Return the picture with eight bits a channel and alpha flattened on white."""
    if picture.mode in ("I", "F"):
        return Image.fromarray(_scaled(np.asarray(picture), DEEP_WHITE.get(name)))
    if picture.mode == "RGBA":
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    return picture


def _scaled(values: np.ndarray, white: float | None) -> np.ndarray:
    """Scale deep values to 0..255.

    Args:
        values: Any numbers; below 0 is black.
        white: Taken for 255; None: the smallest usual depth that holds the brightest value.
    """
    finite = np.nan_to_num(values.astype(np.float32), posinf=0.0, neginf=0.0).clip(0, None)
    if white is None:
        peak = float(finite.max(initial=0.0))
        depths = [255.0, 1023.0, 4095.0, 16383.0, 65535.0]
        if values.dtype.kind == "f":
            depths.insert(0, 1.0)
        white = next((depth for depth in depths if peak <= depth), peak)
    return (finite * (255.0 / white)).round().clip(0, 255).astype(np.uint8)


def _reduced(picture: Image.Image, fit_px: int) -> Image.Image:
    small = picture if picture.readonly == 0 else picture.copy()
    small.thumbnail((fit_px, fit_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return small


def _orientation(picture: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8, also from XMP; what cannot be read is upright."""
    try:
        value = picture.getexif().get(0x0112, 1)
    except DECODER_ERRORS:
        return 1
    return value if value in range(1, 9) else 1


TURNS: dict[int, Callable[[Image.Image], Image.Image]] = {
    2: ImageOps.mirror,
    3: lambda picture: picture.transpose(Image.Transpose.ROTATE_180),
    4: ImageOps.flip,
    5: lambda picture: picture.transpose(Image.Transpose.TRANSPOSE),
    6: lambda picture: picture.transpose(Image.Transpose.ROTATE_270),
    7: lambda picture: picture.transpose(Image.Transpose.TRANSVERSE),
    8: lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
}
"""What turns a picture of each EXIF orientation upright (CIPA DC-008, tag 274)."""


def _turned(picture: Image.Image, orientation: int) -> Image.Image:
    return TURNS[orientation](picture) if orientation in TURNS else picture


def _reason(error: BaseException) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, Image.DecompressionBombError):
        return "has more pixels than photo.max_megapixels allows"
    if "truncated" in said or "Truncated" in said or isinstance(error, EOFError):
        return "the file is cut off"
    if isinstance(error, UnidentifiedImageError):
        return "begins like a picture, but its header is broken or of a kind that is not known"
    return f"cannot be decoded: {said or type(error).__name__}"


@cache
def _register_openers() -> None:
    import pillow_heif
    import pylibjxl

    pillow_heif.register_heif_opener()
    pylibjxl.register_pillow()
