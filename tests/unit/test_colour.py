from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mediaindex.embedders.colour import PALETTE, ColourEmbedder
from mediaindex.types import RGB
from tests.media import MEDIA, needs_media


def plain(colour: tuple[int, int, int]) -> RGB:
    return np.full((40, 60, 3), colour, dtype=np.uint8)


def best(question: str, pictures: dict[str, RGB]) -> list[str]:
    embedder = ColourEmbedder()
    scores = embedder.embed_images(list(pictures.values())) @ embedder.embed_texts([question])[0]
    return [list(pictures)[i] for i in np.argsort(-scores)]


@pytest.mark.parametrize("name", PALETTE)
def test_each_colour_finds_itself_first(name: str) -> None:
    pictures = {other: plain(colour) for other, colour in PALETTE.items()}

    assert best(f"a {name} thing", pictures)[0] == name


@pytest.mark.parametrize(
    ("question", "first", "last"),
    [
        ("dark", (10, 10, 10), (240, 240, 240)),
        ("bright morning", (240, 240, 240), (10, 10, 10)),
        ("night", (15, 15, 40), (200, 200, 255)),
    ],
)
def test_brightness_words_rank_by_brightness(
    question: str, first: tuple[int, int, int], last: tuple[int, int, int]
) -> None:
    pictures = {"last": plain(last), "between": plain((128, 128, 128)), "first": plain(first)}

    assert best(question, pictures) == ["first", "between", "last"]


def test_picture_of_two_colours_is_found_by_either_and_best_by_both() -> None:
    both = np.concatenate([plain(PALETTE["red"]), plain(PALETTE["blue"])])
    pictures = {"green": plain(PALETTE["green"]), "red": plain(PALETTE["red"]), "both": both}

    assert best("red and blue", pictures)[0] == "both"
    assert best("blue", pictures)[0] == "both"
    assert best("red", pictures) == ["red", "both", "green"]


def test_case_and_punctuation_do_not_matter() -> None:
    embedder = ColourEmbedder()

    assert np.array_equal(*embedder.embed_texts(["RED, please!", "red"]))


@pytest.mark.parametrize(
    ("text", "pieces"),
    [("a crimson dress", ["a crimson dress"]), ("a dog in a garden", []), ("anything", [])],
)
def test_text_without_a_colour_says_nothing_to_it(text: str, pieces: list[str]) -> None:
    assert ColourEmbedder().split_text(text) == pieces


def test_it_is_never_called_semantic() -> None:
    assert ColourEmbedder.semantic is False


@needs_media
def test_red_flower_ranks_the_reddish_photographs_first() -> None:
    pictures = {path.name: _read(path) for path in sorted((MEDIA / "photos").iterdir())}

    def redness(picture: RGB) -> float:
        red, green, blue = picture.reshape(-1, 3).mean(axis=0)
        return float(red - max(green, blue))

    found = best("red flower", pictures)

    upper = np.mean([redness(pictures[name]) for name in found[:5]])
    lower = np.mean([redness(pictures[name]) for name in found[5:]])
    assert upper > lower + 10


def _read(path: Path) -> RGB:
    with Image.open(path) as picture:
        picture.thumbnail((400, 400))
        return np.asarray(picture.convert("RGB"))
