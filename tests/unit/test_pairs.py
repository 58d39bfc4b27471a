import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.sources.pairs import pair_names

LONG = "a very long name of a picture that was taken at the sea.jpg"


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
        (f"{LONG[:46]}.json", [LONG]),
    ],
)
def test_sidecar_finds_its_owner(sidecar: str, owners: list[str]) -> None:
    found = pair_names([sidecar, *owners, "other.jpg"]).sidecars

    assert found == {sidecar: tuple(sorted(owners))}


def test_sidecar_of_a_stem_is_shared_by_raw_and_jpeg() -> None:
    found = pair_names(["a.CR2", "a.JPG", "a.xmp", "a.JPG.xmp"]).sidecars

    assert found == {"a.xmp": ("a.CR2", "a.JPG"), "a.JPG.xmp": ("a.JPG",)}


@pytest.mark.parametrize(
    "name", ["metadata.json", "gone.xmp", "gone.jpg.supplemental-metadata.json"]
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
