"""Words that people and models wrote become vectors: of which moments, how often, in what space."""

import logging
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from mediaindex.embedders import Embedder
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.media.dates import DateRules
from mediaindex.media.places import Gazetteer
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.embed_text import AT_ONCE, MAX_OF_MOMENT, EmbedText
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.probe import Facts, Probe
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.serving import Serving, serving, take_over
from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset, purge_missing, save_metadata, save_moments
from mediaindex.store.captions import save_caption
from mediaindex.store.database import Database
from mediaindex.store.embeddings import SUMMARY, spaces
from mediaindex.store.tables import EmbeddingRow, ResultRow, SpaceRow
from mediaindex.types import Caption, Metadata, PersonWords, Vectors
from tests.conftest import NOW, ORIGIN, insert_asset


class Listening(ColourEmbedder):
    """Remembers what it was given to read, in how large portions."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.portions: list[int] = []

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        self.read += texts
        self.portions.append(len(texts))
        return super().embed_texts(texts)


class Sentences(Listening):
    """Takes one sentence at a time, so that a long text has many pieces."""

    def split_text(self, text: str) -> list[str]:
        return [sentence.strip() for sentence in text.split(".") if sentence.strip()]


class OtherColours(ColourEmbedder):
    model_id = "colour/other"


def add_video(session: Session, seconds: int, name: str = "a.mp4") -> tuple[int, list[int]]:
    """Add a video with a moment each second; returns its id and theirs."""
    asset_id = insert_asset(session, name, kind="video")
    save_moments(session, asset_id, [(at, at + 1, at) for at in range(0, seconds * 1000, 1000)])
    for stage in ("frames", "embed"):
        jobs.mark_done(session, asset_id, stage, ColourEmbedder.model_id, NOW, redo=())
    return asset_id, [moment for moment, _ in moments_by_asset(session, [asset_id])[asset_id]]


def describe(session: Session, asset_id: int, moment_id: int | None, found: Caption | str) -> None:
    save_caption(session, asset_id, moment_id, "1", found, ORIGIN, NOW)
    jobs.forget_results(session, asset_id, ("embed_text",))


def tell(session: Session, asset_id: int, words: str) -> None:
    save_metadata(session, asset_id, Metadata(words=(PersonWords("title", words, "xmp"),)), None)


def run(database: Database, embedder: Embedder) -> int:
    """Return how many assets were done."""
    return Runner(database, [EmbedText(Model(lambda: embedder))]).run(threading.Event())[0].done


def vectors(database: Database, kind: str) -> list[tuple[int, int]]:
    """Return (moment, ordinal) of each vector of a kind."""
    query = select(EmbeddingRow.moment_id, EmbeddingRow.ordinal).join(
        SpaceRow, SpaceRow.id == EmbeddingRow.space_id
    )
    with database.read() as session:
        return sorted((row[0], row[1]) for row in session.execute(query.filter_by(kind=kind)))


def test_words_of_people_and_of_models_go_into_spaces_of_their_own(database: Database) -> None:
    with database.write() as session:
        asset_id, (first, second) = add_video(session, 2)
        tell(session, asset_id, "my red car")
        describe(session, asset_id, first, Caption("A red car.", ("red", "car"), "", "blue room"))
        describe(session, asset_id, second, Caption("A tree.", (), "GREEN party"))

    assert run(database, ColourEmbedder()) == 1

    assert vectors(database, "text") == [(first, 0)]
    assert vectors(database, "caption") == [(first, 0), (first, 1), (second, 0)]
    with database.read() as session:
        assert [space.kind for space in spaces(session)] == ["text", "caption"]


def test_summary_stands_on_the_first_moment_apart_from_its_own(database: Database) -> None:
    with database.write() as session:
        asset_id, (first, _) = add_video(session, 2)
        describe(session, asset_id, first, Caption("Red."))
        describe(session, asset_id, None, Caption("Red, then green."))

    run(database, ColourEmbedder())

    assert vectors(database, "caption") == [(first, 0), (first, SUMMARY)]

    with database.write() as session:
        describe(session, asset_id, None, Caption("It is blue."))
    run(database, ColourEmbedder())

    assert vectors(database, "caption") == [(first, 0), (first, SUMMARY)]


def test_only_what_was_said_since_is_read(database: Database) -> None:
    reader = Listening()
    with database.write() as session:
        asset_id, (first, second, third) = add_video(session, 3)
        tell(session, asset_id, "red words")
        describe(session, asset_id, first, Caption("Red."))
        describe(session, asset_id, third, Caption("It has no colour."))
    run(database, reader)
    reader.read.clear()

    with database.write() as session:
        describe(session, asset_id, second, Caption("Blue."))

    assert run(database, reader) == 1
    assert reader.read == ["Blue."]
    assert run(database, reader) == 0


def test_caption_that_was_rejected_keeps_the_vectors_of_the_older(database: Database) -> None:
    with database.write() as session:
        asset_id, (first,) = add_video(session, 1)
        describe(session, asset_id, first, Caption("Red."))
    run(database, ColourEmbedder())

    with database.write() as session:
        describe(session, asset_id, first, "it repeats itself")

    assert run(database, ColourEmbedder()) == 1
    assert vectors(database, "caption") == [(first, 0)]


def test_changed_words_are_read_again_and_the_same_are_not(
    database: Database, tmp_path: Path
) -> None:
    reader = Listening()
    with database.write() as session:
        asset_id, _ = add_video(session, 1)
        tell(session, asset_id, "red")
    run(database, reader)
    places = partial(Gazetteer.open, tmp_path)
    probe = Probe(Children(1, 1 << 30), DateRules(), places, time_limit_s=1)

    def said(words: str) -> None:
        metadata = Metadata(words=(PersonWords("title", words, "xmp"),))
        with database.write() as session:
            probe.save(session, asset_id, Facts(metadata, None, None), NOW)

    said("red")
    assert run(database, reader) == 1
    assert reader.read == ["red"]

    said("green")
    assert run(database, reader) == 1
    assert reader.read == ["red", "green"]


def test_asset_of_which_nothing_worth_keeping_was_said_is_not_due(database: Database) -> None:
    with database.write() as session:
        asset_id, (first,) = add_video(session, 1)
        describe(session, asset_id, first, "it said nothing")

    assert run(database, ColourEmbedder()) == 0


def test_many_captions_are_read_in_portions(database: Database) -> None:
    reader = Listening()
    with database.write() as session:
        for name in ("a.mp4", "b.mp4"):
            asset_id, moments = add_video(session, AT_ONCE, name)
            for moment in moments:
                describe(session, asset_id, moment, Caption("Red."))

    run(database, reader)

    assert len(vectors(database, "caption")) == 2 * AT_ONCE
    assert max(reader.portions) == AT_ONCE


def test_page_that_was_read_is_cut_and_that_is_said(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    reader = Sentences()
    page = ". ".join(f"line {number}" for number in range(40))
    with database.write() as session:
        asset_id, (first,) = add_video(session, 1)
        describe(session, asset_id, first, Caption("A page.", ("book",), page, "desk"))

    with caplog.at_level(logging.INFO, "mediaindex.pipeline.embed_text"):
        run(database, reader)

    assert len(vectors(database, "caption")) == MAX_OF_MOMENT
    assert reader.read[:3] == ["A page", "book, desk", "line 0"]
    assert "8 of 42 pieces" in caplog.text


def test_another_model_takes_over_when_it_has_read_all(database: Database) -> None:
    with database.write() as session:
        asset_id, (first,) = add_video(session, 1)
        describe(session, asset_id, first, Caption("Red."))
        take_over(session, Serving("colour", "", ColourEmbedder.model_id), NOW)
    run(database, ColourEmbedder())
    other = Serving("colour", "", OtherColours.model_id)
    with database.write() as session:
        jobs.mark_done(session, asset_id, "embed", OtherColours.model_id, NOW, redo=())
        assert take_over(session, other, NOW) == []

    run(database, OtherColours())

    with database.write() as session:
        dropped = take_over(session, other, NOW)
        assert [(space.model_id, space.kind) for space in dropped] == [("colour/3", "caption")]
        assert serving(session) == other
        assert [space.model_id for space in spaces(session)] == [OtherColours.model_id]
    assert vectors(database, "caption") == [(first, 0)]


def test_purged_asset_takes_all_its_words_along(database: Database) -> None:
    with database.write() as session:
        asset_id, (first,) = add_video(session, 1)
        describe(session, asset_id, first, Caption("Red."))
        describe(session, asset_id, None, Caption("Red."))
    run(database, ColourEmbedder())
    with database.write() as session:
        session.execute(text("UPDATE asset SET missing_since = '2020-01-01'"))
        session.execute(text("UPDATE library SET swept_at = '2026-01-01'"))
        purge_missing(session, NOW - NOW, NOW, NOW.replace(year=2025))

    assert vectors(database, "caption") == []
    with database.read() as session:
        assert session.scalar(select(func.count(ResultRow.asset_id))) == 0
        for table in ("caption", "document"):
            assert session.scalar(text(f"SELECT count(*) FROM {table}")) == 0
        found = "SELECT count(*) FROM fulltext WHERE fulltext MATCH 'red'"
        assert session.scalar(text(found)) == 0
