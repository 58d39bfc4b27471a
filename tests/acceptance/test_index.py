"""The real program on real files: index, ask, kill, start again."""

import json
import os
import random
import shutil
import signal
import stat
import time
from pathlib import Path

import pytest

from tests.acceptance.kills import kill_after, real_library
from tests.acceptance.program import Program
from tests.media import needs_media

pytestmark = needs_media

KILLS = 10


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return real_library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def clean(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program after one undisturbed run over the library."""
    program = Program(tmp_path_factory.mktemp("clean"))
    done = program.run("index", str(library), "--json")
    assert done.returncode == 0, done.stderr
    return program


def look(root: Path) -> dict[str, tuple[int, int, int]]:
    """Return size, time and mode of everything in a folder."""
    found = {path: path.lstat() for path in [root, *root.rglob("*")]}
    return {str(p): (s.st_size, s.st_mtime_ns, stat.S_IMODE(s.st_mode)) for p, s in found.items()}


def test_second_run_does_nothing(clean: Program, library: Path) -> None:
    before = clean.end_state()

    done = clean.run("index", "--json")

    report = json.loads(done.stdout)
    assert {name: stage["done"] for name, stage in report["stages"].items()} == dict.fromkeys(
        ("identify", "probe", "decode", "frames", "embed", "embed_text"), 0
    )
    assert clean.end_state() == before


def test_media_is_left_as_it_was(library: Path, tmp_path: Path) -> None:
    before = look(library)
    program = Program(tmp_path)

    program.run("index", str(library))
    program.run("search", "red flower")
    program.run("search", "--like", str(library / "photos" / "astronaut.png"))

    assert look(library) == before


def test_broken_files_fail_with_their_reason_and_the_rest_is_done(clean: Program) -> None:
    found = json.loads(clean.run("status", "--json", "--failures", "99").stdout)

    reasons = {Path(trouble["path"]).name: trouble["reason"] for trouble in found["troubles"]}
    assert reasons["empty.jpg"] == "the file is empty"
    assert "holds no picture" in reasons["lying.jpg"]
    assert all(reasons.values())
    done = {stage: counts["done"] for stage, counts in found["stages"].items()}
    assert done["embed"] >= 30
    assert done["decode"] + done["frames"] == done["embed"]


def test_killed_at_any_moment_it_comes_to_the_same_end(
    clean: Program, library: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path)
    moments = random.Random(20261121)
    for _ in range(KILLS):
        kill_after(moments.uniform(0.2, 4.0), program.start("index", str(library)))

    done = program.run("index", str(library))

    assert done.returncode == 0, done.stderr
    assert program.end_state() == clean.end_state()


def test_interrupted_it_ends_in_order_and_goes_on(
    clean: Program, library: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path)
    process = program.start("index", str(library))
    deadline = time.monotonic() + 60
    while not (tmp_path / "cache" / "previews").exists() and time.monotonic() < deadline:
        os.sched_yield()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "goes on from here" in out
    assert program.run("index", str(library)).returncode == 0
    assert program.end_state() == clean.end_state()


def test_second_one_at_once_says_so_and_leaves(library: Path, tmp_path: Path) -> None:
    program = Program(tmp_path)
    first = program.start("index", str(library))
    deadline = time.monotonic() + 60
    while not (tmp_path / "state" / "worker.lock").exists() and time.monotonic() < deadline:
        os.sched_yield()

    second = program.run("index", str(library))
    first.communicate(timeout=120)

    assert first.returncode == 0
    assert second.returncode == 3
    assert f"process {first.pid}" in second.stderr


def test_moved_file_costs_nothing_again(library: Path, tmp_path: Path) -> None:
    root = tmp_path / "library"
    shutil.copytree(library / "photos", root)
    program = Program(tmp_path)
    program.run("index", str(root))
    (root / "moved").mkdir()
    (root / "astronaut.png").rename(root / "moved" / "spacewoman.png")

    report = json.loads(program.run("index", "--json").stdout)

    (swept,) = report["libraries"].values()
    assert (swept["moved"], swept["new"], swept["gone"]) == (1, 0, 0)
    assert (report["stages"]["identify"]["done"], report["stages"]["decode"]["done"]) == (0, 0)
    hits = json.loads(program.run("search", "spacewoman", "--json").stdout)["hits"]
    assert hits[0]["path"] == str(root / "moved" / "spacewoman.png")


def test_deleted_photo_is_no_longer_found_and_comes_back(library: Path, tmp_path: Path) -> None:
    root = tmp_path / "library"
    shutil.copytree(library / "photos", root)
    program = Program(tmp_path)
    program.run("index", str(root))
    (root / "astronaut.png").rename(tmp_path / "aside.png")
    program.run("index")
    assert program.run("search", "astronaut", "--paths").stdout.find("astronaut.png") == -1

    (tmp_path / "aside.png").rename(root / "astronaut.png")
    report = json.loads(program.run("index", "--json").stdout)

    assert report["stages"]["embed"]["done"] == 0
    assert "astronaut.png" in program.run("search", "astronaut", "--paths").stdout


def test_library_that_is_not_mounted_loses_nothing(library: Path, tmp_path: Path) -> None:
    root = tmp_path / "library"
    shutil.copytree(library / "photos", root)
    program = Program(tmp_path)
    program.run("index", str(root))
    before = program.end_state()
    root.rename(tmp_path / "elsewhere")
    root.mkdir()

    done = program.run("index")

    assert done.returncode == 1
    assert "is its disk or share mounted?" in done.stdout
    assert program.end_state() == before
    assert program.run("search", "astronaut").returncode == 0


def test_lost_index_and_previews_are_made_again(library: Path, tmp_path: Path) -> None:
    program = Program(tmp_path)
    program.run("index", str(library / "photos"))
    before = program.end_state()
    asked = json.loads(program.run("search", "red", "--json").stdout)
    shutil.rmtree(tmp_path / "cache" / "index")

    again = json.loads(program.run("search", "red", "--json").stdout)

    assert again["hits"] == asked["hits"]
    shutil.rmtree(tmp_path / "cache" / "previews")
    program.run("index")
    assert program.end_state() == before
