import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.media.formats import MEDIA_SUFFIXES
from mediaindex.sources.pairs import PHOTO_SUFFIXES, VIDEO_SUFFIXES, pair_names

LONG = "a very long name of a picture that was taken at the sea.jpg"
MEDIUM = "a name that is cut in the middle of its su.jpeg"  # 47 characters


@pytest.mark.parametrize(
    ("sidecar", "owners"),
    [
        ("IMG_1.jpg.xmp", ["IMG_1.JPG"]),
        ("IMG_1.xmp", ["IMG_1.JPG"]),
        ("img_1.XMP", ["IMG_1.JPG"]),
        ("IMG_1.AAE", ["IMG_1.JPG"]),
        ("IMG_1.THM", ["IMG_1.MOV"]),
        ("IMG_1.jpg.json", ["IMG_1.jpg"]),
        ("IMG_1.jpg.supplemental-metadata.json", ["IMG_1.jpg"]),
        ("IMG_1.jpg.supplemental-meta.json", ["IMG_1.jpg"]),
        ("IMG_1.jpg.suppl.json", ["IMG_1.jpg"]),
        ("IMG_1.jpg.s.json", ["IMG_1.jpg"]),
        ("IMG_1.jpg(1).json", ["IMG_1(1).jpg"]),
        ("IMG_1.jpg.supplemental-metadata(1).json", ["IMG_1(1).jpg"]),
        ("IMG_1.jpg.json", ["IMG_1.jpg", "IMG_1-edited.jpg"]),
        ("IMG_1.jpg.json", ["IMG_1.jpg", "IMG_1-bearbeitet.jpg"]),
        ("IMG_1.jpg(1).json", ["IMG_1(1).jpg", "IMG_1-edited(1).jpg"]),
        ("IMG_1.jpg(1).json", ["IMG_1(1).jpg", "IMG_1(1)-edited.jpg"]),
        ("IMG_1.HEIC.json", ["IMG_1.HEIC", "IMG_1-modifie\u0301.jpg"]),
        ("IMG_1.jpg.json", ["IMG_1-edited.jpg"]),  # the original was deleted
        ("IMG_1.json", ["IMG_1.jpg"]),
        ("IMG_1.jpg..json", ["IMG_1.jpg"]),
        ("PXL_1.MP.jpg.supplemental-metada.json", ["PXL_1.MP.jpg"]),
        ("IMG_1.IIQ.xmp", ["IMG_1.IIQ"]),
        (f"{LONG[:46]}.json", [LONG]),
        (f"{LONG[:46]}(1).json", [f"{LONG[:47]}(1).jpg"]),
        (f"{MEDIUM[:46]}.json", [MEDIUM]),
        (f"{LONG[:46]}.json", [LONG, f"{LONG.removesuffix('.jpg')}-edited.jpg"]),
    ],
)
def test_sidecar_finds_its_owner(sidecar: str, owners: list[str]) -> None:
    found = pair_names([sidecar, *owners, "other.jpg"]).sidecars

    assert found == {sidecar: tuple(sorted(owners))}


def test_sidecar_of_a_stem_is_shared_by_raw_and_jpeg() -> None:
    found = pair_names(["a.CR2", "a.JPG", "a.xmp", "a.JPG.xmp"]).sidecars

    assert found == {"a.xmp": ("a.CR2", "a.JPG"), "a.JPG.xmp": ("a.JPG",)}


@pytest.mark.parametrize("other", [f"{LONG[:47]}.jpg", f"{LONG[:50]}.jpg"])
def test_cut_name_that_fits_two_files_belongs_to_neither(other: str) -> None:
    sidecar = f"{LONG[:46]}.json"

    assert pair_names([sidecar, LONG, other]).sidecars.get(sidecar, ()) == ()


def test_numbers_tell_cut_names_apart() -> None:
    first, second = f"{LONG[:47]}.jpg", f"{LONG[:47]}(1).jpg"

    found = pair_names([first, second, f"{LONG[:46]}.json", f"{LONG[:46]}(1).json"]).sidecars

    assert found == {f"{LONG[:46]}.json": (first,), f"{LONG[:46]}(1).json": (second,)}


def test_names_that_differ_in_case_alone_share_a_sidecar() -> None:
    found = pair_names(["a.jpg", "a.JPG", "a.jpg.xmp"]).sidecars

    assert found == {"a.jpg.xmp": ("a.JPG", "a.jpg")}


def test_every_format_may_own_a_sidecar() -> None:
    assert MEDIA_SUFFIXES <= PHOTO_SUFFIXES | VIDEO_SUFFIXES


@pytest.mark.parametrize(
    "name",
    [
        "metadata.json",
        "Metadaten(2).json",
        "gone.xmp",
        "gone.jpg.json",
        "gone.jpg.suppl.json",
        "gone.jpg.supplemental-metadata.json",
    ],
)
def test_sidecar_without_an_owner_is_still_no_stranger(name: str) -> None:
    assert pair_names([name, "a.jpg"]).sidecars == {name: ()}


@pytest.mark.parametrize("name", ["package.json", "notes.txt", "a.jpg", "README", ".xmp"])
def test_other_files_are_no_sidecars(name: str) -> None:
    assert name not in pair_names([name, "a.jpg"]).sidecars


@pytest.mark.parametrize(
    ("names", "companions"),
    [
        (["IMG_1.HEIC", "IMG_1.MOV"], {"IMG_1.MOV": "IMG_1.HEIC"}),
        (["IMG_1.jpg", "IMG_1.mp4"], {"IMG_1.mp4": "IMG_1.jpg"}),
        (["PXL_1.jpg", "PXL_1.MP"], {"PXL_1.MP": "PXL_1.jpg"}),
        (["IMG_1.HEIC", "IMG_1.JPG", "IMG_1.MOV"], {"IMG_1.MOV": "IMG_1.HEIC"}),
        (["IMG_1.HEIC", "img_1.mov"], {"img_1.mov": "IMG_1.HEIC"}),
        (["PXL_1.MP.jpg", "PXL_1.MP"], {"PXL_1.MP": "PXL_1.MP.jpg"}),
        (["PXL_1.MP~2.jpg", "PXL_1.MP~2"], {"PXL_1.MP~2": "PXL_1.MP~2.jpg"}),
        (["IMG_1.HEIC", "IMG_1.JPG"], {}),
        (["IMG_1.png", "IMG_1.mkv"], {}),
        (["IMG_1.HEIC", "IMG_2.MOV"], {}),
    ],
)
def test_video_of_a_live_photo_belongs_to_it(names: list[str], companions: dict[str, str]) -> None:
    assert pair_names(names).companions == companions


@given(st.lists(st.text(alphabet="ab.()1jpgxmjson-", max_size=12), unique=True))
def test_owners_are_always_files_that_are_there(names: list[str]) -> None:
    found = pair_names(names)

    for sidecar, owners in found.sidecars.items():
        assert sidecar in names
        assert set(owners) <= set(names) - {sidecar}


@given(st.lists(st.text(alphabet="ab.()1jpgxmvheico-", max_size=12), unique=True))
def test_companions_are_videos_beside_photos(names: list[str]) -> None:
    found = pair_names(names).companions

    for video, photo in found.items():
        assert {video, photo} <= set(names)
        assert video != photo
    assert not found.keys() & set(found.values())
