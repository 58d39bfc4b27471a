"""What is withheld is found by nobody, whatever the indexes and the facets still say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaindex.config import SearchSettings
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.pipeline.sync import Sync
from mediaindex.search import retrieve
from mediaindex.search.check import check
from mediaindex.search.engine import Engine
from mediaindex.search.hits import Answer
from mediaindex.search.parse import parse
from mediaindex.store import moments
from mediaindex.store.assets import known_places, moments_by_asset
from mediaindex.store.captions import save_caption
from mediaindex.store.database import Database
from mediaindex.store.documents import refresh_document
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.store.filters import Filter
from mediaindex.store.tables import AssetRow, PlaceRow, WordsRow
from mediaindex.store.withheld import withhold
from mediaindex.types import Caption
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes
from tests.conftest import NOW, ORIGIN, insert_asset, plain

COLOUR = ColourEmbedder()
REASONS = ["archived", "trashed", "hidden", "locked"]
QUESTIONS = [
    "red",
    "party",
    '"red party"',
    "red -boat",
    "kind:photo",
    "after:2019",
    "person:anna",
    "person:anna party",
    "album:summer",
    "tag:travel",
    "is:favourite",
    "is:favourite red",
    "in:Trips",
    "camera:canon",
    "rating:3 red",
]


class Album:
    """Two red photos of a party, alike in all; the indexes and the facets were told of both."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.indexes = Indexes(ExactIndex(folder / "e"), Facets(folder / "f"), None, 0)
        self.seen, self.other = self._add("seen"), self._add("other")
        Sync(database, [self.indexes.exact], self.indexes.facets).repair()

    def _add(self, name: str) -> int:
        with self.database.write() as session:
            asset_id = insert_asset(
                session,
                f"Trips/{name}.jpg",
                is_favourite=True,
                rating=4,
                camera_make="Canon",
                taken_local=datetime(2020, 1, 1),
                taken_at=datetime(2020, 1, 1, tzinfo=UTC),
            )
            named = [("person", "Anna Müller"), ("album", "Summer 2020"), ("keyword", "travel/sea")]
            for kind, text in [*named, ("description", "red party")]:
                session.add(WordsRow(asset_id=asset_id, kind=kind, text=text, source="immich"))
            session.flush()
            refresh_document(session, asset_id)
            ids = [moment for moment, _ in moments_by_asset(session, [asset_id])[asset_id]]
            space = open_space(session, COLOUR.model_id, "picture", COLOUR.dim)
            vectors = COLOUR.embed_images([plain(200, 30, 30)])
            replace_embeddings(session, space, ids, ids, vectors)
            save_caption(session, asset_id, ids[0], "1", Caption("A red party."), ORIGIN, NOW)
        return asset_id

    def withhold(self, reason: str | None) -> None:
        """Withhold the other photo, and tell nobody."""
        with self.database.write() as session:
            withhold(session, {self.other: reason})

    def ask(self, words: str, each: retrieve.Each = "asset") -> Answer:
        engine = Engine(self.database, self.indexes, COLOUR, SearchSettings())
        return engine.answer(parse(words, NOW.date(), ()), None, 20, each)

    def found(self, words: str, each: retrieve.Each = "asset") -> list[int]:
        return sorted(hit.shown.asset_id for hit in self.ask(words, each).hits)


@pytest.fixture
def album(database: Database, tmp_path: Path) -> Album:
    return Album(database, tmp_path)


def test_all_is_found_that_nobody_withholds(album: Album) -> None:
    both = [album.seen, album.other]

    assert [words for words in QUESTIONS if album.found(words) != both] == []


@pytest.mark.parametrize("reason", REASONS)
@pytest.mark.parametrize("each", ["asset", "moment"])
def test_what_was_withheld_a_moment_ago_is_found_by_no_question(
    album: Album, reason: str, each: retrieve.Each
) -> None:
    album.withhold(reason)

    assert [words for words in QUESTIONS if album.found(words, each) != [album.seen]] == []


