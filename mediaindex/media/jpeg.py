"""A picture as the JPEG file that a vision-language model is shown."""

import io

import numpy as np
from PIL import Image, ImageOps

from mediaindex.media.textual import is_full_of_text
from mediaindex.types import RGB

QUALITY = 90

LEAST_SIDE_PX = 56
"""Models cut a picture into patches of 14 to 28 pixels and fail at less than one or two of them
("height or width must be larger than factor:28", Qwen2.5-VL)."""

MOST_TEXT_PX = 1344
"""The longer side of a picture full of text. To Qwen's models a square of 28 pixels is a token: a
page of this size takes some 1,600 of the 4,096 there are, and a square one 2,300."""

PAD = (128, 128, 128)


def jpeg_for_model(pixels: RGB, max_px: int) -> bytes:
    """Return a JPEG file to show to a model.

    Reduced to `max_px`, except where it is full of text, which small print would not survive. Not
    enlarged, but for very small and very thin pictures, of which models make nothing at all.

    Args:
        pixels: A preview; it may be of any size.
        max_px: The longer side at most, unless it is full of text.
    """
    within_px = max_px
    if max(pixels.shape[:2]) > max_px and is_full_of_text(pixels):
        within_px = max(max_px, MOST_TEXT_PX)
    picture = Image.fromarray(np.ascontiguousarray(pixels))
    picture.thumbnail((within_px, within_px), Image.Resampling.LANCZOS, reducing_gap=3.0)
    file = io.BytesIO()
    _large_enough(picture, max(within_px, LEAST_SIDE_PX)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def _large_enough(picture: Image.Image, within_px: int) -> Image.Image:
    """Return a picture none of whose sides is too short: enlarged, and padded if that is too thin.

    Args:
        picture: As it was reduced.
        within_px: The longer side of what is enlarged, at most.
    """
    short, long = sorted(picture.size)
    if short >= LEAST_SIDE_PX:
        return picture
    scale = max(1.0, min(LEAST_SIDE_PX / short, within_px / long))
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    larger = picture.resize(size, Image.Resampling.LANCZOS)
    room = (max(larger.width, LEAST_SIDE_PX), max(larger.height, LEAST_SIDE_PX))
    if room == larger.size:
        return larger
    return ImageOps.pad(larger, room, color=PAD)
