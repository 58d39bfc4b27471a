"""The exact index against a plain dict, and on files that something happened to."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from mediaindex.errors import RetryLater
from mediaindex.types import Keys, Space, Vectors
from mediaindex.vectors.exact import CHUNK_ROWS, PICK_ROWS, WASTE_ROWS, ExactIndex
from mediaindex.vectors.rows import COLUMNS

SPACE = Space(1, "model", "picture", 4)
ONE, OTHER = np.eye(4, dtype=np.float32)[:2]


def keys(*numbers: int) -> Keys:
    return np.array(numbers, dtype=np.int64)


def rows(*vectors: Vectors) -> Vectors:
    return np.stack(vectors).astype(np.float32)


def vector_of(seed: int) -> Vectors:
    made = np.random.default_rng(seed).standard_normal(4).astype(np.float32)
    unit: Vectors = made / np.linalg.norm(made)
    return unit


class LikeADict(RuleBasedStateMachine):
    """Whatever is done to it, the index answers as a dict of key to vector would."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.index = ExactIndex(Path(self.folder.name))
        self.reader = ExactIndex(Path(self.folder.name))
        self.known: dict[int, Vectors] = {}

    @rule(batch=st.lists(st.tuples(st.integers(1, 30), st.integers(0, 9)), max_size=8))
    def add(self, batch: list[tuple[int, int]]) -> None:
        made = [vector_of(seed) for _, seed in batch]
        self.index.add(
            SPACE, keys(*(key for key, _ in batch)), np.array(made, np.float32).reshape(-1, 4)
        )
        self.known.update((key, vector) for (key, _), vector in zip(batch, made, strict=True))

    @rule(some=st.lists(st.integers(-1, 31), max_size=8))
    def remove(self, some: list[int]) -> None:
        self.index.remove(SPACE, keys(*some))
        for key in some:
            self.known.pop(key, None)

    @rule()
    def open_again(self) -> None:
        self.index.close()
        self.index = ExactIndex(Path(self.folder.name))

    @rule()
    def drop(self) -> None:
        self.index.drop(SPACE)
        self.known.clear()

    @rule(
        seed=st.integers(0, 9),
        limit=st.integers(0, 12),
        among=st.none() | st.lists(st.integers(-1, 31)),
    )
    def ask(self, seed: int, limit: int, among: list[int] | None) -> None:
        asked = vector_of(seed)
        found = self.reader.nearest(SPACE, asked, limit, None if among is None else keys(*among))
        scores = {
            key: float(vector @ asked)
            for key, vector in self.known.items()
            if among is None or key in among
        }
        assert set(found.keys.tolist()) <= set(scores)
        assert len(found.keys) == min(limit, len(scores))
        best = sorted(scores.values(), reverse=True)[:limit]
        assert found.scores.tolist() == pytest.approx(best, abs=1e-5)

    @invariant()
    def every_reader_counts_alike(self) -> None:
        assert self.index.count(SPACE) == self.reader.count(SPACE) == len(self.known)

    def teardown(self) -> None:
        self.folder.cleanup()


LikeADict.TestCase.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
TestLikeADict = LikeADict.TestCase


@pytest.mark.parametrize("share", [1.0, 0.1], ids=["all", "some"])
def test_comparing_codes_first_misses_nothing(tmp_path: Path, share: float) -> None:
    # As CLIP's own: near to each other, and a few dimensions far larger than the others.
    chance = np.random.default_rng(5)
    raw = chance.standard_normal((20_000, 64)) * 0.3 + chance.standard_normal(64)
    raw[:, 7] += 12.0
    made = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    space = Space(1, "model", "picture", 64)
    index = ExactIndex(tmp_path)
    index.add(space, np.arange(20_000), made)
    some = np.arange(0, 20_000, round(1 / share))

    for asked in made[:20]:
        found = index.nearest(space, asked, 50, some)
        scores = made[some] @ asked
        assert set(found.keys) == set(some[np.argsort(-scores)[:50]])
        assert found.scores.tolist() == pytest.approx(np.sort(scores)[::-1][:50], abs=1e-6)


def test_equals_come_by_key_and_cut_the_same_way_each_time(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path)
    index.add(SPACE, keys(9, 4, 7, 2), rows(ONE, ONE, OTHER, ONE))

    assert index.nearest(SPACE, ONE, 2).keys.tolist() == [2, 4]
    assert index.nearest(SPACE, ONE, 9).keys.tolist() == [2, 4, 9, 7]


@pytest.mark.parametrize("among", [None, [1, 2, 3]], ids=["all", "some"])
def test_vector_that_is_no_number_is_never_near(tmp_path: Path, among: list[int] | None) -> None:
    index = ExactIndex(tmp_path)
    index.add(SPACE, keys(1, 2, 3), rows(OTHER, ONE * np.nan, ONE))

    found = index.nearest(SPACE, ONE, 9, None if among is None else keys(*among))

    assert found.keys.tolist() == [3, 1]


