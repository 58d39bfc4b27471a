"""A warm asker: many questions from many threads, models that come and change, a busy store."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import delete

from mediaindex.asking import LOOK_AGAIN_S, SEEN_AGAIN_S, Asker
from mediaindex.config import Config, load_config
from mediaindex.embedders import Embedder
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.errors import QueryError, RetryLater
from mediaindex.parts import Embedders
from mediaindex.pipeline.serving import Serving
from mediaindex.pipeline.sync import Sync
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.store import settings
from mediaindex.store.assets import moments_by_asset, save_metadata
from mediaindex.store.database import Database
from mediaindex.store.embeddings import open_space, replace_embeddings
from mediaindex.store.tables import AssetRow
from mediaindex.types import Metadata, Place, Position, Vectors
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes
from tests.conftest import insert_asset, plain

TODAY = date(2026, 11, 21)
COLOURS = {"red": (200, 30, 30), "green": (50, 150, 50), "blue": (40, 80, 200)}
OLD = Serving("colour", "old", "colour/3")
NEW = Serving("colour", "new", "colour/new")


class Counting(ColourEmbedder):
    """Knows how often it read anything."""

    def __init__(self, model_id: str = "colour/3") -> None:
        self.model_id = model_id
        self.read: list[str] = []
        self.may_read = threading.Event()
        self.may_read.set()

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        assert self.may_read.wait(10)
        return super().embed_texts(texts)


class Clock:
    """Goes on when it is told to."""

    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Library:
    """A picture of each colour, by one model or two, and an asker."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.config: Config = load_config(
            None,
            {
                "MEDIAINDEX_STATE_DIR": str(database.path.parent),
                "MEDIAINDEX_CACHE_DIR": str(folder / "cache"),
            },
        )
        self.indexes = Indexes(ExactIndex(folder / "e"), Facets(folder / "f"), None, 0)
        self.sync = Sync(database, self.indexes.all(), self.indexes.facets)
        self.models: dict[Serving, Embedder | RetryLater] = {OLD: Counting(), NEW: Counting()}
        self.looked_for: list[Serving] = []
        self.clock = Clock()
        for name, colour in COLOURS.items():
            self.add(f"{name}.jpg", colour)
        self.serve(OLD)
        self.asker = Asker(self.config, database, self.indexes, self._find, self.clock)

    def add(self, name: str, colour: tuple[int, int, int], model_id: str = OLD.model_id) -> int:
        """Take a picture in and tell the indexes; again, with another model's vector."""
        with self.database.write() as session:
            asset_id = insert_asset(session, name)
            save_metadata(session, asset_id, Metadata(), None)
            moments = [moment for moment, _ in moments_by_asset(session, [asset_id])[asset_id]]
            space = open_space(session, model_id, "picture", ColourEmbedder.dim)
            vectors = ColourEmbedder().embed_images([plain(*colour)])
            replace_embeddings(session, space, moments, moments, vectors)
        self.catch_up()
        return asset_id

    def catch_up(self) -> None:
        while self.sync.step():
            pass

    def serve(self, model: Serving) -> None:
        with self.database.write() as session:
            settings.remember(session, "serving", vars(model))

    def names(self, words: str) -> list[str]:
        return names(self.ask(words))

    def ask(self, words: str) -> Answer:
        return self.asker.ask(Asked(words), TODAY)

    def _find(self, model: Serving) -> Embedder:
        self.looked_for.append(model)
        found = self.models[model]
        if isinstance(found, RetryLater):
            raise found
        return found


def names(answer: Answer) -> list[str]:
    return [Path(hit.shown.paths[0]).name for hit in answer.hits]


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Iterator[Library]:
    made = Library(database, tmp_path)
    yield made
    made.asker.close()
    made.indexes.close()


def test_same_words_are_read_once_however_many_ask_at_a_time(library: Library) -> None:
    model = library.models[OLD]
    assert isinstance(model, Counting)
    model.may_read.clear()
    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(library.names, "red") for _ in range(6)]
        model.may_read.set()
        found = [each.result(20) for each in asking]

    assert all(first[0] == "red.jpg" for first in found)
    assert model.read == ["red"]
    assert library.looked_for == [OLD]


def test_model_that_takes_over_answers_the_next_question(library: Library) -> None:
    library.models[NEW] = Counting(NEW.model_id)
    library.add("new.jpg", COLOURS["blue"], NEW.model_id)
    assert library.ask("red").model_id == OLD.model_id

    library.serve(NEW)

    assert library.ask("red").model_id == NEW.model_id
    assert "new.jpg" in library.names("blue")
    assert library.looked_for == [OLD, NEW]


def test_model_that_arrives_later_is_found_without_a_restart(library: Library) -> None:
    there = library.models[OLD]
    library.models[OLD] = RetryLater("run: mediaindex model download")
    first = library.ask("red")
    assert first.model_id is None
    assert "run: mediaindex model download" in first.notes[0]

    library.models[OLD] = there
    assert library.ask("red").model_id is None, "it was looked for a moment ago"
    library.clock.now_s += LOOK_AGAIN_S

    assert library.ask("red").model_id == OLD.model_id
    assert library.looked_for == [OLD, OLD]


