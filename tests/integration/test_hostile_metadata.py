"""Metadata that breaks programs: what is no text is left out, what is no number is passed by."""

from pathlib import Path

import pytest
from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from mediaindex.media.exif import read_exif
from mediaindex.media.takeout import TakeoutFacts, read_takeout
from mediaindex.media.xmp import read_xmp
from mediaindex.types import Position


def takeout(folder: Path, content: str) -> TakeoutFacts:
    path = folder / "a.jpg.json"
    path.write_text(content)
    return read_takeout(path)


def xmp(attribute: str) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
        f"{attribute}/></rdf:RDF></x:xmpmeta>"
    ).encode()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (r"party \ud83d", "party"),
        (r"party \udc00 time", "party time"),
        (r"party\u0000time", "party time"),
        (r"one\ntwo\u001b[2J", "one two [2J"),
        (r"party \ud83c\udf89", "party 🎉"),
        (r"نمی\u200cشود", "نمی\u200cشود"),
    ],
)
def test_takeout_gives_only_text_that_can_be_stored(
    tmp_path: Path, written: str, read: str
) -> None:
    found = takeout(
        tmp_path, f'{{"description": "{written}", "people": [{{"name": "{written}"}}]}}'
    )

    assert [one.text for one in found.words] == [read, read]


def test_exif_gives_only_text_that_can_be_stored() -> None:
    exif = Image.Exif()
    exif[0x9C9B] = "party 🎉".encode("utf-16-le")[:-2]  # cut off in the middle of a character
    exif[Base.ImageDescription] = "at\x1b the\ud83d lake"

    assert [one.text for one in read_exif(exif).words] == ["at the lake", "party"]


@pytest.mark.parametrize("control", ["&#9;", "&#x85;", "&#x9b;"])
def test_xmp_gives_only_text_that_can_be_stored(control: str) -> None:
    found = read_xmp(xmp(f'tiff:ImageDescription="at{control}the lake"'), "xmp")

    assert [one.text for one in found.words] == ["at the lake"]


@pytest.mark.parametrize(
    ("latitude", "altitude", "position"),
    [
        ("38.7", "1" + "0" * 400, Position(38.7, -9.1)),
        ("38.7", "NaN", Position(38.7, -9.1)),
        ("38.7", '"high"', Position(38.7, -9.1)),
        ("38.7", "120.5", Position(38.7, -9.1, 120.5)),
        ("1" + "0" * 400, "0", None),
        ("NaN", "0", None),
    ],
    ids=lambda value: str(value)[:9],
)
def test_number_of_takeout_that_is_none_is_passed_by(
    tmp_path: Path, latitude: str, altitude: str, position: Position | None
) -> None:
    where = f'{{"latitude": {latitude}, "longitude": -9.1, "altitude": {altitude}}}'

    assert takeout(tmp_path, f'{{"geoData": {where}}}').position == position


@pytest.mark.parametrize("digits", [400, 5000])
def test_number_of_xmp_without_end_is_passed_by(digits: int) -> None:
    degrees = "1" * digits
    packet = xmp(f'exif:GPSLatitude="{degrees},1.5N" exif:GPSLongitude="9,1.5W"')

    assert read_xmp(packet, "xmp").position is None


def test_number_of_exif_beyond_all_bounds_is_passed_by() -> None:
    exif = Image.Exif()
    exif[Base.DateTime] = "2019:07:04 15:30:12"
    exif.get_ifd(IFD.GPSInfo).update(
        {
            GPS.GPSLatitude: (1.79e308, 1.79e308, 0.0),
            GPS.GPSLongitude: (9.0, 6.0, 0.0),
            GPS.GPSDateStamp: "2019:07:04",
            GPS.GPSTimeStamp: (1e300, 0.0, 0.0),
        }
    )

    found = read_exif(exif)

    assert (found.position, found.offset_min, len(found.dates)) == (None, None, 1)
