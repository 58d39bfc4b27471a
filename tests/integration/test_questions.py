"""What a question finds and says, without a model: filters, exclusions, copies, slips."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaindex.config import SearchSettings
from mediaindex.errors import QueryError
from mediaindex.search.check import check
from mediaindex.search.engine import Engine
from mediaindex.search.hits import Answer
from mediaindex.search.parse import parse
from mediaindex.store.database import Database
from mediaindex.store.documents import refresh_document
from mediaindex.store.filters import Dates, Filter
from mediaindex.store.tables import FileRow, FolderRow
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes
from tests.conftest import NOW, insert_asset

Ask = Callable[..., Answer]


@pytest.fixture
def ask(database: Database, tmp_path: Path) -> Ask:
    def answer(words: str, limit: int = 20, **operators: str) -> Answer:
        indexes = Indexes(ExactIndex(tmp_path / "e"), Facets(tmp_path / "f"), None, 0)
        query = parse(words, NOW.date(), (), operators=tuple(operators.items()))
        return Engine(database, indexes, None, SearchSettings()).answer(query, None, limit)

    return answer


def paths(answer: Answer) -> list[str]:
    return [hit.shown.paths[0] for hit in answer.hits]


@pytest.fixture
def many_people(database: Database) -> None:
    """Three old pictures without people, and more with them than any ranking looks at."""
    with database.write() as session:
        for number in range(260):
            name = f"sea {number}.jpg" if number < 3 else f"people at sea {number}.jpg"
            taken = datetime(2001 if number < 3 else 2020, 1, 1, tzinfo=UTC)
            asset_id = insert_asset(session, name, taken_at=taken)
            refresh_document(session, asset_id)


@pytest.mark.usefixtures("many_people")
@pytest.mark.parametrize("words", ["kind:photo -people", "sea -people"])
def test_exclusion_acts_before_the_cut_off(ask: Ask, words: str) -> None:
    assert sorted(paths(ask(words, 3))) == [f"/photos/sea {number}.jpg" for number in range(3)]


@pytest.mark.parametrize("name", ["École/Été", "e\u0301cole/e\u0301te\u0301", "ÉCOLE/ÉTÉ"])
@pytest.mark.parametrize("wanted", ["école", "Été", "ÉCOLE/E\u0301te\u0301", "ét*"])
def test_folder_is_found_however_it_is_written(
    database: Database, ask: Ask, name: str, wanted: str
) -> None:
    with database.write() as session:
        insert_asset(session, f"{name}/a.jpg")

    assert len(ask("", **{"in": wanted}).hits) == 1


def test_copy_that_passes_is_shown_first(database: Database, ask: Ask) -> None:
    with database.write() as session:
        asset_id = insert_asset(session, "Inbox/a.jpg")
        trip = FolderRow(library_id=1, path="Trip", seen_sweep=0)
        session.add(trip)
        session.flush()
        same = {"size_bytes": 1, "mtime_ns": 1, "role": "media", "found_at": NOW}
        session.add(FileRow(folder_id=trip.id, name="b.jpg", asset_id=asset_id, **same))

    assert paths(ask("in:Trip")) == ["/photos/Trip/b.jpg"]
    assert paths(ask("kind:photo")) == ["/photos/Inbox/a.jpg"]


def test_stray_quote_in_the_words_leaves_the_flags_alone(database: Database, ask: Ask) -> None:
    with database.write() as session:
        refresh_document(session, insert_asset(session, "Foo Bar/foo.jpg"))
        refresh_document(session, insert_asset(session, "else/foo.jpg"))

    assert paths(ask('"foo', **{"in": "Foo Bar"})) == ["/photos/Foo Bar/foo.jpg"]


def test_words_that_nothing_says_leave_what_passes_the_filter(database: Database, ask: Ask) -> None:
    with database.write() as session:
        insert_asset(session, "Trip/a.jpg")

    answer = ask("a dog", **{"in": "Trip"})

    assert paths(answer) == ["/photos/Trip/a.jpg"]
    assert answer.no_good_match
    assert "nothing says 'a dog'" in answer.notes[-1]
    assert ask("a dog").hits == ()


def test_slips_are_told(database: Database) -> None:
    with database.write() as session:
        insert_asset(session, "Trip/a.jpg")
    years = Dates(start=datetime(2020, 1, 1)), Dates(end=datetime(2019, 1, 1))

    with database.read() as session:
        assert check(session, Filter(folders=("trip",), libraries=("PHOTOS",))) == []
        assert check(session, Filter(folders=("nowhere",))) == [
            "in:nowhere: no folder of that name"
        ]
        assert "2020-01-01 on and before 2019-01-01" in check(session, Filter(dates=years))[0]
        with pytest.raises(QueryError, match=r"no such library; known: photos"):
            check(session, Filter(libraries=("nope",)))
