"""Pages of text as a scanner, a telephone and a screen would give them, drawn with Pillow."""

import random

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from mediaindex.types import RGB

WORDS = (
    "the of and to in a is that for it as was with be by on not he but at are this have from or "
    "had an they which one you were all her she there would their we him been has when who will "
    "no more if out so said what up its about than into them can only other time Berlin 2024 "
    "Rechnung 14,90 EUR Total"
).split()

Colour = tuple[int, int, int]


def page(
    width: int,
    height: int,
    letter_px: int,
    ink: Colour = (25, 25, 25),
    paper: Colour = (245, 243, 238),
    seed: int = 0,
) -> Image.Image:
    """Return a page with lines of words from edge to edge."""
    chance = random.Random(seed)
    picture = Image.new("RGB", (width, height), paper)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(letter_px)
    margin, line_px = letter_px, int(letter_px * 1.4)
    for y in range(margin, height - 2 * letter_px, line_px):
        line = ""
        while pen.textlength(line, font=font) < width - 3 * margin:
            line += chance.choice(WORDS) + " "
        pen.text((margin, y), line.rsplit(" ", 2)[0], fill=ink, font=font)
    return picture


def photographed(
    picture: Image.Image, *, turned_deg: float = 0.0, noise: float = 0.0, shade: float = 1.0
) -> Image.Image:
    """Return a page as it lies on a table: turned, darker towards one side, with noise."""
    lying = picture.rotate(
        turned_deg, Image.Resampling.BICUBIC, expand=True, fillcolor=(120, 90, 60)
    )
    values = np.asarray(lying).astype(np.float32)
    values *= np.linspace(shade, 1.0, values.shape[1], dtype=np.float32)[None, :, None]
    values += np.random.default_rng(1).normal(0, noise, (*values.shape[:2], 1))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def pixels(picture: Image.Image, fit_px: int = 768) -> RGB:
    """Return the pixels of a picture as a preview would hold them."""
    small = picture.convert("RGB")
    small.thumbnail((fit_px, fit_px), Image.Resampling.LANCZOS)
    return np.asarray(small)