def test_warm_asker_has_the_model_at_hand(library: Library) -> None:
    library.asker.warm()

    assert library.looked_for == [OLD]
    assert library.names("red")[0] == "red.jpg"


def test_warming_up_without_a_model_or_a_library_is_no_error(
    database: Database, library: Library
) -> None:
    with database.write() as session:
        settings.remember(session, "serving", None)

    library.asker.warm()

    assert "no picture has been looked at yet" in library.ask("red").notes[0]


def test_place_that_was_pictured_since_is_known_soon(library: Library) -> None:
    assert library.ask("red in lisbon").notes == ()
    lisbon = Place(1, "Lisbon", None, "Portugal", "PT", 38.7, -9.1, 500_000, "Europe/Lisbon")
    with library.database.write() as session:
        asset_id = insert_asset(session, "lisbon.jpg")
        here = Metadata(position=Position(38.7, -9.1))
        save_metadata(session, asset_id, here, lisbon)
    library.clock.now_s += SEEN_AGAIN_S

    assert "Lisbon, Portugal" in library.ask("red in lisbon").notes[0]


def test_questions_do_not_wait_for_a_writer(library: Library) -> None:
    library.names("red")
    with closing(sqlite3.connect(library.database.path, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE asset SET rating = 5")

        found = library.names("green")

        writer.execute("ROLLBACK")
    assert found[0] == "green.jpg"


def test_questions_go_on_while_the_file_is_vacuumed(library: Library) -> None:
    stop = threading.Event()

    def vacuum() -> None:
        with closing(sqlite3.connect(library.database.path, isolation_level=None)) as care:
            care.execute("PRAGMA busy_timeout = 10000")
            while not stop.is_set():
                care.execute("VACUUM")
                care.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    with ThreadPoolExecutor(5) as pool:
        caring = pool.submit(vacuum)
        found = list(pool.map(lambda _: library.names("blue")[0], range(60)))
        stop.set()
        caring.result(20)

    assert set(found) == {"blue.jpg"}


def test_what_cannot_be_understood_is_told_as_ever(library: Library) -> None:
    with pytest.raises(QueryError):
        library.ask("")


def test_index_that_is_deleted_under_way_is_noticed_and_made_again(library: Library) -> None:
    library.names("red")
    shutil.rmtree(library.indexes.exact._folder)  # type: ignore[attr-defined]

    library.add("late.jpg", COLOURS["red"])
    assert "late.jpg" in library.names("red"), "what came since is found"
    by_words = library.ask("blue").hits[0]
    assert [reason.by for reason in by_words.why] == ["words"], "the rest by their words alone"
    assert not library.indexes.are_whole()
    library.sync.repair()

    assert library.indexes.are_whole()
    assert set(library.names("red")[:2]) == {"red.jpg", "late.jpg"}


def test_sixteen_ask_while_the_index_is_written_dropped_deleted_and_made_again(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediaindex.vectors.exact.WASTE_ROWS", 4)
    done = threading.Event()

    def ask(words: str) -> list[Answer]:
        found = []
        while not done.is_set():
            found.append(library.ask(words))
        return found

    def write() -> None:
        try:
            for turn in range(5):
                added = [library.add(f"{turn} {at}.jpg", COLOURS["green"]) for at in range(4)]
                with library.database.write() as session:
                    session.execute(delete(AssetRow).where(AssetRow.id.in_(added[1:])))
                library.catch_up()
                if turn % 4 == 1:
                    shutil.rmtree(tmp_path / "e")
                if turn % 4 == 3:
                    shutil.rmtree(tmp_path / "f")
                if not library.indexes.are_whole():
                    library.sync.repair()
        finally:
            done.set()

    words = ["red", "green", "blue after:2000", "red kind:photo"] * 4
    with ThreadPoolExecutor(17) as pool:
        asking = [pool.submit(ask, each) for each in words]
        pool.submit(write).result(60)
        answers = {each: call.result(60) for each, call in zip(words, asking, strict=True)}

    assert library.sync.trouble is None
    assert all(found for found in answers.values())
    assert library.names("red")[0] == "red.jpg"
    # While the index is away, only words find anything.
    best = [hit for answer in answers["red kind:photo"] for hit in answer.hits[:1]]
    reasons = [reason for hit in best for reason in hit.why if reason.by == "picture"]
    assert all(reason.similarity is None or reason.similarity < 1.001 for reason in reasons)
    assert {Path(hit.shown.paths[0]).name for hit in best} == {"red.jpg"}
    assert len(library.names("green")) == 3 + 5


def test_weights_are_in_memory_once_however_many_use_them(library: Library) -> None:
    shared = Embedders()
    first = shared.find(library.config, "colour", "one")

    assert shared.find(library.config, "colour", "one") is first
    assert shared.find(library.config, "colour", "other") is not first
