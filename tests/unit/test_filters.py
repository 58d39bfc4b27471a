from datetime import datetime

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from mediaindex.search.check import check
from mediaindex.store import named
from mediaindex.store.documents import refresh_document
from mediaindex.store.filters import Circle, Dates, Filter, conditions
from mediaindex.store.names import looked_up
from mediaindex.store.tables import AssetRow, FileRow, WordsRow
from mediaindex.store.withheld import count_withheld, withhold
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


def name(session: Session, asset_id: int, **names: str) -> None:
    for kind, said in names.items():
        session.add(WordsRow(asset_id=asset_id, kind=kind, text=said, source="immich"))
    session.flush()


@pytest.mark.parametrize("common", [0, 5_000])
@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ("anna", True),
        ("ANNA MÜLLER", True),
        ("muller", True),
        ("Mu\u0308ller", True),
        ("anna  müller", True),
        ("ann", False),
        ("nna", False),
        ("ann*", True),
        ("a*r", True),
        ("*", True),
        ("müller anna", False),
        ("anna%", False),
        ("a.na", False),
    ],
)
def test_person_is_a_name_or_whole_words_of_it(
    session: Session,
    add_asset: AddAsset,
    monkeypatch: pytest.MonkeyPatch,
    asked: str,
    passes: bool,
    common: int,
) -> None:
    monkeypatch.setattr(named, "COMMON", common)
    asset_id = add_asset()
    name(session, asset_id, person="Anna Müller", description="ann nna müller anna a.na anna%")
    wanted = Filter(people=(asked,))

    assert passing(session, wanted) == ([asset_id] if passes else [])
    assert passing(session, looked_up(session, wanted)) == ([asset_id] if passes else [])


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ("travel", True),
        ("lisbon", True),
        ("travel/lisbon", True),
        ("alfama", True),
        ("c++", True),
        ("trav", False),
        ("travel/porto", False),
        ("time", False),
    ],
)
def test_tag_is_one_or_a_part_of_its_path(
    session: Session, add_asset: AddAsset, asked: str, passes: bool
) -> None:
    asset_id = add_asset()
    name(session, asset_id, keyword="travel/Lisbon/Alfama", person="time")
    name(session, asset_id, keyword="C++")

    assert passing(session, Filter(tags=(asked,))) == ([asset_id] if passes else [])


@pytest.mark.parametrize("common", [0, 5_000])
def test_of_several_people_tags_and_albums_all_must_be_there(
    session: Session, add_asset: AddAsset, monkeypatch: pytest.MonkeyPatch, common: int
) -> None:
    monkeypatch.setattr(named, "COMMON", common)
    both, one = add_asset("a.jpg"), add_asset("b.jpg")
    name(session, both, person="Anna", album="Summer")
    name(session, both, person="Ben", album="Best of 2020")
    name(session, one, person="Anna", album="Summer")
    filters = {
        Filter(people=("anna", "ben")): [both],
        Filter(people=("anna",), albums=("summer",)): [both, one],
        Filter(albums=("summer", "best of")): [both],
        Filter(people=("anna", "zoe")): [],
        Filter(people=("summer",)): [],
    }

    for wanted, expected in filters.items():
        assert passing(session, wanted) == expected
        found = looked_up(session, wanted)
        assert passing(session, found) == expected
        listed = select(AssetRow.id).where(*conditions(found, listing=True))
        assert sorted(session.scalars(listed)) == expected


def test_name_that_nobody_has_is_told_with_those_like_it(
    session: Session, add_asset: AddAsset
) -> None:
    name(session, add_asset(), person="Anna Müller", keyword="travel/lisbon", album="Summer 2020")

    assert check(session, Filter(people=("ana",))) == [
        "person:ana: nobody of that name; did you mean Anna Müller?"
    ]
    assert check(session, Filter(tags=("travle",), albums=("xyz",))) == [
        "album:xyz: no album of that name",
        "tag:travle: no tag of that name; did you mean travel/lisbon?",
    ]
    assert check(session, Filter(people=("anna",), tags=("lisbon",))) == []


def test_favourites_are_those_that_somebody_marked(session: Session, add_asset: AddAsset) -> None:
    marked = add_asset("a.jpg", is_favourite=True)
    add_asset("b.jpg")
    add_asset("c.jpg", is_favourite=True, withheld="locked")

    assert passing(session, Filter(is_favourite=True)) == [marked]


def test_withholding_writes_only_what_changes(session: Session, add_asset: AddAsset) -> None:
    first, second, third = add_asset("a.jpg"), add_asset("b.jpg"), add_asset("c.jpg")
    withhold(session, {first: "locked", second: "archived"})
    changes = text("SELECT count(*) FROM asset_change")
    before = session.scalar(changes) or 0

    withhold(session, {first: "locked", second: None, third: None, 999: "locked"})

    assert (session.scalar(changes) or 0) - before == 1
    assert passing(session, Filter()) == [second, third]
    assert count_withheld(session) == {"locked": 1}


@pytest.mark.parametrize("missing", [False, True])
def test_missing_files_that_are_locked_are_not_listed_either(
    session: Session, add_asset: AddAsset, missing: bool
) -> None:
    add_asset("a.jpg", withheld="locked")
    archived = add_asset("b.jpg", withheld="archived")

    def listed(wanted: Filter) -> list[int]:
        found = conditions(wanted, listing=True, missing=missing)
        return list(session.scalars(select(AssetRow.id).where(*found)))

    assert listed(Filter()) == []
    assert listed(Filter(withheld=("archived", "locked"))) == [archived]
