"""Camera RAW: the JPEG that the camera put into it, or a quick development where there is none."""

import io
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from PIL import Image

from mediaindex.errors import Unusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from mediaindex.media.photo import Photo

TURNED = {
    3: Image.Transpose.ROTATE_180,
    5: Image.Transpose.ROTATE_90,
    6: Image.Transpose.ROTATE_270,
}
"""What LibRaw's `flip` asks for."""


def decode(file: BinaryIO, decode_jpeg: "Callable[[BinaryIO], Photo]", fit_px: int) -> "Photo":
    """Decode a RAW file's embedded preview; develop it at half size if that is too small.

    Args:
        file: Open at its start.
        decode_jpeg: Decodes the JPEG inside, as any photo.
        fit_px: The longer side of the result at most.

    Raises:
        Unusable: LibRaw cannot read it.
    """
    import rawpy

    try:
        with rawpy.imread(file) as opened:
            return _preview(opened, decode_jpeg, fit_px) or _developed(opened, fit_px)
    except rawpy.LibRawError as error:
        raise Unusable(f"cannot be read as camera RAW: {error}") from error


def _preview(
    opened: Any,  # noqa: ANN401 - rawpy has no types
    decode_jpeg: "Callable[[BinaryIO], Photo]",
    fit_px: int,
) -> "Photo | None":
    import rawpy

    from mediaindex.media.photo import Photo

    try:
        thumbnail = opened.extract_thumb()
    except rawpy.LibRawError:
        return None
    if thumbnail.format != rawpy.ThumbFormat.JPEG:
        return None
    inside = decode_jpeg(io.BytesIO(thumbnail.data))
    if max(inside.width_px, inside.height_px) < min(fit_px, *_size(opened)):
        return None
    pixels = inside.pixels
    if _says_nothing_of_turning(thumbnail.data):
        pixels = _turn(pixels, opened.sizes.flip)
    return Photo(pixels, *_size(opened), "raw")


def _developed(opened: Any, fit_px: int) -> "Photo":  # noqa: ANN401 - rawpy has no types
    from mediaindex.media.photo import Photo

    pixels = opened.postprocess(half_size=True, use_camera_wb=True, output_bps=8)
    picture = Image.fromarray(pixels)
    picture.thumbnail((fit_px, fit_px), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return Photo(np.asarray(picture), *_size(opened), "raw")


def _size(opened: Any) -> tuple[int, int]:  # noqa: ANN401 - rawpy has no types
    sizes = opened.sizes
    across = sizes.flip in (5, 6)
    return (sizes.height, sizes.width) if across else (sizes.width, sizes.height)


def _says_nothing_of_turning(jpeg: bytes) -> bool:
    with Image.open(io.BytesIO(jpeg), formats=("JPEG", "MPO")) as picture:
        return picture.getexif().get(0x0112) is None


def _turn(pixels: "np.ndarray[Any, np.dtype[np.uint8]]", flip: int) -> Any:  # noqa: ANN401 - an array
    if flip not in TURNED:
        return pixels
    return np.asarray(Image.fromarray(pixels).transpose(TURNED[flip]))
