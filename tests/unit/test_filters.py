from datetime import datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mediaindex.store.documents import refresh_document
from mediaindex.store.filters import Circle, Dates, Filter, conditions
from mediaindex.store.tables import AssetRow, FileRow
from tests.conftest import NOW, AddAsset

LISBON = {"latitude": 38.72, "longitude": -9.14}
FIJI_WEST = {"latitude": -17.0, "longitude": 179.9}
FIJI_EAST = {"latitude": -17.0, "longitude": -179.9}


def passing(session: Session, wanted: Filter) -> list[int]:
    return list(session.scalars(select(AssetRow.id).where(*conditions(wanted))))


def test_empty_filter_passes_all_that_is_there(session: Session, add_asset: AddAsset) -> None:
    there = add_asset("a.jpg")
    add_asset("gone.jpg", missing_since=NOW)
    add_asset("live.mov", kind="video", companion_of_id=there)

    assert Filter().is_empty
    assert passing(session, Filter()) == [there]


@pytest.mark.parametrize(
    ("dates", "passes"),
    [
        (Dates(datetime(2019, 7, 1), datetime(2019, 8, 1)), True),
        (Dates(start=datetime(2019, 7, 31, 23, 30)), True),
        (Dates(end=datetime(2019, 7, 31, 23, 30)), False),
        (Dates(start=datetime(2019, 8, 1)), False),
    ],
)
def test_dates_are_those_of_the_clock_where_it_was_taken(
    session: Session, add_asset: AddAsset, dates: Dates, passes: bool
) -> None:
    asset_id = add_asset(taken_local=datetime(2019, 7, 31, 23, 30))
    add_asset("undated.jpg")

    assert passing(session, Filter(dates=(dates,))) == ([asset_id] if passes else [])


def test_all_dates_must_hold(session: Session, add_asset: AddAsset) -> None:
    inside = add_asset("a.jpg", taken_local=datetime(2019, 7, 4))
    add_asset("b.jpg", taken_local=datetime(2021, 7, 4))

    both = (Dates(start=datetime(2019, 1, 1)), Dates(end=datetime(2020, 1, 1)))

    assert passing(session, Filter(dates=both)) == [inside]


def test_month_of_any_year(session: Session, add_asset: AddAsset) -> None:
    ids = [add_asset(f"{year}.jpg", taken_local=datetime(year, 7, 4)) for year in (2001, 2019)]
    add_asset("december.jpg", taken_local=datetime(2019, 12, 4))

    assert passing(session, Filter(months=(7,))) == ids


@pytest.mark.parametrize(
    ("name", "passes"),
    [
        ("lisbon", True),
        ("Trips/Lisbon", True),
        ("trips", True),
        ("trips/lisbon/", True),
        ("lis", False),
        ("lis*", True),
        ("l_sbon", False),
        ("100%", False),
    ],
)
def test_folder_is_a_whole_name_anywhere_in_the_path(
    session: Session, add_asset: AddAsset, name: str, passes: bool
) -> None:
    asset_id = add_asset("Trips/Lisbon/a.jpg")

    assert passing(session, Filter(folders=(name,))) == ([asset_id] if passes else [])


def test_folder_that_only_a_missing_file_lies_in_does_not_count(
    session: Session, add_asset: AddAsset
) -> None:
    add_asset("old/a.jpg")
    session.execute(update(FileRow).values(missing_since=NOW))

    assert passing(session, Filter(folders=("old",))) == []


@pytest.mark.parametrize("name", ["canon", "EOS", "canon eos", "50mm"])
def test_camera_is_any_part_of_make_model_and_lens(
    session: Session, add_asset: AddAsset, name: str
) -> None:
    asset_id = add_asset(camera_make="Canon", camera_model="EOS 40D", lens="EF50mm f/1.8")
    add_asset("b.jpg", camera_make="Nikon", camera_model="D70")

    assert passing(session, Filter(cameras=(name,))) == [asset_id]


def test_library_is_named_in_any_case(session: Session, add_asset: AddAsset) -> None:
    add_asset("a.jpg", library="other")
    asset_id = add_asset("b.jpg", library="Family")

    assert passing(session, Filter(libraries=("family",))) == [asset_id]


@pytest.mark.parametrize(
    ("circle", "position", "passes"),
    [
        (Circle(38.72, -9.14, 1), LISBON, True),
        (Circle(38.8, -9.38, 25), LISBON, True),  # Sintra, 23 km
        (Circle(38.8, -9.38, 20), LISBON, False),
        (Circle(-17.0, -179.9, 30), FIJI_WEST, True),  # over the date line
        (Circle(-17.0, 179.9, 30), FIJI_EAST, True),
        (Circle(0, 0, 1000), LISBON, False),
    ],
)
def test_circle_holds_what_is_near(
    session: Session,
    add_asset: AddAsset,
    circle: Circle,
    position: dict[str, object],
    passes: bool,
) -> None:
    asset_id = add_asset(**position)
    add_asset("nowhere.jpg")

    assert passing(session, Filter(near=(circle,))) == ([asset_id] if passes else [])


def test_of_several_values_one_is_enough_and_all_fields_must_hold(
    session: Session, add_asset: AddAsset
) -> None:
    wanted = add_asset("a/x.jpg", rating=5)
    add_asset("b/x.jpg", rating=1)

    assert passing(session, Filter(folders=("a", "b"), rating=4)) == [wanted]


def test_all_but_these_assets(session: Session, add_asset: AddAsset) -> None:
    left_out, left = add_asset("a.jpg"), add_asset("b.jpg")

    assert passing(session, Filter(besides=(left_out,))) == [left]


def test_what_is_said_and_what_is_not(session: Session, add_asset: AddAsset) -> None:
    dog, both, neither = add_asset("dog.jpg"), add_asset("dog cat.jpg"), add_asset("sea.jpg")
    for asset_id in (dog, both, neither):
        refresh_document(session, asset_id)

    assert passing(session, Filter(said=('"dog"',))) == [dog, both]
    assert passing(session, Filter(said=('"dog"',), unsaid=('"cat"',))) == [dog]
    assert passing(session, Filter(unsaid=('"dog"',))) == [neither]
