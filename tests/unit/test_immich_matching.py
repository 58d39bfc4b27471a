import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.immich.account import PathPair
from mediaindex.immich.matching import ours_of, theirs_of
from mediaindex.immich.pairing import Ours, Theirs, find_pairs
from mediaindex.store.immich_paths import parts

PAIRS = (PathPair("/mnt/media", "/srv/photos"), PathPair("/mnt/media/old", "/nas/old"))
ROOT = "/srv/photos"


def test_longest_folder_holds() -> None:
    assert ours_of("/mnt/media/2019/a.jpg", PAIRS) == "/srv/photos/2019/a.jpg"
    assert ours_of("/mnt/media/old/a.jpg", PAIRS) == "/nas/old/a.jpg"
    assert theirs_of("/nas/old/a.jpg", PAIRS) == "/mnt/media/old/a.jpg"


@pytest.mark.parametrize("path", ["/mnt/mediathek/a.jpg", "/mnt", "/elsewhere/mnt/media/a.jpg"])
def test_only_whole_names_count(path: str) -> None:
    assert ours_of(path, PAIRS) is None


def test_path_is_understood_however_it_is_written() -> None:
    assert ours_of("//mnt/./media//2019/a.jpg", PAIRS) == "/srv/photos/2019/a.jpg"


def test_folder_is_known_however_its_letters_are_composed() -> None:
    pairs = (PathPair(unicodedata.normalize("NFD", "/mnt/Ä"), "/srv"),)

    assert ours_of(unicodedata.normalize("NFC", "/mnt/Ä/a.jpg"), pairs) == "/srv/a.jpg"


NAMES = st.text(st.sampled_from("abcé "), min_size=1, max_size=3)


@given(st.lists(NAMES, min_size=1, max_size=4))
def test_there_and_back_is_the_same_path(names: list[str]) -> None:
    path = "/mnt/media/" + "/".join(names)

    assert parts(theirs_of(ours_of(path, PAIRS) or "", PAIRS) or "") == parts(path)


def ours(*paths: str, root: str = ROOT, size: int | None = None) -> list[Ours]:
    """Files of different sizes, unless one is given."""
    return [
        Ours(root, f"{root}/{path}", size or 1000 + number) for number, path in enumerate(paths)
    ]


def theirs(files: list[Ours], at: str, *, sized: bool = True) -> list[Theirs]:
    """The same files as Immich has them, below another folder."""
    return [
        Theirs(at + file.path.removeprefix(file.root), file.size_bytes if sized else None)
        for file in files
    ]


def test_folder_is_found_by_what_lies_in_it() -> None:
    files = ours("2019/a.jpg", "2019/b.jpg", "2020/c.jpg")

    proposal = find_pairs(theirs(files, "/mnt/media"), files)

    assert proposal.paths == (PathPair("/mnt/media", ROOT),)
    assert (proposal.pairs[0].agree, proposal.pairs[0].lacking, proposal.elsewhere) == (3, 0, 0)


def test_several_folders_are_found_with_their_numbers() -> None:
    family = ours("2019/a.jpg", "2019/b.jpg", "2020/c.jpg")
    nas = ours("x/d.jpg", "y/e.jpg", root="/nas/scans")
    sample = [
        *theirs(family, "/mnt/media"),
        *theirs(nas, "/scans"),
        Theirs("/mnt/media/2021/new.jpg", 5),
        Theirs("/usr/src/app/upload/library/anna/x.jpg", 6),
    ]

    proposal = find_pairs(sample, [*family, *nas])

    found = {one.pair: (one.agree, one.lacking) for one in proposal.pairs}
    assert found == {
        PathPair("/mnt/media", ROOT): (3, 1),
        PathPair("/scans", "/nas/scans"): (2, 0),
    }
    assert proposal.elsewhere == 1


def test_folder_that_lies_deeper_in_ours_is_found() -> None:
    files = ours("family/2019/a.jpg", "family/2020/b.jpg")
    sample = [
        Theirs(path.path.replace(f"{ROOT}/family", "/photos"), path.size_bytes) for path in files
    ]

    assert find_pairs(sample, files).paths == (PathPair("/photos", f"{ROOT}/family"),)


@pytest.mark.parametrize("sized", [True, False])
def test_names_of_a_camera_lead_nowhere_else(sized: bool) -> None:
    names = [f"{year}/DCIM/IMG_{n:04}.jpg" for year in range(1990, 2020) for n in range(8)]
    files = ours(*names, size=4_000_000)
    others = [
        Theirs(f"/mnt/bob/{n}/IMG_{n:04}.jpg", 4_000_000 if sized else None) for n in range(8)
    ]

    proposal = find_pairs([*theirs(files, "/mnt/media", sized=sized), *others], files)

    assert proposal.paths == (PathPair("/mnt/media", ROOT),)
    assert proposal.elsewhere == len(others)


def test_nothing_alike_proposes_nothing() -> None:
    sample = [Theirs("/mnt/media/a.jpg", 1), Theirs("/mnt/media/b.jpg", 2)]

    proposal = find_pairs(sample, ours("c.jpg", "d.jpg"))

    assert (proposal.paths, proposal.elsewhere) == ((), 2)


def test_file_that_a_mac_wrote_counts() -> None:
    files = ours(unicodedata.normalize("NFD", "Été/é.jpg"))
    sample = [Theirs(unicodedata.normalize("NFC", "/mnt/media/Été/é.jpg"), 1000)]

    assert find_pairs(sample, files).paths == (PathPair("/mnt/media", ROOT),)


def test_same_folder_mounted_twice_is_found_twice() -> None:
    files = ours("2019/a.jpg", "2019/b.jpg", "2020/c.jpg", "2020/d.jpg")
    sample = [*theirs(files, "/mnt/anna"), *theirs(files, "/mnt/bob")]

    assert set(find_pairs(sample, files).paths) == {
        PathPair("/mnt/anna", ROOT),
        PathPair("/mnt/bob", ROOT),
    }
