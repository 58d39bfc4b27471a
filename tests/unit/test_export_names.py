"""Names in the mirrored tree, on every kind of file system."""

import os

import pytest

from mediaindex.errors import Unusable
from mediaindex.exporting.names import Manners, Names
from tests.exports import lying

WINDOWS = Manners(folds=True, takes_awkward=False, takes_any_bytes=False)


def test_tree_is_that_of_the_library() -> None:
    names = Names({1: "photos"}, Manners())

    assert names.target(lying("a.jpg", "Trips/Lisbon"), ".xmp") == (
        ("photos", "Trips", "Lisbon", "a.jpg.xmp"),
        False,
    )


def test_name_is_kept_byte_for_byte_where_it_can_be() -> None:
    strange = "two\nlines \x1b \udcff?.jpg"

    assert Names({1: "p"}, Manners()).target(lying(strange), ".txt")[0][-1] == strange + ".txt"


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("..", "a.jpg"),
        ("a/../../b", "a.jpg"),
        ("/etc", "a.jpg"),
        ("a//b", "a.jpg"),
        ("a", ".."),
        ("", "../a.jpg"),
        ("", ""),
        (".", "a.jpg"),
        ("", "a\0.jpg"),
    ],
)
def test_path_that_leads_out_is_refused(folder: str, name: str) -> None:
    with pytest.raises(Unusable, match="no path that lies below"):
        Names({1: "photos"}, Manners()).target(lying(name, folder), ".xmp")


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/", "../../etc"])
def test_name_of_a_library_leads_nowhere(name: str) -> None:
    (folder, file), _ = Names({1: name}, Manners()).target(lying(), ".xmp")

    assert folder not in ("", ".", "..")
    assert "/" not in folder
    assert file == "a.jpg.xmp"


def test_libraries_alike_get_folders_apart() -> None:
    names = Names({1: "Photos", 2: "photos", 3: "a/b", 4: "a_b", 5: "PHOTOS"}, Manners())

    targets = [names.target(lying(library_id=id_), ".x")[0][0] for id_ in range(1, 6)]

    assert targets == ["Photos", "photos-2", "a_b", "a_b-2", "PHOTOS-3"]


def test_library_cannot_have_the_name_of_a_file_of_ours() -> None:
    names = Names({1: ".mediaindex-export"}, Manners(), (".mediaindex-export",))

    assert names.target(lying(), ".x")[0][0] == ".mediaindex-export-2"


@pytest.mark.parametrize("letter", ["x", "ü", "東"])
def test_name_too_long_for_its_suffix_is_cut_and_stays_apart(letter: str) -> None:
    width = len(letter.encode())
    stem = letter * ((251 - 4) // width)
    names = Names({1: "photos"}, Manners())

    one, is_altered = names.target(lying(stem + "a.jpg" + "y" * (250 - len(stem.encode()))), ".xmp")
    other, _ = names.target(lying(stem + "b.jpg" + "y" * (250 - len(stem.encode()))), ".xmp")

    assert is_altered
    assert one != other
    assert max(len(os.fsencode(target[-1])) for target in (one, other)) <= 255
    assert one[-1].endswith(".xmp")


def test_names_that_fold_into_one_are_told_apart() -> None:
    names = Names({1: "photos"}, WINDOWS)

    plain = names.target(lying("A.jpg", "Trip"), ".xmp")
    alike = names.target(lying("a.JPG", "trip"), ".xmp")

    assert plain == (("photos", "Trip", "A.jpg.xmp"), False)
    assert alike[0][-1].startswith("a.JPG~")
    assert alike[1]
    both = Names({1: "photos"}, Manners())
    assert not both.target(lying("A.jpg"), ".x")[1]
    assert not both.target(lying("a.jpg"), ".x")[1]


@pytest.mark.parametrize("name", ["what?.jpg", "a:b.jpg", "x\n.jpg", "\udcff.jpg"])
def test_name_that_the_file_system_does_not_take_is_altered(name: str) -> None:
    target, is_altered = Names({1: "photos"}, WINDOWS).target(lying(name, "end. "), ".xmp")

    assert is_altered
    assert not set("".join(target)) & set('<>:"|?*\\\n\udcff')
    assert target[1].startswith("end~")
