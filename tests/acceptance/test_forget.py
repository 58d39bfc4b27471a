"""A library that is forgotten leaves nothing behind, and its files are not touched."""

import json
import shutil
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.program import Program


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """Two libraries with a photo each, and one that lies in both."""
    kept, dropped = tmp_path / "kept", tmp_path / "dropped"
    for root, colour in ((kept, "red"), (dropped, "blue")):
        root.mkdir()
        Image.new("RGB", (64, 48), colour).save(root / f"{colour}.png")
    Image.new("RGB", (64, 48), "green").save(dropped / "shared there.png")
    shutil.copy(dropped / "shared there.png", kept / "shared here.png")
    return kept, dropped


def index_both(home: Path, roots: tuple[Path, Path]) -> Program:
    program = Program(home)
    done = program.run("index", *map(str, roots))
    assert done.returncode == 0, done.stderr
    return program


def paths(program: Program, *words: str) -> list[str]:
    return [Path(line).name for line in program.run("search", "--paths", *words).stdout.split("\n")]


@pytest.mark.parametrize("by", ["name", "folder"])
def test_nothing_is_left_of_a_forgotten_library(
    by: str, roots: tuple[Path, Path], tmp_path: Path
) -> None:
    kept, dropped = roots
    program = index_both(tmp_path / "home", roots)

    done = program.run("forget", "dropped" if by == "name" else str(dropped), "--yes", "--json")

    said = {"version": 1, "library": "dropped", "files": 2, "assets": 1}
    assert json.loads(done.stdout) == said, done.stderr
    assert sorted(path.name for path in dropped.iterdir()) == ["blue.png", "shared there.png"]
    alone = Program(tmp_path / "alone")
    alone.run("index", str(kept))
    assert program.end_state() | {"changes": []} == alone.end_state() | {"changes": []}
    assert "blue.png" not in paths(program, "blue")
    assert program.run("index").returncode == 0
    assert program.end_state() == alone.end_state()


def test_library_that_is_gone_for_good_can_be_forgotten(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    program = index_both(tmp_path / "home", roots)
    shutil.rmtree(roots[1])
    offline = program.run("index")
    assert offline.returncode == 1
    assert "mediaindex forget dropped" in offline.stdout

    assert program.run("forget", "dropped", "--yes").returncode == 0

    assert program.run("index").returncode == 0


def test_library_is_not_forgotten_unasked(roots: tuple[Path, Path], tmp_path: Path) -> None:
    program = index_both(tmp_path / "home", roots)
    before = program.end_state()

    assert program.run("forget", "dropped").returncode == 2  # nobody is there to answer
    assert program.run("forget", "dorpped", "--yes").returncode == 2

    assert program.end_state() == before


def test_library_that_the_settings_list_is_not_forgotten(
    roots: tuple[Path, Path], tmp_path: Path
) -> None:
    listed = tmp_path / "config.yaml"
    listed.write_text(f"libraries:\n  - path: {roots[1]}\n")
    program = Program(tmp_path / "home", {"MEDIAINDEX_CONFIG": str(listed)})
    program.run("index")

    done = program.run("forget", "dropped", "--yes")

    assert done.returncode == 2
    assert "remove it there first" in done.stderr