@pytest.mark.parametrize("count", [PICK_ROWS - 1, PICK_ROWS, 2 * PICK_ROWS + 3])
def test_what_is_picked_out_is_compared_to_the_last_row(tmp_path: Path, count: int) -> None:
    index = ExactIndex(tmp_path)
    vectors = np.tile(OTHER, (4 * count, 1))
    vectors[4 * count - 1] = ONE
    index.add(SPACE, np.arange(1, 4 * count + 1), vectors)

    found = index.nearest(SPACE, ONE, 1, np.arange(3 * count + 1, 4 * count + 1))

    assert found.keys.tolist() == [4 * count]


def test_what_is_compared_in_one_go_is_compared_to_the_last_row(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path)
    vectors = np.tile(OTHER, (CHUNK_ROWS + 1, 1))
    vectors[-1] = ONE
    index.add(SPACE, np.arange(1, CHUNK_ROWS + 2), vectors)

    found = index.nearest(SPACE, ONE, 1, np.arange(2, CHUNK_ROWS + 2))

    assert found.keys.tolist() == [CHUNK_ROWS + 1]


def test_reader_from_before_a_compaction_sees_what_came_after_it(tmp_path: Path) -> None:
    writer, reader = ExactIndex(tmp_path), ExactIndex(tmp_path)
    count = WASTE_ROWS * 2
    writer.add(SPACE, np.arange(1, count + 1), np.tile(ONE, (count, 1)))
    assert reader.count(SPACE) == count

    writer.remove(SPACE, np.arange(1, count))
    writer.add(SPACE, keys(count + 1), rows(OTHER))

    assert reader.nearest(SPACE, OTHER, 9).keys.tolist() == [count + 1, count]


def test_reader_never_takes_a_space_made_anew_for_the_one_it_knew(tmp_path: Path) -> None:
    writer, reader = ExactIndex(tmp_path), ExactIndex(tmp_path)
    writer.add(SPACE, keys(1), rows(ONE))
    assert reader.count(SPACE) == 1

    writer.drop(SPACE)
    writer.add(SPACE, keys(2), rows(OTHER))

    assert reader.nearest(SPACE, OTHER, 9).keys.tolist() == [2]
    assert reader.nearest(SPACE, OTHER, 9).scores.tolist() == [1.0]


def test_compaction_that_was_killed_changes_nothing_and_is_cleared_away(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path)
    count = WASTE_ROWS * 2
    index.add(SPACE, np.arange(1, count + 1), np.tile(ONE, (count, 1)))
    (home,) = tmp_path.iterdir()
    (home / "next").mkdir()
    (home / "next" / "vectors.f32").write_bytes(b"half")
    assert ExactIndex(tmp_path).count(SPACE) == count

    index.remove(SPACE, np.arange(1, count))

    assert ExactIndex(tmp_path).nearest(SPACE, ONE, 9).keys.tolist() == [count]
    assert len(list(home.iterdir())) == 1


@pytest.mark.parametrize("torn", ["vectors.f32", "codes.i8", "scales.f32", "keys.i64"])
def test_torn_file_loses_its_tail_and_can_be_written_on(tmp_path: Path, torn: str) -> None:
    index = ExactIndex(tmp_path)
    index.add(SPACE, keys(1, 2, 3), rows(ONE, ONE, ONE))
    index.close()
    (file,) = tmp_path.rglob(torn)
    with file.open("r+b") as cut:
        cut.truncate(file.stat().st_size - 3)

    again = ExactIndex(tmp_path)
    assert again.nearest(SPACE, ONE, 9).keys.tolist() == [1, 2]
    again.remove(SPACE, keys(1))
    again.add(SPACE, keys(4), rows(OTHER))

    assert ExactIndex(tmp_path).nearest(SPACE, OTHER, 9).keys.tolist() == [4, 2]


def test_folder_that_is_a_file_is_trouble_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("in the way")
    index = ExactIndex(tmp_path / "index")

    with pytest.raises(RetryLater, match=r"index in .*index"):
        index.add(SPACE, keys(1), rows(ONE))


def test_reader_that_looks_while_the_first_rows_are_written_has_lost_nothing(
    tmp_path: Path,
) -> None:
    reader, home = ExactIndex(tmp_path), ExactIndex(tmp_path)._home(SPACE)
    (home / "1").mkdir(parents=True)
    for name in COLUMNS:
        (home / "1" / name).touch()
    assert reader.count(SPACE) == 0

    ExactIndex(tmp_path).add(SPACE, keys(1), rows(ONE))

    assert reader.count(SPACE) == 1
    assert reader.is_whole()
    shutil.rmtree(home)
    assert not reader.is_whole()
