"""Indexes that are damaged, killed, behind or lost: SQLite makes them again."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from mediaindex.errors import RetryLater
from mediaindex.pipeline.sync import Sync
from mediaindex.store.assets import moments_by_asset
from mediaindex.store.database import Database
from mediaindex.store.embeddings import count_changes, open_space, replace_embeddings
from mediaindex.store.tables import AssetRow, MomentRow
from mediaindex.types import Keys, Near, Space, Vectors
from mediaindex.vectors.chroma import DIRTY
from mediaindex.vectors.chroma import build as build_chroma
from mediaindex.vectors.exact import CHUNK_ROWS, WASTE_ROWS, ExactIndex
from mediaindex.vectors.facets import Facets, Known
from mediaindex.vectors.indexes import Indexes
from mediaindex.vectors.probe import open_checked, probe
from tests.conftest import NOW

SPACE = Space(1, "model", "picture", 4)

ADD_FOR_EVER = """
import sys
from collections.abc import Callable
from pathlib import Path
import numpy as np
from mediaindex import vectors
from mediaindex.types import Space
index = vectors.load(sys.argv[1], Path(sys.argv[2]))
space = Space(1, "model", "picture", 4)
key = 0
while True:
    keys = np.arange(key + 1, key + 11)
    index.add(space, keys, np.eye(4, dtype=np.float32)[keys % 4])
    key += 10
    print(key, flush=True)
