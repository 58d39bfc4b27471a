"""Camera RAW: the JPEG that the camera put into it, or a quick development where there is none."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
from PIL import Image

from mediaindex.errors import Unusable
from mediaindex.types import RGB

TURNS = {
    1: Image.Transpose.FLIP_LEFT_RIGHT,
    2: Image.Transpose.FLIP_TOP_BOTTOM,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.TRANSPOSE,
    5: Image.Transpose.ROTATE_90,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
}
"""What LibRaw's `flip` asks for: 4 swaps the axes, then 2 turns upside down and 1 mirrors."""


def decode(
    file: BinaryIO,
    decode_jpeg: Callable[[BinaryIO], RGB | None],
    fit_px: int,
    max_pixels: int,
) -> tuple[RGB, int, int]:
    """Return a RAW file's picture, upright in sRGB, and the width and height of the whole of it.

    Args:
        file: Open at its start.
        decode_jpeg: Decodes the JPEG inside, as any photo; None if it is broken.
        fit_px: The longer side of the result at most.
        max_pixels: A sensor of more is not developed.

    Raises:
        Unusable: LibRaw cannot read it, or it is too large.
    """
    import rawpy

    try:
        with rawpy.imread(file) as opened:
            width, height = _size(opened)  # first: developing halves what LibRaw says of it
            pixels = _preview(opened, decode_jpeg, min(fit_px, width, height))
            if pixels is None:
                if width * height > max_pixels:
                    raise Unusable("has more pixels than photo.max_megapixels allows")
                pixels = _developed(opened, fit_px)
            return pixels, width, height
    except rawpy.LibRawIOError as error:
        raise Unusable("the file is cut off") from error
    except rawpy.LibRawError as error:
        raise Unusable(f"cannot be read as camera RAW: {_said(error)}") from error


def _preview(
    opened: Any,  # noqa: ANN401 - rawpy has no types
    decode_jpeg: Callable[[BinaryIO], RGB | None],
    wanted_px: int,
) -> RGB | None:
    """Return the camera's own JPEG; None if there is none, or it is broken or too small."""
    import rawpy

    try:
        thumbnail = opened.extract_thumb()
    except rawpy.LibRawError:
        return None
    if thumbnail.format != rawpy.ThumbFormat.JPEG:
        return None
    pixels = decode_jpeg(io.BytesIO(thumbnail.data))
    if pixels is None or max(pixels.shape) < wanted_px:
        return None
    return pixels if _says_how_to_turn(thumbnail.data) else _turned(pixels, opened.sizes.flip)


def _developed(opened: Any, fit_px: int) -> RGB:  # noqa: ANN401 - rawpy has no types
    pixels = opened.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    picture = Image.fromarray(pixels)
    picture.thumbnail((fit_px, fit_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return np.asarray(picture)


def _size(opened: Any) -> tuple[int, int]:  # noqa: ANN401 - rawpy has no types
    sizes = opened.sizes
    return (sizes.height, sizes.width) if sizes.flip & 4 else (sizes.width, sizes.height)


def _says_how_to_turn(jpeg: bytes) -> bool:
    with Image.open(io.BytesIO(jpeg), formats=("JPEG", "MPO")) as picture:
        return picture.getexif().get(0x0112) is not None


def _turned(pixels: RGB, flip: int) -> RGB:
    return np.asarray(Image.fromarray(pixels).transpose(TURNS[flip])) if flip in TURNS else pixels


def _said(error: Exception) -> str:
    said = error.args[0] if error.args else type(error).__name__
    return said.decode("ascii", "replace") if isinstance(said, bytes) else str(said)
