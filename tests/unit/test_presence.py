import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mediaindex.sources.mounts import Identity, identity_of
from mediaindex.sources.presence import Expected, Presence, check, why_offline

ELSEWHERE = Identity("nfs4", "nas:/photos", "/", "", 1)
FRESH = Expected("family photos", has_files=True)
KNOWN = [(f"{number}.jpg", 1) for number in range(10)]


def fill(root: Path, count: int) -> None:
    for path, _ in KNOWN[:count]:
        (root / path).write_bytes(b"x")


def look(root: Path, expected: Expected = FRESH, *, confirmed: bool = False) -> Presence:
    return check(root, expected, lambda: KNOWN, confirmed=confirmed)


def test_root_that_is_gone_or_no_folder_is_offline(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")

    assert look(tmp_path / "gone").offline_reason == "No such file or directory"
    assert look(tmp_path / "file").offline_reason == "Not a directory"


def test_empty_root_is_suspect_only_where_files_were(tmp_path: Path) -> None:
    assert why_offline(tmp_path, has_files=False) is None
    assert "mounted" in (why_offline(tmp_path, has_files=True) or "")


def test_root_without_its_sentinel_is_offline(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    expected = replace(FRESH, sentinel=".this-is-the-nas")

    assert ".this-is-the-nas" in (look(tmp_path, expected).offline_reason or "")
    (tmp_path / ".this-is-the-nas").touch()
    assert look(tmp_path, expected).offline_reason is None


def test_root_that_is_trusted_tells_what_it_is_mounted_from(tmp_path: Path) -> None:
    fill(tmp_path, 1)

    assert look(tmp_path) == Presence(None, identity_of(tmp_path).text)


@pytest.mark.parametrize(("there", "trusted"), [(10, True), (5, True), (4, False), (0, False)])
def test_other_mount_is_trusted_if_half_of_the_known_files_are_there(
    tmp_path: Path, there: int, trusted: bool
) -> None:
    fill(tmp_path, there)
    (tmp_path / "another.jpg").touch()

    found = look(tmp_path, replace(FRESH, identity=ELSEWHERE.text))

    assert (found.offline_reason is None) is trusted
    assert found.identity == identity_of(tmp_path).text
    if not trusted:
        assert "nfs4 from nas:/photos" in (found.offline_reason or "")
        assert "mediaindex confirm-removal 'family photos'" in (found.offline_reason or "")


def test_files_of_another_size_are_not_those_that_are_known(tmp_path: Path) -> None:
    for path, _ in KNOWN:
        (tmp_path / path).write_bytes(b"other")

    assert look(tmp_path, replace(FRESH, identity=ELSEWHERE.text)).offline_reason


def test_same_mount_is_trusted_whatever_is_gone(tmp_path: Path) -> None:
    (tmp_path / "another.jpg").touch()

    found = look(tmp_path, replace(FRESH, identity=identity_of(tmp_path).text))

    assert found.offline_reason is None


def test_person_may_say_that_the_other_mount_is_meant(tmp_path: Path) -> None:
    (tmp_path / "another.jpg").touch()

    found = look(tmp_path, replace(FRESH, identity=ELSEWHERE.text), confirmed=True)

    assert found == Presence(None, identity_of(tmp_path).text)


@pytest.mark.parametrize("state", ["gone", "empty", "filled"])
def test_mount_within_that_is_away_is_told_where_it_left_nothing(
    tmp_path: Path, state: str
) -> None:
    fill(tmp_path, 1)
    if state != "gone":
        (tmp_path / "usb").mkdir()
    if state == "filled":
        (tmp_path / "usb" / "a.jpg").touch()
    before = replace(identity_of(tmp_path), inner=("usb",))

    found = look(tmp_path, replace(FRESH, identity=before.text))

    assert found.offline_reason is None
    assert found.away == (() if state == "filled" else ("usb",))


@pytest.fixture
def silent(tmp_path: Path) -> Iterator[Path]:
    """A root, beside a pipe: who reads it waits as one does for a server that is gone."""
    path = tmp_path / "root"
    path.mkdir()
    fill(path, 1)
    os.mkfifo(tmp_path / "pipe")
    yield path
    for thread in threading.enumerate():
        if thread.name == "presence":
            thread.join()


def test_root_that_does_not_answer_is_offline_and_asked_once_at_a_time(silent: Path) -> None:
    pipe = silent.parent / "pipe"

    class Slow(list[tuple[str, int]]):
        def __iter__(self) -> Iterator[tuple[str, int]]:
            pipe.read_bytes()
            return iter([])

    expected = replace(FRESH, identity=ELSEWHERE.text)
    for _ in range(2):
        found = check(silent, expected, Slow, limit_s=0.2)
        assert "does not answer" in (found.offline_reason or "")
        assert sum(thread.name == "presence" for thread in threading.enumerate()) == 1
    pipe.write_bytes(b"")

    assert check(silent, expected, lambda: KNOWN[:1]).offline_reason is None
