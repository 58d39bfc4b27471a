"""What every embedder must do. A new file in mediaindex/embedders/ is picked up by itself."""

import pkgutil
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from mediaindex import embedders
from mediaindex.embedders import Embedder
from mediaindex.errors import ConfigError
from mediaindex.types import RGB
from tests.tiny_clip import tiny_clip

MEMBERS = [module.name for module in pkgutil.iter_modules(embedders.__path__) if not module.ispkg]
OPTIONS: dict[str, list[dict[str, object]]] = {
    "open_clip": [{"runtime": runtime} for runtime in ("auto", "onnx", "torch")],
}
"""Members that compute in several ways are asked in each; the others once, with no options."""

CASES = [(name, options) for name in MEMBERS for options in OPTIONS.get(name, [{}])]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[[int], Embedder]:
    """Load the embedder of a case, each once: loading takes longer than all that is asked of it."""

    @cache
    def loaded(case: int) -> Embedder:
        name, options = CASES[case]
        weights = tiny_clip(tmp_path_factory.mktemp(name)) if name == "open_clip" else {}
        return embedders.load(name, weights | options)

    return loaded


@pytest.fixture(
    params=range(len(CASES)),
    ids=["-".join([name, *map(str, options.values())]) for name, options in CASES],
)
def embedder(request: pytest.FixtureRequest, load: Callable[[int], Embedder]) -> Embedder:
    return load(request.param)


def plain(red: int, green: int, blue: int, width: int = 80, height: int = 60) -> RGB:
    return np.full((height, width, 3), (red, green, blue), dtype=np.uint8)


def test_rows_are_unit_float32_in_order(embedder: Embedder) -> None:
    pictures = [plain(255, 0, 0), plain(0, 0, 255), plain(0, 255, 0)]

    together = embedder.embed_images(pictures)

    assert together.dtype == np.float32
    assert together.shape == (3, embedder.dim)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embedder.embed_images([picture]) for picture in pictures])
    assert np.allclose(together, alone, atol=1e-4)


def test_more_pictures_than_one_batch_come_back_in_order(embedder: Embedder) -> None:
    pictures = [plain(shade, 0, 0) for shade in range(0, 250, 12)]

    forward = embedder.embed_images(pictures)
    backward = embedder.embed_images(pictures[::-1])

    assert np.allclose(forward, backward[::-1], atol=1e-4)


def test_texts_are_unit_rows_in_order(embedder: Embedder) -> None:
    texts = ["a red flower", "", "the blue sea", "海", "word " * 300]

    together = embedder.embed_texts(texts)

    assert together.dtype == np.float32
    assert together.shape == (5, embedder.dim)
    assert np.allclose(np.linalg.norm(together, axis=1), 1, atol=1e-5)
    alone = np.concatenate([embedder.embed_texts([text]) for text in texts])
    assert np.allclose(together, alone, atol=1e-4)


def test_nothing_gives_no_rows(embedder: Embedder) -> None:
    assert embedder.embed_images([]).shape == (0, embedder.dim)
    assert embedder.embed_texts([]).shape == (0, embedder.dim)


@pytest.mark.parametrize(
    "picture",
    [plain(0, 0, 0), plain(255, 255, 255), plain(9, 9, 9, width=1, height=1), plain(9, 9, 9, 900)],
    ids=["black", "white", "one pixel", "panorama"],
)
def test_any_picture_is_a_unit_row(embedder: Embedder, picture: RGB) -> None:
    assert np.isclose(np.linalg.norm(embedder.embed_images([picture])), 1, atol=1e-5)


def test_same_input_gives_the_same_vectors(embedder: Embedder) -> None:
    picture = plain(120, 30, 200)

    assert np.array_equal(embedder.embed_images([picture]), embedder.embed_images([picture]))
    assert np.array_equal(embedder.embed_texts(["a dog"]), embedder.embed_texts(["a dog"]))


def test_pieces_of_a_long_text_lose_no_word(embedder: Embedder) -> None:
    text = "\n".join(f"Sentence {n} tells of a red dog, and of the sea." for n in range(60))

    pieces = embedder.split_text(text)

    assert " ".join(pieces).split() == text.split()


@pytest.mark.parametrize("blank", ["", "  \n\t "])
def test_blank_text_has_no_pieces(embedder: Embedder, blank: str) -> None:
    assert embedder.split_text(blank) == []


def test_id_says_more_than_the_family(embedder: Embedder) -> None:
    assert embedder.model_id
    assert isinstance(embedder.semantic, bool)


def test_unknown_embedder_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="crystal_ball"):
        embedders.load("crystal_ball", {})


def test_embedder_of_another_package_is_found_by_its_path() -> None:
    assert embedders.load("mediaindex.embedders.colour:build", {}).model_id.startswith("colour")
