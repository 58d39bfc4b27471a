"""Facets say what SQL says, and follow what SQLite knows."""

from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text
from sqlalchemy.orm import Session

from mediaindex.pipeline.sync import Sync
from mediaindex.search import narrow
from mediaindex.store.assets import moments_by_asset
from mediaindex.store.database import Database
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.store.facets import all_facets
from mediaindex.store.filters import Circle, Dates, Filter, conditions
from mediaindex.store.tables import AssetRow, MomentRow, PlaceRow
from mediaindex.types import FACETS
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from tests.conftest import NOW

DAY = datetime(2019, 7, 31, 23, 59, 59, 999_999)
MIDNIGHT = datetime(2019, 8, 1)

PLACES = (2267057, 2950159)

ASSETS = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["photo", "video"]),
            "missing_since": st.sampled_from([None, None, NOW]),
            "taken_local": st.sampled_from(
                [None, DAY, MIDNIGHT, datetime(1905, 1, 1), datetime(9999, 12, 31)]
            ),
            "latitude": st.sampled_from([None, 0.0, 38.72, -17.0, 89.99]),
            "longitude": st.sampled_from([None, 0.0, -9.14, 179.9, -179.9]),
            "place_id": st.sampled_from([None, *PLACES]),
            "rating": st.sampled_from([None, -1, 0, 3, 5]),
            "withheld": st.sampled_from([None, None, "archived", "trashed", "hidden", "locked"]),
        }
    ),
    max_size=12,
)
INSTANTS = st.sampled_from([None, DAY, MIDNIGHT, MIDNIGHT + timedelta(days=1)])
FILTERS = st.builds(
    Filter,
    kinds=st.sampled_from([(), ("photo",), ("video", "photo")]),
    dates=st.lists(st.builds(Dates, INSTANTS, INSTANTS), max_size=2).map(tuple),
    months=st.sampled_from([(), (7,), (1, 8, 12)]),
    near=st.lists(
        st.builds(
            Circle,
            st.sampled_from([0.0, 38.7, -17.0, 90.0]),
            st.sampled_from([0.0, -9.1, 180.0, -180.0]),
            st.sampled_from([0.001, 30.0, 20_000.0]),
        ),
        max_size=2,
    ).map(tuple),
    places=st.sampled_from([(), PLACES[:1], PLACES]),
    rating=st.sampled_from([None, -1, 0, 4]),
    besides=st.sampled_from([(), (1, 3, 99)]),
)


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(assets=ASSETS, wanted=FILTERS)
def test_facets_pass_what_sql_passes(
    session: Session, assets: list[dict[str, Any]], wanted: Filter
) -> None:
    session.execute(delete(AssetRow))
    for place_id in PLACES:
        session.merge(_place(place_id))
    session.flush()
    for number, asset in enumerate(assets, start=1):
        fixed = {"sha256": str(number), "format": "jpeg", "size_bytes": 1, "added_at": NOW}
        session.execute(insert(AssetRow).values(id=number, **fixed, **asset))

    records = np.zeros(len(assets) + 1, dtype=FACETS)
    for ids, some in all_facets(session):
        records[ids] = some
    found = np.flatnonzero(narrow.passing_assets(records, wanted))

    query = select(AssetRow.id).where(*conditions(wanted)).order_by(AssetRow.id)
    assert found.tolist() == list(session.scalars(query))


def test_what_has_no_facet_is_asked_of_sqlite() -> None:
    """A field that neither compares would let everything pass."""
    by_facets = {"kinds", "dates", "months", "near", "places", "rating", "besides"}
    as_text = {"said", "said_here", "unsaid"}
    rest = {field.name for field in fields(Filter)} - by_facets - as_text
    asked: dict[str, Any] = {name: True if name == "is_favourite" else ("x",) for name in rest}

    assert narrow.of_names(Filter(**asked)) == Filter(**asked)


