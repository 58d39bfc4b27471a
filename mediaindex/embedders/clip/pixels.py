"""A picture -> the numbers a model takes, exactly as open_clip does it, without torchvision.

The model's own rule is kept, since it was trained so: with `shortest` the long ends of panoramas
and tall pictures are cut off and not seen.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from mediaindex.embedders.clip.manifest import Preprocess
from mediaindex.types import RGB

FILTERS = {
    "bicubic": Image.Resampling.BICUBIC,
    "bilinear": Image.Resampling.BILINEAR,
}


def to_pixels(images: Sequence[RGB], rule: Preprocess) -> npt.NDArray[np.float32]:
    """Return float32 (n, 3, height, width), normalised, ready for the picture tower."""
    height, width = rule.size
    squares = np.empty((len(images), height, width, 3), dtype=np.float32)
    for row, image in zip(squares, images, strict=True):
        row[:] = np.asarray(_fitted(Image.fromarray(image), rule))
    squares /= 255
    squares -= np.array(rule.mean, dtype=np.float32)
    squares /= np.array(rule.std, dtype=np.float32)
    return np.ascontiguousarray(squares.transpose(0, 3, 1, 2))


def _fitted(picture: Image.Image, rule: Preprocess) -> Image.Image:
    height, width = rule.size
    if rule.resize_mode == "squash":
        return picture.resize((width, height), FILTERS[rule.interpolation])
    scaled = picture.resize(_scaled_size(picture, rule), FILTERS[rule.interpolation])
    return _centred(scaled, width, height, rule.fill_color)


def _scaled_size(picture: Image.Image, rule: Preprocess) -> tuple[int, int]:
    height, width = rule.size
    if rule.resize_mode == "shortest" and height == width:
        # torchvision's Resize with one number truncates the long side.
        short = min(picture.size)
        scaled = (int(width * picture.width / short), int(width * picture.height / short))
        return max(scaled[0], width), max(scaled[1], height)
    choose = max if rule.resize_mode == "longest" else min
    ratio = choose(picture.height / height, picture.width / width)
    return max(1, round(picture.width / ratio)), max(1, round(picture.height / ratio))


def _centred(picture: Image.Image, width: int, height: int, fill: int) -> Image.Image:
    """Return the middle of `picture`, padded first where it is too small."""
    short_x, short_y = max(0, width - picture.width), max(0, height - picture.height)
    if short_x or short_y:
        border = (short_x // 2, short_y // 2, (short_x + 1) // 2, (short_y + 1) // 2)
        picture = ImageOps.expand(picture, border, fill=(fill, fill, fill))
    left = round((picture.width - width) / 2)
    top = round((picture.height - height) / 2)
    return picture.crop((left, top, left + width, top + height))
