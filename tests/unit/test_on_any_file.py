"""What comes of one of an asset's files: of the first that is as it was when it was looked into."""

import errno
from pathlib import Path

import pytest

from mediaindex.errors import RetryLater, Unusable
from mediaindex.pipeline.stage import on_any_file
from mediaindex.store.files import Lying


def lying(path: Path, text: str) -> Lying:
    path.write_text(text)
    found = path.stat()
    return Lying(path, found.st_size, found.st_mtime_ns)


def read(path: Path) -> str:
    if path.read_text() == "broken":
        raise Unusable("it is broken")
    return path.read_text()


@pytest.mark.parametrize("now", ["other", "broken"])
def test_what_comes_of_a_file_that_has_changed_is_not_the_assets(tmp_path: Path, now: str) -> None:
    files = [lying(tmp_path / "a", "right"), lying(tmp_path / "b", "right")]
    (tmp_path / "a").write_text(now)

    assert on_any_file(files, read) == "right"
    assert isinstance(on_any_file(files[:1], read), RetryLater)


def test_file_that_goes_while_it_is_read_is_no_failure(tmp_path: Path) -> None:
    def take_away(path: Path) -> str:
        path.unlink()
        raise Unusable("the file is cut off")

    assert isinstance(on_any_file([lying(tmp_path / "a", "right")], take_away), RetryLater)


def test_first_that_is_as_it_was_counts_for_good_or_bad(tmp_path: Path) -> None:
    broken, right = lying(tmp_path / "a", "broken"), lying(tmp_path / "b", "right")

    assert isinstance(on_any_file([broken, right], read), Unusable)
    assert on_any_file([right, broken], read) == "right"


def test_trouble_of_this_machine_is_not_the_files(tmp_path: Path) -> None:
    def fill(_: Path) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert isinstance(on_any_file([lying(tmp_path / "a", "right")], fill), RetryLater)