def _place(place_id: int) -> PlaceRow:
    words = {"name": "n", "country": "c", "country_code": "CC", "time_zone": "UTC"}
    return PlaceRow(id=place_id, latitude=0, longitude=0, population=1, other_names="", **words)


@pytest.fixture
def sync(database: Database, tmp_path: Path) -> Sync:
    """Three photos of five stars, with a vector each, of which nobody was told."""
    with database.write() as session:
        for number in (1, 2, 3):
            made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
            session.add(AssetRow(id=number, sha256=str(number), rating=5, **made))
            session.flush()
            session.add(MomentRow(asset_id=number, start_ms=0, end_ms=0, at_ms=0))
        session.flush()
        space = open_space(session, "model", "picture", 4)
        ids = [rows[0][0] for rows in moments_by_asset(session, [1, 2, 3]).values()]
        replace_embeddings(session, space, ids, ids, np.eye(4, dtype=np.float32)[:3])
    return Sync(database, [ExactIndex(tmp_path / "exact")], Facets(tmp_path / "facets"))


def five_stars(tmp_path: Path) -> list[int]:
    known = Facets(tmp_path / "facets").read()
    assert known is not None
    keys = narrow.keys_of(known, narrow.passing_assets(known.assets, Filter(rating=5)))
    return [int(key) for key in keys]


def test_facets_are_made_where_there_are_none(sync: Sync, tmp_path: Path) -> None:
    assert Facets(tmp_path / "facets").read() is None

    sync.repair()

    assert five_stars(tmp_path) == [1, 2, 3]


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ("UPDATE asset SET rating = 3 WHERE id = 2", [1, 3]),
        ("UPDATE asset SET missing_since = '2026-01-01 00:00:00' WHERE id = 1", [2, 3]),
        ("UPDATE asset SET companion_of_id = 1 WHERE id = 3", [1, 2]),
        ("UPDATE asset SET withheld = 'locked' WHERE id = 3", [1, 2]),
        ("DELETE FROM asset WHERE id = 2", [1, 3]),
        ("DELETE FROM embedding WHERE id = 1", [2, 3]),
    ],
)
def test_facets_follow_what_changes(
    database: Database, sync: Sync, tmp_path: Path, change: str, left: list[int]
) -> None:
    sync.repair()
    with database.write() as session:
        session.execute(text(change))

    while sync.step():
        pass

    assert five_stars(tmp_path) == left


def test_vector_of_an_asset_that_is_not_known_yet_does_not_pass(sync: Sync, tmp_path: Path) -> None:
    sync.repair()
    facets = Facets(tmp_path / "facets")
    facets.own(np.array([9]), np.array([777]))

    assert five_stars(tmp_path) == [1, 2, 3]


@pytest.mark.parametrize("name", ["assets.facets", "owners.i64"])
@pytest.mark.parametrize("size", [0, 17])
def test_damaged_facets_are_made_again(sync: Sync, tmp_path: Path, name: str, size: int) -> None:
    sync.repair()
    file = tmp_path / "facets" / name
    file.write_bytes(file.read_bytes()[:size])

    sync.repair()

    assert five_stars(tmp_path) == [1, 2, 3]


def test_facets_that_cannot_be_written_are_trouble_and_no_end(sync: Sync, tmp_path: Path) -> None:
    (tmp_path / "facets").write_text("in the way")
    (tmp_path / "facets.new").write_text("in the way")

    sync.repair()

    assert sync.trouble is not None
    assert str(tmp_path / "facets") in sync.trouble


def test_half_made_facets_of_a_killed_run_are_cleared_away(sync: Sync, tmp_path: Path) -> None:
    (tmp_path / "facets.new").mkdir()
    (tmp_path / "facets.new" / "assets.facets").write_bytes(b"half")

    sync.repair()

    assert five_stars(tmp_path) == [1, 2, 3]
    assert not (tmp_path / "facets.new").exists()