"""


def unit_rows(count: int) -> Vectors:
    return np.eye(4, dtype=np.float32)[np.arange(count) % 4]


def keys(count: int) -> Keys:
    return np.arange(1, count + 1, dtype=np.int64)


@pytest.fixture
def stored(database: Database) -> Space:
    """A space of five vectors in SQLite, of which no index has been told."""
    with database.write() as session:
        for number in range(5):
            made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
            session.add(AssetRow(id=number + 1, sha256=str(number), **made))
            session.flush()
            session.add(MomentRow(asset_id=number + 1, start_ms=0, end_ms=0, at_ms=0))
        session.flush()
        space = open_space(session, "model", "picture", 4)
        moments = moments_by_asset(session, [1, 2, 3, 4, 5])
        ids = [moments[asset][0][0] for asset in moments]
        replace_embeddings(session, space, ids, ids, unit_rows(5))
    return space


class Broken(ExactIndex):
    """An index whose disk is full."""

    def add(self, space: Space, keys: Keys, vectors: Vectors) -> None:
        raise RetryLater("no space left on device")


def test_sync_tells_the_index_and_then_forgets_the_changes(
    database: Database, stored: Space, tmp_path: Path
) -> None:
    index = ExactIndex(tmp_path / "exact")
    sync = Sync(database, [index], Facets(tmp_path / "facets"))

    # Five assets and their five vectors.
    assert (sync.step(), sync.step()) == (10, 0)
    assert index.count(stored) == 5


def test_deleted_asset_leaves_the_index(database: Database, stored: Space, tmp_path: Path) -> None:
    index = ExactIndex(tmp_path / "exact")
    sync = Sync(database, [index], Facets(tmp_path / "facets"))
    sync.step()
    with database.write() as session:
        session.execute(text("DELETE FROM asset WHERE id = 3"))

    sync.step()

    assert index.count(stored) == 4


def test_one_index_that_cannot_be_written_does_not_stop_the_other(
    database: Database, stored: Space, tmp_path: Path
) -> None:
    good = ExactIndex(tmp_path / "exact")
    sync = Sync(database, [Broken(tmp_path / "broken"), good], Facets(tmp_path / "facets"))

    sync.step()

    assert good.count(stored) == 5
    assert sync.trouble == "no space left on device"


def test_index_left_behind_is_told_later_all_that_it_missed(
    database: Database, stored: Space, tmp_path: Path
) -> None:
    facets = Facets(tmp_path / "facets")
    Sync(database, [ExactIndex(tmp_path / "index")], facets).step()
    with database.write() as session:
        # As many vectors as before, so that counting alone would not tell.
        replace_embeddings(session, stored, [1], [1], -unit_rows(1))
    behind = Sync(database, [Broken(tmp_path / "index")], facets)
    while behind.step():
        pass
    index = ExactIndex(tmp_path / "index")

    Sync(database, [index], facets).repair()

    assert index.nearest(stored, -unit_rows(1)[0], 1).scores[0] == pytest.approx(1.0, abs=1e-3)
    with database.read() as session:
        assert count_changes(session) == 0


def test_lost_index_is_made_again_by_repair(
    database: Database, stored: Space, tmp_path: Path
) -> None:
    facets = Facets(tmp_path / "facets")
    Sync(database, [ExactIndex(tmp_path / "first")], facets).repair()
    index = ExactIndex(tmp_path / "second")

    assert Sync(database, [index], facets).repair() == 1
    assert index.count(stored) == 5
    assert Sync(database, [index], facets).repair() == 0


@pytest.mark.parametrize("use", ["exact", "chroma"])
def test_killed_while_writing_it_has_all_that_was_acknowledged(use: str, tmp_path: Path) -> None:
    folder = tmp_path / "index"
    process = subprocess.Popen(
        [sys.executable, "-c", ADD_FOR_EVER, use, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    told = [int(process.stdout.readline()) for _ in range(5)]
    process.send_signal(signal.SIGKILL)
    told += [int(line) for line in process.stdout.read().split()]
    process.wait()
    process.stdout.close()

    opened = open_checked(folder, use)

    assert opened.set_aside is None
    assert opened.index.count(SPACE) >= told[-1]
    assert opened.index.nearest(SPACE, unit_rows(1)[0], 1).scores[0] == pytest.approx(1.0, abs=1e-5)
    opened.index.close()


def test_torn_tail_of_the_exact_index_counts_for_nothing(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path)
    index.add(SPACE, keys(8), unit_rows(8))
    (file,) = tmp_path.rglob("vectors.f32")
    with file.open("r+b") as rows:
        rows.truncate(6 * 16 + 5)

    again = ExactIndex(tmp_path)
    assert again.count(SPACE) == 6
    again.add(SPACE, np.array([50]), unit_rows(1))

    assert ExactIndex(tmp_path).count(SPACE) == 7
    assert ExactIndex(tmp_path).nearest(SPACE, unit_rows(1)[0], 9).keys.tolist()[:3] == [1, 5, 50]


def test_reader_sees_what_the_writer_added_since(tmp_path: Path) -> None:
    writer, reader = ExactIndex(tmp_path), ExactIndex(tmp_path)
    writer.add(SPACE, keys(4), unit_rows(4))
    assert reader.count(SPACE) == 4

    writer.add(SPACE, np.array([9]), unit_rows(1))
    writer.remove(SPACE, np.array([1]))

    assert reader.nearest(SPACE, unit_rows(1)[0], 1).keys.tolist() == [9]


def test_removed_rows_are_given_back_in_the_end(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path)
    count = WASTE_ROWS * 3
    index.add(SPACE, keys(count), unit_rows(count))

    index.remove(SPACE, keys(WASTE_ROWS * 2))

    (file,) = tmp_path.rglob("vectors.f32")
    assert file.stat().st_size == WASTE_ROWS * 16
    assert index.nearest(SPACE, unit_rows(1)[0], 1).keys.tolist() == [WASTE_ROWS * 2 + 1]


def test_more_rows_than_are_compared_at_once(tmp_path: Path) -> None:
    index = ExactIndex(tmp_path)
    count = CHUNK_ROWS + 10
    rows = np.tile(np.array([[0, 1, 0, 0]], dtype=np.float32), (count, 1))
    rows[-1] = (1, 0, 0, 0)
    index.add(SPACE, keys(count), rows)

    assert index.nearest(SPACE, rows[-1], 1).keys.tolist() == [count]


def filled_chroma(folder: Path) -> None:
    index = build_chroma(folder)
    index.add(SPACE, keys(40), unit_rows(40))
    index.close()


@pytest.mark.parametrize("clean", [True, False], ids=["closed in order", "killed"])
def test_damaged_chroma_is_set_aside_and_an_empty_one_opened(tmp_path: Path, clean: bool) -> None:
    folder = tmp_path / "chroma"
    filled_chroma(folder)
    (folder / "chroma.sqlite3").write_bytes(b"rubbish" * 5000)
    if not clean:
        (folder / DIRTY).touch()

    opened = open_checked(folder, "chroma")

    assert opened.set_aside
    assert opened.index.count(SPACE) == 0
    opened.index.close()
    assert len(list(tmp_path.glob("chroma.broken-*"))) == 1


def test_one_damaged_copy_is_kept_and_no_more(tmp_path: Path) -> None:
    folder = tmp_path / "chroma"
    for _ in range(3):
        filled_chroma(folder)
        (folder / "chroma.sqlite3").write_bytes(b"rubbish" * 5000)
        open_checked(folder, "chroma").index.close()

    assert len(list(tmp_path.glob("chroma.broken-*"))) == 1


def test_folder_that_cannot_be_opened_or_set_aside_is_not_tried_for_ever(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    with pytest.raises((RetryLater, NotADirectoryError)):
        open_checked(tmp_path / "file" / "chroma", "chroma")


@pytest.mark.parametrize(
    ("look", "said"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11"),
        ("while True: pass", r"within 1 s"),
        ("raise ValueError('bad segment')", "bad segment"),
    ],
    ids=["crash", "hang", "error"],
)
def test_probe_survives_whatever_the_index_does(tmp_path: Path, look: str, said: str) -> None:
    assert said in (probe(tmp_path, time_limit_s=1, look=look) or "")


def test_probe_finds_a_sound_index_sound(tmp_path: Path) -> None:
    filled_chroma(tmp_path / "chroma")

    assert probe(tmp_path / "chroma") is None


class Deaf(ExactIndex):
    """An index that must not be asked."""

    def nearest(self, space: Space, query: Vectors, limit: int, among: Keys | None = None) -> Near:
        raise AssertionError("it does not hold all")


def test_index_that_lacks_vectors_is_not_asked(tmp_path: Path) -> None:
    exact, chroma = ExactIndex(tmp_path / "exact"), Deaf(tmp_path / "chroma")
    exact.add(SPACE, keys(4), unit_rows(4))
    chroma.add(SPACE, keys(3), unit_rows(3))

    pair = Indexes(exact, Facets(tmp_path / "facets"), chroma, exact_below=0)

    assert pair.nearest(SPACE, unit_rows(1)[0], 1).keys.tolist() == [1]


class Late(Facets):
    """Somebody stores a vector just as all seemed to be told."""

    def __init__(self, folder: Path, store: Callable[[], None]) -> None:
        super().__init__(folder)
        self._store = store

    def read(self) -> Known | None:
        self._store()
        return super().read()


def test_vector_that_was_stored_a_moment_ago_does_not_make_an_index_look_lost(
    database: Database, stored: Space, tmp_path: Path
) -> None:
    def store() -> None:
        with database.write() as session:
            replace_embeddings(session, stored, [1], [1, 1], unit_rows(2))

    index = ExactIndex(tmp_path / "exact")
    Sync(database, [index], Facets(tmp_path / "facets")).repair()

    assert Sync(database, [index], Late(tmp_path / "facets", store)).repair() == 0
