import os
from pathlib import Path

import pytest

from mediaindex.config import SweepSettings
from mediaindex.sources.folder import LATEST_NS, Rules, walk

USUAL = Rules(SweepSettings().exclude)

YEAR_2400_S = 13_569_465_600


def fill(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def found(root: Path, rules: Rules = USUAL, below: str = "") -> set[str]:
    return {
        str(Path(folder.path, file.name))
        for folder in walk(root, rules, below)
        for file in folder.files
    }


def test_files_of_all_folders_are_found(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.jpg")

    assert found(tmp_path) == {"a.jpg", "x/b.jpg", "x/y/c.jpg"}


@pytest.mark.parametrize(
    "name",
    [
        "@eaDir/a.jpg",
        "x/#recycle/a.jpg",
        ".@__thumb/a.jpg",
        ".stfolder/a.jpg",
        ".Trash-1000/files/a.jpg",
        "lost+found/a.jpg",
        ".hidden.jpg",
        ".cache/a.jpg",
        "NODE_MODULES/a.jpg",
    ],
)
def test_rubbish_is_passed_by(tmp_path: Path, name: str) -> None:
    fill(tmp_path, "kept.jpg", name)

    assert found(tmp_path) == {"kept.jpg"}


def test_marked_folder_is_passed_by_with_all_below(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "x/.nomedia", "x/b.jpg", "x/y/c.jpg")

    assert found(tmp_path) == {"a.jpg"}


def test_pattern_with_a_slash_is_a_path_from_the_root(tmp_path: Path) -> None:
    fill(tmp_path, "scans/raw/a.jpg", "other/scans/raw/b.jpg")

    assert found(tmp_path, Rules(("scans/raw",))) == {"other/scans/raw/b.jpg"}


def test_hidden_files_count_if_wanted(tmp_path: Path) -> None:
    fill(tmp_path, ".a.jpg")

    assert found(tmp_path, Rules(hidden=True)) == {".a.jpg"}


def test_walk_can_begin_below(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg", "x/b.jpg")

    assert found(tmp_path, below="x") == {"x/b.jpg"}


def test_only_regular_files_count(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "nowhere.jpg").symlink_to(tmp_path / "gone.jpg")
    fill(tmp_path, "a.jpg")

    assert found(tmp_path, Rules(follow_links=True)) == {"a.jpg"}


def test_links_are_followed_only_if_wanted_and_never_in_a_circle(tmp_path: Path) -> None:
    fill(tmp_path, "x/a.jpg")
    (tmp_path / "x" / "loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "x")

    assert found(tmp_path) == {"x/a.jpg"}
    assert found(tmp_path, Rules(follow_links=True)) == {"x/a.jpg"}


def test_folder_outside_is_found_by_the_first_link_to_it(tmp_path: Path) -> None:
    fill(tmp_path, "library/x/a.jpg", "outside/y/b.jpg")
    for link in ("one", "two"):
        (tmp_path / "library" / link).symlink_to(tmp_path / "outside")

    files = found(tmp_path / "library", Rules(follow_links=True))

    assert files == {"x/a.jpg", "one/y/b.jpg"}


def test_folders_that_link_to_each_other_are_walked_once(tmp_path: Path) -> None:
    folders = [tmp_path / str(number) for number in range(7)]
    for folder in folders:
        fill(folder, "a.jpg")
        for other in folders:
            (folder / f"to {other.name}").symlink_to(other)

    walked = [folder.path for folder in walk(tmp_path, Rules(follow_links=True))]

    assert walked == ["", *(folder.name for folder in folders)]


def test_name_that_is_not_utf8_is_found(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    fill(tmp_path, name)

    assert found(tmp_path) == {name}


def test_folder_that_cannot_be_listed_is_told_with_its_reason(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (tmp_path / "far").symlink_to("n" * 300)

    folders = list(walk(tmp_path, Rules(follow_links=True), below="far"))

    assert [(folder.path, folder.files) for folder in folders] == [("far", ())]
    assert folders[0].unreadable == "File name too long"


def test_link_in_a_circle_is_passed_by(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    (tmp_path / "round.jpg").symlink_to("round.jpg")

    assert found(tmp_path, Rules(follow_links=True)) == {"a.jpg"}


def test_folder_with_a_file_that_cannot_be_looked_at_is_told_with_its_reason(
    tmp_path: Path,
) -> None:
    # Not a lack of rights: tests may run as root, who lacks none.
    fill(tmp_path, "a.jpg", "x/b.jpg", "x/y/c.jpg")
    (tmp_path / "x" / "far.jpg").symlink_to("n" * 300)

    folders = list(walk(tmp_path, Rules(follow_links=True)))

    assert [(folder.path, len(folder.files)) for folder in folders] == [("", 1), ("x", 0)]
    assert folders[1].unreadable == "File name too long"


def test_time_beyond_64_bits_is_the_nearest_within(tmp_path: Path) -> None:
    fill(tmp_path, "a.jpg")
    os.utime(tmp_path / "a.jpg", (YEAR_2400_S, YEAR_2400_S))

    [folder] = walk(tmp_path, USUAL)

    # Some file systems do not go so far themselves.
    assert folder.files[0].mtime_ns == min((tmp_path / "a.jpg").stat().st_mtime_ns, LATEST_NS)
