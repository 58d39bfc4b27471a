"""What a model is shown."""

import io

import numpy as np
import pytest
from PIL import Image

from mediaindex.media.jpeg import LEAST_SIDE_PX, jpeg_for_model
from tests.conftest import plain
from tests.drawn import page, pixels


def opened(file: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(file))
    assert picture.format == "JPEG"
    return picture


def test_photo_is_reduced() -> None:
    seen = np.full((600, 768, 3), (200, 20, 20), np.uint8)

    shown = opened(jpeg_for_model(seen, 672))

    assert shown.size == (672, 525)
    assert np.abs(np.asarray(shown).astype(int) - (200, 20, 20)).max() < 6


def test_photo_that_is_small_enough_keeps_its_size() -> None:
    assert opened(jpeg_for_model(plain(1, 2, 3, side_px=300), 672)).size == (300, 300)


def test_page_is_shown_whole() -> None:
    whole = pixels(page(1500, 2000, 32), 1536)

    assert opened(jpeg_for_model(whole, 672)).size == (1008, 1344)


@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (20, 30), (30, 20), (2000, 3), (3, 2000), (768, 48), (55, 600)]
)
def test_no_side_is_too_short_for_a_model(width: int, height: int) -> None:
    shown = opened(jpeg_for_model(np.full((height, width, 3), 90, np.uint8), 672))

    assert min(shown.size) >= LEAST_SIDE_PX
    assert max(shown.size) <= 672


def test_small_picture_is_enlarged_and_keeps_its_shape() -> None:
    assert opened(jpeg_for_model(np.full((20, 40, 3), 90, np.uint8), 672)).size == (112, 56)


def test_picture_that_cannot_be_written_to_is_shown_too() -> None:
    seen = plain(9, 9, 9)
    seen.setflags(write=False)

    assert opened(jpeg_for_model(seen[::-1], 672)).size == (64, 64)
