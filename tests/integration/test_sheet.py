"""Where contact sheets are written: never in the place of anything but a contact sheet."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mediaindex.errors import ConfigError
from mediaindex.media.sheet import Cell, write_sheet_html, write_sheet_jpg
from tests.conftest import plain

CELLS = [Cell(plain(200, 10, 10), ("a.jpg", "2019-07-04"), Path("/p/a.jpg"))]


def write_page(path: Path, cells: list[Cell]) -> None:
    write_sheet_html(path, cells, "dogs")


Write = Callable[[Path, list[Cell]], None]
both = pytest.mark.parametrize("write", [write_sheet_jpg, write_page])


@both
def test_sheet_takes_the_place_of_a_sheet(tmp_path: Path, write: Write) -> None:
    target = tmp_path / "sheet"
    write(target, [])
    empty = target.read_bytes()

    write(target, CELLS)

    assert target.read_bytes() != empty
    assert list(tmp_path.iterdir()) == [target]


@both
@pytest.mark.parametrize("content", [b"", b"\xff\xd8\xff a photo", b"<html>"])
def test_sheet_takes_the_place_of_nothing_else(
    tmp_path: Path, write: Write, content: bytes
) -> None:
    photo, link, second = tmp_path / "a.jpg", tmp_path / "link.jpg", tmp_path / "second.jpg"
    photo.write_bytes(content)
    link.symlink_to(photo)
    second.hardlink_to(photo)

    for path in (photo, link, second):
        with pytest.raises(ConfigError, match="is no contact sheet; choose another name"):
            write(path, CELLS)

    assert photo.read_bytes() == second.read_bytes() == content
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == 3


@both
def test_sheet_behind_a_link_is_written_where_the_link_points(tmp_path: Path, write: Write) -> None:
    link, target = tmp_path / "latest", tmp_path / "sheet"
    link.symlink_to(target)

    write(link, CELLS)
    write(link, CELLS)

    assert link.is_symlink()
    assert target.stat().st_size > 500


@both
def test_pipe_and_folder_are_refused_and_not_waited_for(tmp_path: Path, write: Write) -> None:
    os.mkfifo(tmp_path / "pipe")

    for path in (tmp_path / "pipe", tmp_path):
        with pytest.raises(ConfigError, match="is no contact sheet"):
            write(path, CELLS)


@both
def test_folder_that_is_not_there_is_named(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ConfigError, match=r"gone/sheet.*No such file or directory"):
        write(tmp_path / "gone" / "sheet", CELLS)


def test_title_of_a_page_may_hold_bad_bytes(tmp_path: Path) -> None:
    write_sheet_html(tmp_path / "a.html", CELLS, "like q\udcff.jpg")

    assert "<title>like q?.jpg</title>" in (tmp_path / "a.html").read_text()
