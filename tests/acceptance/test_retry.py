"""What failed is tried again: by itself when its bytes change, by `retry` when the world did."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.program import Program


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A photo of 2 megapixels, one of 4, and one that was cut off."""
    root = tmp_path / "library"
    root.mkdir()
    Image.new("RGB", (2000, 1000), "red").save(root / "small.jpg")
    Image.new("RGB", (2000, 2000), "blue").save(root / "large.jpg")
    whole = (root / "small.jpg").read_bytes()
    (root / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    return root


@pytest.fixture
def strict(library: Path, tmp_path: Path) -> Program:
    """The program after a run with a limit that is too low for one photo."""
    program = Program(tmp_path / "home", {"MEDIAINDEX__PHOTO__MAX_MEGAPIXELS": "3"})
    done = program.run("index", str(library))
    assert done.returncode == 0, done.stderr
    return program


def answer(program: Program, *arguments: str) -> dict[str, Any]:
    done = program.run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def failures(program: Program) -> dict[str, str]:
    """Return the reason of each file that failed, by its name."""
    troubles = answer(program, "status")["troubles"]
    return {Path(trouble["path"]).name: trouble["reason"] for trouble in troubles}


def test_failures_stay_as_they_are_until_somebody_acts(strict: Program) -> None:
    before = failures(strict)

    stages = answer(strict, "index")["stages"]

    assert before.keys() == {"large.jpg", "cut.jpg"}
    assert all(before.values())
    assert (stages["decode"]["done"], stages["decode"]["failed"]) == (0, 0)
    assert failures(strict) == before


def test_repaired_file_is_picked_up_by_itself(strict: Program, library: Path) -> None:
    Image.new("RGB", (2000, 1000), "green").save(library / "cut.jpg")

    stages = answer(strict, "index")["stages"]

    assert (stages["decode"]["done"], stages["embed"]["done"]) == (1, 1)
    assert failures(strict).keys() == {"large.jpg"}
    assert strict.run("search", "green", "-n", "1", "--paths").stdout.endswith("/cut.jpg\n")


def test_retry_succeeds_where_the_reason_has_gone_and_fails_where_not(
    strict: Program, library: Path
) -> None:
    before = failures(strict)
    lenient = replace(strict, settings={})

    assert answer(lenient, "retry", "--failed") == {"version": 1, "retried": 2}
    stages = answer(lenient, "index")["stages"]

    assert (stages["decode"]["done"], stages["decode"]["failed"]) == (1, 1)
    assert failures(lenient) == {"cut.jpg": before["cut.jpg"]}
    assert lenient.run("search", "blue", "-n", "1", "--paths").stdout.endswith("/large.jpg\n")


@pytest.mark.parametrize(
    ("which", "retried"),
    [("--stage=decode", 2), ("--stage=embed", 0), ("large.jpg", 1), ("small.jpg", 0)],
)
def test_retry_may_be_of_one_stage_or_of_files(
    strict: Program, library: Path, which: str, retried: int
) -> None:
    done = strict.run("retry", which if which.startswith("-") else str(library / which))

    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{retried} will be tried again by the next run of: mediaindex index\n"
    assert len(failures(strict)) == 2 - retried


@pytest.mark.parametrize("named", ["link/large.jpg", "library/../library/large.jpg"])
def test_file_may_be_named_by_a_link_or_with_dots(
    strict: Program, library: Path, tmp_path: Path, named: str
) -> None:
    (tmp_path / "link").symlink_to(library)

    assert answer(strict, "retry", str(tmp_path / named)) == {"version": 1, "retried": 1}


def test_stage_that_does_not_exist_is_a_mistake_and_those_that_do_are_named(
    strict: Program,
) -> None:
    done = strict.run("retry", "--stage", "bogus")

    assert done.returncode == 2
    assert all(stage in done.stderr for stage in answer(strict, "status")["stages"])


def test_file_that_is_not_known_cannot_be_tried_again(strict: Program) -> None:
    done = strict.run("retry", "/nowhere/a.jpg")
    folder = strict.run("retry", str(strict.home.parent / "library"))

    assert (done.returncode, folder.returncode) == (1, 1)
    assert "is a folder: name the files in it" in folder.stderr
    assert "is in no library that is known" in done.stderr