@pytest.mark.parametrize("reason", REASONS)
def test_picture_finds_no_likes_that_are_withheld(album: Album, reason: str) -> None:
    album.withhold(reason)
    like = COLOUR.embed_images([plain(200, 30, 30)])[0]

    engine = Engine(album.database, album.indexes, COLOUR, SearchSettings())
    answer = engine.answer(parse("", NOW.date(), ()), like, 20)

    assert [hit.shown.asset_id for hit in answer.hits] == [album.seen]


@pytest.mark.parametrize("reason", ["archived", "trashed"])
def test_who_asks_for_them_finds_them_and_no_others(album: Album, reason: str) -> None:
    album.withhold(reason)
    other = {"archived": "trashed", "trashed": "archived"}[reason]

    for words in ("", "red", "party", "person:anna", "is:favourite"):
        assert album.found(f"{words} is:{reason}") == [album.other]
        assert album.found(f"{words} is:{other}") == []
        assert album.found(f"{words} is:archived is:trashed") == [album.other]


@pytest.mark.parametrize("reason", ["hidden", "locked"])
def test_no_operator_finds_what_is_locked_or_hidden(album: Album, reason: str) -> None:
    album.withhold(reason)
    asked = [f"{words} is:archived is:trashed" for words in QUESTIONS]

    assert [words for words in asked if album.found(words)] == []


def test_what_is_unlocked_is_found_again(album: Album) -> None:
    album.withhold("locked")
    album.withhold(None)

    assert album.found("red") == [album.seen, album.other]


@pytest.mark.parametrize("asked", [Filter(withheld=("locked",)), Filter(withheld=("hidden",))])
def test_filter_that_no_operator_makes_shows_nothing_either(album: Album, asked: Filter) -> None:
    for reason in ("locked", "hidden"):
        album.withhold(reason)
        with album.database.read() as session:
            assert moments.newest(session, asked, 10) == []
            assert moments.assets_passing(session, asked) == []


def test_last_read_of_a_hit_looks_once_more(album: Album) -> None:
    """Whoever brings its moment, from wherever that was remembered."""
    with album.database.read() as session:
        moment_id = moments_by_asset(session, [album.other])[album.other][0][0]
    shows: dict[str, list[bool]] = {}
    for reason in REASONS:
        album.withhold(reason)
        with album.database.read() as session:
            shows[reason] = [
                moment_id in moments.show(session, [moment_id], wanted)
                for wanted in (Filter(), Filter(withheld=("archived", "trashed", "locked")), None)
            ]

    assert shows == {
        "archived": [False, True, True],
        "trashed": [False, True, True],
        "hidden": [False, False, True],
        "locked": [False, False, False],
    }


def test_video_of_a_live_photo_is_locked_with_its_photo(album: Album) -> None:
    with album.database.write() as session:
        video = insert_asset(session, "l.mov", kind="video", companion_of_id=album.other)
        moment_id = moments_by_asset(session, [video])[video][0][0]
        assert moment_id in moments.show(session, [moment_id], None)
        withhold(session, {album.other: "locked"})
        assert moments.show(session, [moment_id], None) == {}


def test_names_and_places_of_what_is_locked_are_not_known(album: Album) -> None:
    with album.database.write() as session:
        place = {"country": "c", "country_code": "CC", "time_zone": "UTC", "other_names": ""}
        session.add(PlaceRow(id=7, name="Suva", latitude=0, longitude=0, population=1, **place))
        session.flush()
        session.get_one(AssetRow, album.other).place_id = 7
        session.add(
            WordsRow(asset_id=album.other, kind="person", text="Eve Stone", source="immich")
        )
    wanted = Filter(people=("eve",)), Filter(people=("eva stone",))
    with album.database.read() as session:
        assert [place.name for place in known_places(session)] == ["Suva"]
        assert check(session, wanted[0]) == []
        assert check(session, wanted[1]) == [
            "person:eva stone: nobody of that name; did you mean Eve Stone?"
        ]

    album.withhold("locked")

    with album.database.read() as session:
        assert known_places(session) == []
        assert check(session, wanted[0]) == ["person:eve: nobody of that name"]
        assert check(session, wanted[1]) == ["person:eva stone: nobody of that name"]
