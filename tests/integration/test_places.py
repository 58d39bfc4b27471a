"""Where pictures were taken, by the whole gazetteer."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaindex.media.dates import DateRules
from mediaindex.media.metadata import read_papers, settle
from mediaindex.media.places import Gazetteer
from mediaindex.types import Position
from tests.acceptance.program import gazetteer as gazetteer_made_once
from tests.media import MEDIA, needs_media


@pytest.fixture(scope="module")
def cache() -> Path:
    return gazetteer_made_once()


@pytest.fixture(scope="module")
def gazetteer(cache: Path) -> Gazetteer:
    return Gazetteer.open(cache)


@pytest.mark.parametrize(
    ("latitude", "longitude", "name", "country"),
    [
        (38.72, -9.14, "Lisbon", "Portugal"),
        (38.80, -9.38, "Sintra", "Portugal"),
        (52.40, 13.06, "Potsdam", "Germany"),
        (40.73, -73.99, "New York City", "United States"),
        (40.7357, -74.1724, "Newark", "United States"),  # beside a city thirty times as large
        (46.6056, 7.9219, "Lauterbrunnen", "Switzerland"),  # a village
        (36.1069, -112.1129, "Grand Canyon", "United States"),
        (-33.87, 151.21, "Sydney", "Australia"),
        (-17.6, 177.45, "Lautoka", "Fiji"),
        (64.14, -21.94, "Reykjavík", "Iceland"),
        (-16.5, 179.99, "Labasa", "Fiji"),
    ],
)
def test_picture_belongs_to_the_place_whose_edge_is_nearest(
    gazetteer: Gazetteer, latitude: float, longitude: float, name: str, country: str
) -> None:
    found = gazetteer.nearest(Position(latitude, longitude))

    assert found is not None
    assert (found.name, found.country) == (name, country)


def test_place_across_the_date_line_is_near(gazetteer: Gazetteer) -> None:
    west, east = (gazetteer.nearest(Position(-16.8, degrees)) for degrees in (179.97, -179.97))

    assert west is not None
    assert west == east


@pytest.mark.parametrize(
    ("latitude", "longitude"), [(0.0, -30.0), (90.0, 0.0), (-90.0, 180.0), (-75.0, 100.0)]
)
def test_open_sea_and_ice_are_no_place(
    gazetteer: Gazetteer, latitude: float, longitude: float
) -> None:
    assert gazetteer.nearest(Position(latitude, longitude)) is None


@pytest.mark.parametrize(
    ("name", "country_code"),
    [
        ("Lisbon", "PT"),
        ("lisboa", "PT"),
        ("LISBOA", "PT"),
        ("Lissabon", "PT"),
        ("Munchen", "DE"),
        ("münchen", "DE"),
        ("  New   York ", "US"),
        ("東京", "JP"),
        ("Москва", "RU"),
    ],
)
def test_place_is_found_by_any_of_its_names(
    gazetteer: Gazetteer, name: str, country_code: str
) -> None:
    assert gazetteer.find(name)[0].country_code == country_code


def test_most_people_come_first(gazetteer: Gazetteer) -> None:
    found = gazetteer.find("springfield")

    assert len(found) > 10
    assert [place.population for place in found] == sorted(
        (place.population for place in found), reverse=True
    )


@pytest.mark.parametrize("name", ["", "  ", "\t", "Atlantis of the Deep"])
def test_what_names_no_place_finds_none(gazetteer: Gazetteer, name: str) -> None:
    assert gazetteer.find(name) == []


def test_code_of_an_airport_is_no_name(gazetteer: Gazetteer) -> None:
    assert "PT" not in {place.country_code for place in gazetteer.find("LIS")}


def test_region_and_zone_are_known(gazetteer: Gazetteer) -> None:
    denver = gazetteer.find("Denver")[0]

    assert (denver.region, denver.time_zone) == ("Colorado", "America/Denver")
    assert gazetteer.find("Lisbon")[0].region is None


def test_cache_is_made_once(cache: Path, gazetteer: Gazetteer) -> None:
    (folder,) = cache.iterdir()
    made = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}

    again = Gazetteer.open(cache)

    assert again.find("Lisbon") == gazetteer.find("Lisbon")
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == made
    again.close()


def test_damaged_cache_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mediaindex.media.places.SMALLEST_PLACE", 15000)  # quicker to make
    Gazetteer.open(tmp_path).close()
    (folder,) = tmp_path.iterdir()
    (folder / "names.npy").write_bytes(b"")
    (folder / "places.jsonl").unlink()

    gazetteer = Gazetteer.open(tmp_path)

    assert gazetteer.find("Lisbon")[0].country_code == "PT"
    assert list(tmp_path.iterdir()) == [folder]
    gazetteer.close()


@needs_media
@pytest.mark.parametrize(
    ("name", "utc"),
    [
        ("dates__datetimeoriginal-gps.jpg", datetime(2025, 12, 1, 18, 30, tzinfo=UTC)),
        ("exif-samples__jpg__gps__DSCN0010.jpg", datetime(2008, 10, 22, 14, 28, 39, tzinfo=UTC)),
    ],
)
def test_clock_without_a_zone_is_that_of_the_place(
    gazetteer: Gazetteer, name: str, utc: datetime
) -> None:
    papers = read_papers(MEDIA / "metadata" / name, [])
    assert papers.position is not None
    place = gazetteer.nearest(papers.position)
    assert place is not None

    taken = settle(papers, DateRules(zone="Asia/Tokyo"), lambda _: place.time_zone, utc).taken

    assert taken is not None
    assert taken.utc.replace(microsecond=0) == utc
    assert taken.offset_min is not None
