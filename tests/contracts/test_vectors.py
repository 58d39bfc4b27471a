"""What every vector index must do; a new file with a `build` in its room is picked up."""

import pkgutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from mediaindex import vectors
from mediaindex.errors import ConfigError
from mediaindex.types import Keys, Space, SpaceKind, Vectors
from mediaindex.vectors import VectorIndex

MEMBERS = [
    module.name
    for module in pkgutil.iter_modules(vectors.__path__)
    if hasattr(import_module(f"{vectors.__name__}.{module.name}"), "build")
]
SPACE = Space(1, "model-a/weights", "picture", 8)
OTHER = Space(2, "model-b/weights", "picture", 8)


def made(count: int, seed: int = 1) -> tuple[Keys, Vectors]:
    rows = np.random.default_rng(seed).standard_normal((count, SPACE.dim)).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return np.arange(1, count + 1, dtype=np.int64), unit


@pytest.fixture(params=MEMBERS)
def use(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def index(use: str, tmp_path: Path) -> Iterator[VectorIndex]:
    opened = vectors.load(use, tmp_path / "index")
    yield opened
    opened.close()


def test_the_users_choice_is_among_the_members() -> None:
    assert {"chroma", "exact"} <= set(MEMBERS)


def test_nearest_comes_first_with_its_cosine(index: VectorIndex) -> None:
    keys, rows = made(50)
    index.add(SPACE, keys, rows)

    found = index.nearest(SPACE, rows[7], limit=5)

    expected = np.argsort(-(rows @ rows[7]))[:5] + 1
    assert found.keys.tolist() == expected.tolist()
    assert found.scores.dtype == np.float32
    assert np.allclose(found.scores, np.sort(rows @ rows[7])[::-1][:5], atol=1e-5)


def test_limit_larger_than_the_space_gives_all(index: VectorIndex) -> None:
    keys, rows = made(3)
    index.add(SPACE, keys, rows)

    assert len(index.nearest(SPACE, rows[0], limit=99).keys) == 3


def test_space_never_written_to_has_nothing_near(index: VectorIndex) -> None:
    assert len(index.nearest(SPACE, made(1)[1][0], limit=5).keys) == 0
    assert index.count(SPACE) == 0


def test_vector_takes_the_place_of_an_older_one(index: VectorIndex) -> None:
    keys, rows = made(10)
    index.add(SPACE, keys, rows)

    index.add(SPACE, keys[:1], -rows[:1])

    assert index.count(SPACE) == 10
    assert index.nearest(SPACE, -rows[0], limit=1).keys.tolist() == [1]


def test_key_that_comes_twice_in_a_batch_counts_once_and_last(index: VectorIndex) -> None:
    _, rows = made(2)
    index.add(SPACE, np.array([5, 5]), rows)

    assert index.count(SPACE) == 1
    assert index.nearest(SPACE, rows[1], limit=1).scores[0] == pytest.approx(1, abs=1e-5)


def test_removed_is_not_found_and_unknown_keys_are_no_error(index: VectorIndex) -> None:
    keys, rows = made(10)
    index.add(SPACE, keys, rows)

    index.remove(SPACE, np.array([3, 777]))

    assert index.count(SPACE) == 9
    assert 3 not in index.nearest(SPACE, rows[2], limit=10).keys


@pytest.mark.parametrize(
    ("among", "found"), [([], []), ([4], [4]), ([4, 9, 777], [4, 9]), ([777], [])]
)
def test_only_what_was_asked_among(index: VectorIndex, among: list[int], found: list[int]) -> None:
    keys, rows = made(20)
    index.add(SPACE, keys, rows)

    near = index.nearest(SPACE, rows[3], limit=5, among=np.array(among, dtype=np.int64))

    assert near.keys.tolist() == found


def test_among_many_is_as_right_as_among_few(index: VectorIndex) -> None:
    keys, rows = made(200)
    index.add(SPACE, keys, rows)
    some = keys[keys % 2 == 0]

    near = index.nearest(SPACE, rows[0], limit=5, among=some)

    expected = some[np.argsort(-(rows[some - 1] @ rows[0]))[:5]]
    assert near.keys.tolist() == expected.tolist()


def test_spaces_never_mix(index: VectorIndex) -> None:
    keys, rows = made(5)
    index.add(SPACE, keys, rows)
    index.add(OTHER, keys[:1] + 100, rows[:1])

    index.drop(SPACE)

    assert (index.count(SPACE), index.count(OTHER)) == (0, 1)
    assert index.nearest(OTHER, rows[0], limit=5).keys.tolist() == [101]


def test_more_than_one_call_of_a_backend_takes(index: VectorIndex) -> None:
    keys, rows = made(6000)

    index.add(SPACE, keys, rows)

    assert index.count(SPACE) == 6000


def test_what_was_written_is_there_for_another_process(use: str, tmp_path: Path) -> None:
    index = vectors.load(use, tmp_path / "index")
    keys, rows = made(10)
    index.add(SPACE, keys, rows)
    index.close()
    look = (
        "import sys; from pathlib import Path; from mediaindex import vectors;"
        "from mediaindex.types import Space;"
        f"index = vectors.load({use!r}, Path(sys.argv[1]));"
        "print(index.count(Space(9, 'model-a/weights', 'picture', 8)))"
    )

    said = subprocess.run(
        [sys.executable, "-c", look, str(tmp_path / "index")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.strip() == "10"


def test_unknown_name_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mediaindex\.vectors\.nope"):
        vectors.load("nope", tmp_path)


def test_each_kind_of_vectors_is_kept_apart(index: VectorIndex) -> None:
    kinds: list[SpaceKind] = ["picture", "text", "caption"]
    spaces = [Space(n, SPACE.model_id, kind, SPACE.dim) for n, kind in enumerate(kinds, 1)]
    keys, rows = made(3)
    for place, space in enumerate(spaces):
        index.add(space, keys[place : place + 1], rows[:1])

    index.drop(spaces[0])

    assert [index.count(space) for space in spaces] == [0, 1, 1]
    assert [index.nearest(space, rows[0], 5).keys.tolist() for space in spaces[1:]] == [[2], [3]]
