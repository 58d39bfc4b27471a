"""Looks at one folder, as often as something changes there, and files that are not complete yet."""

import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from mediaindex.pipeline.sweep import Library, SweepReport, sweep
from mediaindex.sources.settle import Settling
from mediaindex.store.database import Database
from tests.conftest import NOW
from tests.sweeping import added, fill, identify_all, known, look, present, unread


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    return added(database, tmp_path / "library")


def shallow(database: Database, library: Library, below: str) -> SweepReport:
    return look(database, library, below=below, shallow=True)


def written(library: Library, name: str, at: datetime, content: bytes = b"x") -> None:
    fill(library, name)
    (library.root / name).write_bytes(content)
    at_s = at.timestamp()
    os.utime(library.root / name, (at_s, at_s))


@pytest.mark.parametrize("below", ["", "x"])
def test_only_the_files_of_that_folder_are_looked_at(
    database: Database, library: Library, below: str
) -> None:
    inside = f"{below}/".lstrip("/")
    fill(library, f"{inside}a.jpg", f"{inside}y/b.jpg", "z/c.jpg")

    assert shallow(database, library, below).new == 1
    assert present(database) == {f"{inside}a.jpg"}
    look(database, library)
    for name in (f"{inside}a.jpg", f"{inside}y/b.jpg", "z/c.jpg"):
        (library.root / name).unlink()

    fill(library, f"{inside}kept.jpg")
    assert shallow(database, library, below).gone == 1
    assert present(database) == {f"{inside}kept.jpg", f"{inside}y/b.jpg", "z/c.jpg"}


@pytest.mark.parametrize("is_shallow", [True, False])
@pytest.mark.parametrize("below", ["x", "x/y"])
def test_folder_that_is_gone_takes_along_what_was_in_it(
    database: Database, library: Library, tmp_path: Path, below: str, is_shallow: bool
) -> None:
    fill(library, "a.jpg", "x/b.jpg", "x/y/c.jpg", "xy/d.jpg")
    look(database, library)
    (library.root / "x").rename(tmp_path / "aside")

    look(database, library, below=below, shallow=is_shallow)

    left = {"a.jpg", "xy/d.jpg"} | ({"x/b.jpg"} if below == "x/y" else set())
    assert present(database) == left


def test_file_that_takes_the_place_of_a_folder_ends_it(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg", "x/y/b.jpg")
    look(database, library)
    (library.root / "x" / "y" / "b.jpg").unlink()
    (library.root / "x" / "y").rmdir()
    (library.root / "x").rmdir()
    fill(library, "x")

    assert shallow(database, library, "x/y").gone == 1
    assert shallow(database, library, "x").gone == 0


def test_folder_that_is_named_and_does_not_open_is_left_as_it_is(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(library, "a.jpg", "x/b.jpg")
    look(database, library)
    scan = os.scandir

    def stale(path: Path) -> object:
        if Path(path).name == "x":
            raise FileNotFoundError(2, "Stale file handle")
        return scan(path)

    monkeypatch.setattr(os, "scandir", stale)  # no file system here goes stale when told to

    for below, is_shallow in (("", False), ("x", False), ("x", True)):
        report = look(database, library, below=below, shallow=is_shallow)
        assert report.unreadable == {"x": "Stale file handle"}
    assert present(database) == {"a.jpg", "x/b.jpg"}


@pytest.mark.parametrize("below", [".hidden", "@eaDir/x", "marked", "marked/x", "link", "link/y"])
def test_folder_that_no_sweep_comes_to_is_passed_by(
    database: Database, library: Library, below: str
) -> None:
    fill(library, "x/y/a.jpg", ".hidden/a.jpg", "@eaDir/x/a.jpg", "marked/.nomedia")
    fill(library, "marked/a.jpg", "marked/x/a.jpg")
    (library.root / "link").symlink_to(library.root / "x")
    look(database, library)

    assert shallow(database, library, below).new == 0
    assert look(database, library, below=below).new == 0
    assert present(database) == {"x/y/a.jpg"}


def test_folder_that_is_marked_now_is_let_go_with_all_below(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg", "x/b.jpg", "x/y/c.jpg")
    look(database, library)
    fill(library, "x/.nomedia")

    assert shallow(database, library, "x").gone == 2
    assert present(database) == {"a.jpg"}


def test_look_between_the_folders_of_a_sweep_is_not_undone_by_it(
    database: Database, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.pipeline.sweep.FOLDERS_A_COMMIT", 1)
    fill(library, "a/1.jpg", "b/1.jpg", "c/1.jpg")
    look(database, library)
    (library.root / "a" / "1.jpg").rename(library.root / "aside")
    steps = iter(range(99))

    def between(_: SweepReport) -> None:
        # The root and "a" were looked at; the file is back, and something new is above them.
        if next(steps) == 1:
            (library.root / "aside").rename(library.root / "a" / "1.jpg")
            shallow(database, library, "a")
            fill(library, "aa/2.jpg")
            shallow(database, library, "aa")

    assert look(database, library, on_folder=between).gone == 0
    assert present(database) >= {"a/1.jpg", "aa/2.jpg", "b/1.jpg", "c/1.jpg"}


def test_file_that_is_being_written_is_left_alone_until_it_is_quiet(
    database: Database, library: Library
) -> None:
    settling = Settling(2)
    written(library, "x/done.jpg", NOW - timedelta(seconds=10))
    written(library, "x/fresh.jpg", NOW - timedelta(seconds=1))
    fill(library, "x/fresh.jpg.xmp")
    os.utime(library.root / "x" / "fresh.jpg.xmp", (0, 0))

    report = look(database, library, settle=settling)

    assert report.new == 2
    assert list(report.unsettled) == ["x"]
    assert NOW < report.unsettled["x"] <= NOW + timedelta(seconds=2)
    assert present(database) == {"x/done.jpg", "x/fresh.jpg.xmp"}
    later = sweep(
        database,
        library,
        report.unsettled["x"],
        max_vanish_fraction=0.5,
        below="x",
        shallow=True,
        settle=settling,
    )
    assert (later.new, later.unsettled) == (1, {})


def test_file_that_is_written_anew_keeps_what_was_known_until_it_is_quiet(
    database: Database, library: Library
) -> None:
    written(library, "a.jpg", NOW - timedelta(days=1))
    look(database, library)
    identify_all(database)
    before = known(database)
    written(library, "a.jpg", NOW, b"half")

    report = look(database, library, settle=Settling(2))

    assert (report.changed, report.gone, list(report.unsettled)) == (0, 0, [""])
    assert (known(database), unread(database)) == (before, 0)
    assert look(database, library).changed == 1


def test_file_that_was_closed_is_taken_in_at_once(database: Database, library: Library) -> None:
    settling = Settling(60)
    written(library, "x/a.jpg", NOW - timedelta(seconds=1))
    settling.closed(library.id, "x", "a.jpg", NOW)

    report = look(database, library, below="x", shallow=True, settle=settling)

    assert (report.new, report.unsettled) == (1, {})
