"""What a folder tells of its last user."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaindex.vectors.seal import MARK, SEAL, Mark, forget_the_dead, in_use, is_sound


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files, left in order."""
    made = tmp_path / "index"
    (made / "segment").mkdir(parents=True)
    mark = Mark(made)
    (made / "base").write_bytes(b"12345")
    (made / "segment" / "graph").write_bytes(b"678")
    mark.leave(in_order=True)
    return made


def test_folder_left_in_order_is_sound(folder: Path) -> None:
    assert is_sound(folder)
    assert not in_use(folder)
    assert not list(folder.glob(f"{MARK}*"))


def test_folder_that_is_not_there_or_empty_is_sound(tmp_path: Path) -> None:
    assert is_sound(tmp_path)
    assert is_sound(tmp_path / "none")


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file is longer": lambda folder: (folder / "base").write_bytes(b"123456"),
    "a file is gone": lambda folder: (folder / "segment" / "graph").unlink(),
    "a file is new": lambda folder: (folder / "stranger").touch(),
    "same size, written since": lambda folder: os.utime(folder / "base", ns=(1, 1)),
    "no seal": lambda folder: (folder / SEAL).unlink(),
    "half a seal": lambda folder: os.truncate(folder / SEAL, 9),
    "somebody was killed": lambda folder: (folder / f"{MARK}-x").touch(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_folder_that_changed_unseen_is_not_sound(folder: Path, change: str) -> None:
    CHANGES[change](folder)

    assert not is_sound(folder)
    assert not in_use(folder)


def test_folder_that_is_open_is_in_use_until_it_is_left(folder: Path) -> None:
    mark = Mark(folder)
    assert in_use(folder)
    assert not is_sound(folder)

    mark.leave(in_order=True)

    assert not in_use(folder)
    assert is_sound(folder)


def test_folder_left_in_trouble_is_not_sound(folder: Path) -> None:
    Mark(folder).leave(in_order=False)

    assert not is_sound(folder)
    assert not in_use(folder)


def test_only_the_last_to_leave_seals(folder: Path) -> None:
    first, second = Mark(folder), Mark(folder)

    first.leave(in_order=True)
    assert in_use(folder)
    assert not is_sound(folder)

    second.leave(in_order=True)
    assert is_sound(folder)


def test_reader_that_leaves_in_order_does_not_hide_that_a_writer_was_killed(folder: Path) -> None:
    reader = Mark(folder)
    (folder / f"{MARK}-killed").touch()

    reader.leave(in_order=True)

    assert not is_sound(folder)


def test_dead_marks_are_cleared_and_the_living_stay(folder: Path) -> None:
    (folder / f"{MARK}-killed").touch()
    mark = Mark(folder)

    forget_the_dead(folder)

    assert in_use(folder)
    mark.leave(in_order=True)
    assert is_sound(folder)
