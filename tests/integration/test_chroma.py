"""Real Chroma folders: damaged, left in trouble, open elsewhere; and nobody is called."""

import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mediaindex.errors import RetryLater
from mediaindex.types import Space, Vectors
from mediaindex.vectors.chroma import build
from mediaindex.vectors.probe import open_checked, probe
from mediaindex.vectors.seal import Mark, in_use, is_sound

SPACE = Space(1, "model", "picture", 16)
#: More than Chroma keeps in its log, so that there is a graph on disk.
COUNT = 1100

USE = """
import sys
from pathlib import Path
import numpy as np
from mediaindex.types import Space
from mediaindex.vectors.chroma import build

called = []
def listen(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        called.append(event)
sys.addaudithook(listen)

index, space = build(Path(sys.argv[1])), Space(1, "model", "picture", 4)
index.add(space, np.arange(1, 5), np.eye(4, dtype=np.float32))
index.nearest(space, np.eye(4, dtype=np.float32)[0], 2)
index.close()
print(called, "posthog" in sys.modules)
"""

START_ANOTHER_AND_HANG = """
import os, sys, time
os.open(sys.argv[1] + "/pipe", os.O_WRONLY)
os.fork()
time.sleep(600)
"""


def unit_rows(count: int) -> Vectors:
    rows = np.random.default_rng(1).standard_normal((count, SPACE.dim)).astype(np.float32)
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index left in order; copy it before use."""
    folder = tmp_path_factory.mktemp("good") / "chroma"
    index = build(folder)
    index.add(SPACE, np.arange(1, COUNT + 1), unit_rows(COUNT))
    index.close()
    return folder


@pytest.fixture
def folder(good: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(good, tmp_path / "chroma"))


def graph_files(folder: Path) -> list[Path]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    assert files
    return files


def cut_database(folder: Path) -> None:
    file = folder / "chroma.sqlite3"
    os.truncate(file, file.stat().st_size // 2)


def remove_graph(folder: Path) -> None:
    for path in {file.parent for file in graph_files(folder)}:
        shutil.rmtree(path)


def blank_graph(folder: Path) -> None:
    for file in graph_files(folder):
        file.write_bytes(bytes(file.stat().st_size))


def garble_vectors(folder: Path) -> None:
    """What made a process that trusted the folder end with SIGSEGV."""
    (file,) = (path for path in graph_files(folder) if path.name == "data_level0.bin")
    file.write_bytes(np.random.default_rng(1).bytes(file.stat().st_size))


def put_a_file_in_its_place(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("in the way")


@pytest.mark.parametrize(
    "damage", [cut_database, remove_graph, blank_graph, garble_vectors, put_a_file_in_its_place]
)
def test_what_was_damaged_after_an_orderly_end_is_set_aside_and_made_anew(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder)

    opened = open_checked(folder, "chroma")

    assert opened.set_aside
    assert opened.index.count(SPACE) == 0
    opened.index.add(SPACE, np.arange(1, 4), unit_rows(3))
    assert opened.index.nearest(SPACE, unit_rows(3)[1], 1).keys.tolist() == [2]
    opened.index.close()
    assert len(list(folder.parent.glob("chroma.broken-*"))) == 1
    assert is_sound(folder)


def test_what_was_left_in_order_is_opened_without_a_look(folder: Path) -> None:
    # With no time to look, a look would find it bad.
    opened = open_checked(folder, "chroma", time_limit_s=0)

    assert opened.set_aside is None
    assert opened.index.count(SPACE) == COUNT
    opened.index.close()


def test_what_somebody_has_open_is_neither_looked_at_nor_set_aside(folder: Path) -> None:
    writer = Mark(folder)

    opened = open_checked(folder, "chroma", time_limit_s=0)
    assert opened.index.count(SPACE) == COUNT
    opened.index.close()
    cut_database(folder)
    with pytest.raises(RetryLater, match="malformed"):
        open_checked(folder, "chroma")

    assert in_use(folder)
    assert not list(folder.parent.glob("chroma.broken-*"))
    writer.leave(in_order=False)


def test_after_trouble_the_next_to_open_looks_and_finds_it_sound(folder: Path) -> None:
    index = build(folder)
    with pytest.raises(RetryLater, match="dimension"):
        index.add(SPACE, np.array([1]), np.eye(3, dtype=np.float32)[:1])
    index.close()
    assert not is_sound(folder)

    opened = open_checked(folder, "chroma")

    assert opened.set_aside is None
    opened.index.close()
    assert is_sound(folder)


def test_space_never_written_to_can_be_asked_and_forgotten(tmp_path: Path) -> None:
    index = build(tmp_path / "chroma")

    assert index.count(SPACE) == 0
    assert len(index.nearest(SPACE, unit_rows(1)[0], 5).keys) == 0
    index.remove(SPACE, np.array([1]))
    index.drop(SPACE)

    assert index.count(SPACE) == 0
    index.close()


def test_space_can_be_filled_again_after_it_was_dropped(folder: Path) -> None:
    index = build(folder)

    index.drop(SPACE)
    index.add(SPACE, np.array([5]), unit_rows(1))

    assert index.nearest(SPACE, unit_rows(1)[0], 9).keys.tolist() == [5]
    index.close()


def test_graph_finds_what_an_exact_look_finds(folder: Path) -> None:
    index, rows = build(folder), unit_rows(COUNT)

    found = [set(index.nearest(SPACE, row, 10).keys.tolist()) for row in rows[:20]]
    exact = [set((np.argsort(-(rows @ row))[:10] + 1).tolist()) for row in rows[:20]]

    right = sum(len(mine & theirs) for mine, theirs in zip(found, exact, strict=True))
    assert right >= 0.95 * 200
    index.close()


def test_nobody_is_called(tmp_path: Path) -> None:
    said = subprocess.run(
        [sys.executable, "-c", USE, str(tmp_path / "chroma")],
        capture_output=True,
        text=True,
        check=True,
    )

    assert said.stdout.split("\n")[0] == "[] False"


def test_probe_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    pipe = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)

    said = probe(tmp_path, time_limit_s=2, look=START_ANOTHER_AND_HANG)

    assert said == "it does not answer within 2 s"
    # The end of the pipe can be read once nobody holds it any more.
    assert select.select([pipe], [], [], 20)[0]
    assert os.read(pipe, 1) == b""
    os.close(pipe)
