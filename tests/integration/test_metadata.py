"""What real files say, checked fact by fact."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image

from mediaindex.media.dates import DateRules
from mediaindex.media.metadata import read_papers, settle
from mediaindex.types import Metadata
from tests.conftest import plain
from tests.media import MEDIA, media_files, needs_media

RULES = DateRules(zone="Europe/Berlin")
EXIF_ORG, SAMPLES = "exif-samples__jpg__exif-org__", "exif-samples__jpg__"


def read(name: str, *sidecars: Path, rules: DateRules = RULES) -> Metadata:
    return read_at(MEDIA / "metadata" / name, *sidecars, rules=rules)


def read_at(path: Path, *sidecars: Path, rules: DateRules = RULES) -> Metadata:
    return settle(read_papers(path, sidecars), rules, lambda _: None, datetime.now(UTC))


def words(found: Metadata) -> dict[str, str]:
    return {word.text: word.kind for word in found.words}


@needs_media
@pytest.mark.parametrize(
    "path", media_files("photos", "formats", "metadata", "broken"), ids=lambda path: path.name
)
def test_no_file_is_too_broken_to_be_read(path: Path) -> None:
    found = read_at(path)

    assert found.taken is not None  # the file's own time is always there
    assert all(word.text.strip() for word in found.words)


@needs_media
@pytest.mark.parametrize(
    ("name", "local", "offset_min", "source"),
    [
        (f"{SAMPLES}Canon_40D.jpg", "2008-05-30T15:56:01", None, "exif"),
        (f"{SAMPLES}Nikon_D70.jpg", "2008-03-15T09:52:01", None, "exif"),
        (f"{EXIF_ORG}kodak-dc240.jpg", "1999-05-25T21:00:09", None, "exif"),
        (f"{SAMPLES}invalid__image00971.jpg", "2010-04-13T09:37:22", 120, "xmp"),
        ("exif-samples__heic__IMG_5195.HEIC", "2021-04-11T15:47:53", -300, "exif"),
        ("pillow-invalid-exif.jpg", "2017-03-13T23:03:09", -420, "xmp"),
    ],
)
def test_taken_at(name: str, local: str, offset_min: int | None, source: str) -> None:
    taken = read(name).taken

    assert taken is not None
    assert taken.local.replace(microsecond=0) == datetime.fromisoformat(local)
    assert (taken.offset_min, taken.source) == (offset_min, source)


@needs_media
def test_clock_without_a_zone_is_at_home() -> None:
    taken = read(f"{SAMPLES}Canon_40D.jpg").taken

    assert taken is not None
    assert taken.utc.replace(microsecond=0) == datetime(2008, 5, 30, 13, 56, 1, tzinfo=UTC)


@needs_media
def test_clock_without_a_zone_is_where_the_picture_was_taken() -> None:
    papers = read_papers(MEDIA / "metadata" / "dates__datetimeoriginal-gps.jpg", [])

    taken = settle(papers, RULES, lambda _: "America/Denver", datetime.now(UTC)).taken

    assert taken is not None
    assert taken.offset_min == -420
    assert (taken.utc - datetime(2025, 12, 1, 18, 30, tzinfo=UTC)).total_seconds() == 0


@needs_media
@pytest.mark.parametrize(
    ("name", "position"),
    [
        (f"{SAMPLES}gps__DSCN0010.jpg", (43.4674, 11.8851)),
        (f"{SAMPLES}Kodak_CX7530.jpg", (-0.3713, 36.0564)),
        ("dates__gps-datetime.jpg", (37.7749, -122.4194)),
        ("gps-position__thompson-springs.jpg", (39.115, -108.4005)),
        ("gps-position__empty_gps.jpg", None),
        ("pillow-empty_gps_ifd.jpg", None),
        ("pillow-exif_gps_typeerror.jpg", None),
    ],
)
def test_position(name: str, position: tuple[float, float] | None) -> None:
    found = read(name).position

    if position is None:
        assert found is None
    else:
        assert found is not None
        assert (found.latitude, found.longitude) == pytest.approx(position, abs=0.001)


@needs_media
@pytest.mark.parametrize(
    ("name", "make", "model"),
    [
        (f"{SAMPLES}Canon_40D.jpg", "Canon", "EOS 40D"),
        (f"{SAMPLES}Nikon_D70.jpg", "NIKON CORPORATION", "D70"),
        ("exif-samples__heic__IMG_5195.HEIC", "Apple", "iPhone 11 Pro Max"),
        (f"{EXIF_ORG}olympus-c960.jpg", "OLYMPUS OPTICAL CO.,LTD", "C960Z,D460Z"),
    ],
)
def test_camera_is_named_once(name: str, make: str, model: str) -> None:
    found = read(name)

    assert (found.camera_make, found.camera_model) == (make, model)


@needs_media
def test_words_that_people_wrote_and_their_rating() -> None:
    mongolia, picasa = read("rating__mongolels.jpg"), read("tags__picasa.jpg")

    assert mongolia.rating == 3
    assert words(mongolia)["Mongol Els"] == "title"
    assert {"Frost": "keyword", "Yard": "keyword"}.items() <= words(picasa).items()
    assert words(read("faces__portrait.jpg"))["Marie Curie"] == "person"
    assert any(
        "Operation Mountain Viper" in text for text in words(read(f"{SAMPLES}long_description.jpg"))
    )


@needs_media
@pytest.mark.parametrize("name", ["olympus-c960", "sanyo-vpcg250", "sony-cybershot"])
def test_what_a_camera_writes_by_itself_is_no_persons_word(name: str) -> None:
    assert words(read(f"{EXIF_ORG}{name}.jpg")) == {}


@needs_media
@pytest.mark.parametrize("number", range(1, 9))
def test_size_is_that_of_the_upright_picture(number: int) -> None:
    found = read(f"{SAMPLES}orientation__portrait_{number}.jpg")

    assert (found.width_px, found.height_px) == (450, 600)


@needs_media
def test_sidecars_are_read_with_their_photo(tmp_path: Path) -> None:
    xmp = tmp_path / "a.xmp"
    xmp.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmp:Rating="5" '
        'photoshop:DateCreated="2001-02-03T04:05:06+01:00"><dc:subject><rdf:Bag>'
        "<rdf:li>Grandma</rdf:li></rdf:Bag></dc:subject></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    takeout = tmp_path / "a.json"
    takeout.write_text(
        '{"description": "At the lake", "photoTakenTime": {"timestamp": "1000000000"}, '
        '"geoData": {"latitude": 46.2, "longitude": 6.1}, "people": [{"name": "Anna"}]}'
    )

    found = read(f"{SAMPLES}orientation__landscape_1.jpg", xmp, takeout)

    assert found.rating == 5
    assert words(found) == {"Grandma": "keyword", "At the lake": "description", "Anna": "person"}
    assert found.taken is not None
    assert (found.taken.source, found.taken.offset_min) == ("xmp", 60)
    assert found.position is not None
    rules = DateRules(order=("takeout", "xmp"), zone="UTC")
    later = read(f"{SAMPLES}orientation__landscape_1.jpg", xmp, takeout, rules=rules).taken
    assert later is not None
    assert later.utc == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)


@needs_media
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.xmp", "<x:xmpmeta"),
        ("a.xmp", '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><x>&c;</x>'),
        ("a.json", "{"),
        ("a.json", "[1, 2]"),
        ("a.json", '{"photoTakenTime": {"timestamp": "soon"}, "people": 7, "geoData": []}'),
    ],
)
def test_broken_or_hostile_sidecar_is_passed_by(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)

    found = read(f"{SAMPLES}Canon_40D.jpg", tmp_path / name)

    assert found.camera_model == "EOS 40D"


def xmp(path: Path, attributes: str) -> Path:
    path.write_text(
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f'xmlns:aux="http://ns.adobe.com/exif/1.0/aux/" {attributes}/></rdf:RDF></x:xmpmeta>'
    )
    return path


@pytest.mark.parametrize("swapped", [False, True])
def test_of_two_sidecars_all_words_hold_and_else_the_more_exact(
    tmp_path: Path, swapped: bool
) -> None:
    photo = tmp_path / "a.jpg"
    Image.fromarray(plain(200, 0, 0)).save(photo)
    both = [
        xmp(tmp_path / "a.xmp", 'xmp:Rating="2" aux:Lens="35mm" tiff:ImageDescription="of a"'),
        xmp(tmp_path / "a.jpg.xmp", 'xmp:Rating="5" tiff:ImageDescription="of a.jpg"'),
    ]

    found = read_at(photo, *(reversed(both) if swapped else both))

    assert [word.text for word in found.words] == ["of a.jpg", "of a"]
    assert (found.rating, found.lens) == (5, "35mm")


def test_of_two_takeouts_all_words_hold_and_else_the_first(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    Image.fromarray(plain(200, 0, 0)).save(photo)
    contents = [
        '{"description": "at the lake", "photoTakenTime": {"timestamp": "1000000000"}}',
        '{"description": "holiday", "geoData": {"latitude": 46.2, "longitude": 6.1}, '
        '"photoTakenTime": {"timestamp": "1100000000"}}',
    ]
    both = []
    for number, content in enumerate(contents):
        both.append(tmp_path / f"album-{number}.jpg.json")
        both[-1].write_text(content)

    found = read_at(photo, *both)

    assert [word.text for word in found.words] == ["at the lake", "holiday"]
    assert found.taken is not None
    assert found.taken.utc == datetime(2001, 9, 9, 1, 46, 40, tzinfo=UTC)
    assert found.position is not None


def test_sidecar_that_cannot_be_read_keeps_nothing_else_from_being_read(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    Image.fromarray(plain(200, 0, 0)).save(photo)
    (tmp_path / "a.jpg.json").mkdir()
    good = xmp(tmp_path / "a.xmp", 'xmp:Rating="2"')

    papers = read_papers(photo, [tmp_path / "gone.xmp", tmp_path / "a.jpg.json", good])

    assert papers.inside.size_px == (64, 64)
    assert [facts.rating for facts in papers.beside.xmp] == [2]
    assert papers.beside.unread == ("gone.xmp cannot be read: No such file or directory",)
