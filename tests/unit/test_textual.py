"""Which pictures are taken for text: drawn pages, and what only looks busy."""

import time

import numpy as np
import pytest
from PIL import Image

from mediaindex.media.textual import is_full_of_text
from mediaindex.types import RGB
from tests.conftest import plain
from tests.drawn import page, photographed, pixels


@pytest.mark.parametrize("letter_px", [24, 32, 44])
@pytest.mark.parametrize("turned_deg", [0, -3, 2, 90])
def test_scanned_page_is_text_however_it_lies(letter_px: int, turned_deg: float) -> None:
    drawn = page(1500, 2000, letter_px)

    assert is_full_of_text(pixels(photographed(drawn, turned_deg=turned_deg)))


def test_photographed_page_in_bad_light_is_text() -> None:
    drawn = photographed(page(1500, 2000, 36), turned_deg=4, noise=6, shade=0.7)

    assert is_full_of_text(pixels(drawn))


def test_dark_screen_is_text() -> None:
    assert is_full_of_text(pixels(page(1280, 800, 18, (210, 210, 210), (30, 30, 36))))


def test_large_picture_is_judged_as_a_small_one() -> None:
    drawn = page(1500, 2000, 32)

    assert is_full_of_text(pixels(drawn, 768))
    assert is_full_of_text(pixels(drawn, 1536))


def test_receipt_in_a_photo_is_text() -> None:
    skimage = pytest.importorskip("skimage.data")
    table = Image.fromarray(skimage.astronaut()).resize((1500, 1500))
    table.paste(page(700, 1400, 30), (400, 50))

    assert is_full_of_text(pixels(table))


def test_one_line_of_text_does_not_fill_a_photo() -> None:
    skimage = pytest.importorskip("skimage.data")
    photo = Image.fromarray(skimage.astronaut())
    photo.paste(page(512, 40, 16), (0, 470))

    assert not is_full_of_text(pixels(photo))


def stripes(wide_px: int, high_px: int) -> RGB:
    seen = np.full((600, 768, 3), 235, np.uint8)
    if wide_px:
        seen[:, np.arange(768) % wide_px < wide_px // 3] = 40
    if high_px:
        seen[np.arange(600) % high_px < high_px // 3] = 40
    return seen


NOISE = np.random.default_rng(1).integers(0, 255, (600, 768, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "seen",
    [
        plain(255, 255, 255, side_px=768),
        stripes(12, 0),
        stripes(0, 12),
        stripes(20, 20),
        NOISE,
        plain(0, 0, 0, side_px=1),
        np.zeros((1, 4000, 3), np.uint8),
    ],
    ids=["white", "fence", "blind", "tiles", "noise", "one pixel", "one row"],
)
def test_busy_picture_without_words_is_no_text(seen: RGB) -> None:
    assert not is_full_of_text(seen)


@pytest.mark.parametrize(
    "name", ["brick", "gravel", "grass", "astronaut", "camera", "coins", "coffee", "rocket"]
)
def test_texture_and_photo_of_scikit_image_is_no_text(name: str) -> None:
    skimage = pytest.importorskip("skimage.data")
    seen = Image.fromarray(getattr(skimage, name)())

    assert not is_full_of_text(pixels(seen))


def test_page_of_a_book_is_text() -> None:
    skimage = pytest.importorskip("skimage.data")

    assert is_full_of_text(pixels(Image.fromarray(skimage.page())))


def test_it_takes_little_time() -> None:
    drawn = pixels(page(2000, 2000, 32))
    before = time.process_time()

    for _ in range(5):
        is_full_of_text(drawn)

    assert (time.process_time() - before) / 5 < 0.1  # 0.01 on a machine with nothing else to do
