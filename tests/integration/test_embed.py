"""The stages that need a model: when it is built, and what is due where it is not there."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from mediaindex.embedders import Embedder
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.errors import RetryLater
from mediaindex.media.previews import PreviewStore
from mediaindex.pipeline.embed import Embed
from mediaindex.pipeline.embed_text import EmbedText
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.runner import Runner
from mediaindex.store import jobs
from mediaindex.store.assets import save_metadata, save_moments
from mediaindex.store.database import Database
from mediaindex.store.tables import AssetRow, BlockedRow, ResultRow
from mediaindex.types import Metadata, PersonWords
from tests.conftest import NOW, plain

if TYPE_CHECKING:
    from mediaindex.pipeline.stage import Stage


class OtherColours(ColourEmbedder):
    model_id = "colour/other"


def missing() -> Embedder:
    raise RetryLater("no weights; run: mediaindex model download fast")


@pytest.fixture
def previews(tmp_path: Path) -> PreviewStore:
    return PreviewStore(tmp_path / "previews")


def add_photo(database: Database, previews: PreviewStore, sha256: str) -> None:
    previews.write(sha256, 0, plain(200, 0, 0))
    with database.write() as session:
        made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
        asset = AssetRow(sha256=sha256, **made)
        session.add(asset)
        session.flush()
        save_moments(session, asset.id, [(0, 0, 0)])
        save_metadata(
            session, asset.id, Metadata(words=(PersonWords("title", "red", "xmp"),)), None
        )
        jobs.mark_done(session, asset.id, "decode", "768px", NOW, redo=())


def run(database: Database, previews: PreviewStore, build: Callable[[], Embedder]) -> list[int]:
    """Return how many assets each of the two stages did."""
    model = Model(build)
    stages: list[Stage[Any, Any]] = [Embed(model, previews, 4), EmbedText(model)]
    return [one.done for one in Runner(database, stages).run(threading.Event())]


def versions(database: Database) -> set[str]:
    with database.read() as session:
        query = select(ResultRow.version).where(ResultRow.stage.in_(["embed", "embed_text"]))
        return set(session.scalars(query))


def test_model_is_built_once_and_keeps_no_other_writer_waiting(
    database: Database, previews: PreviewStore
) -> None:
    add_photo(database, previews, "a" * 64)
    builders: list[str] = []

    def build() -> Embedder:
        builders.append(threading.current_thread().name)
        with closing(sqlite3.connect(database.path, timeout=5)) as other:
            other.execute("BEGIN IMMEDIATE")
            other.rollback()
        return ColourEmbedder()

    assert run(database, previews, build) == [1, 1]
    assert len(builders) == 1
    assert builders[0].startswith("embed")


def test_another_model_sees_all_again(database: Database, previews: PreviewStore) -> None:
    add_photo(database, previews, "a" * 64)
    run(database, previews, ColourEmbedder)

    assert run(database, previews, ColourEmbedder) == [0, 0]
    assert run(database, previews, OtherColours) == [1, 1]
    assert versions(database) == {OtherColours.model_id}


def test_model_that_is_not_there_is_missed_only_where_something_needs_it(
    database: Database, previews: PreviewStore
) -> None:
    def blocked() -> set[str]:
        with database.read() as session:
            return set(session.scalars(select(BlockedRow.stage)))

    add_photo(database, previews, "a" * 64)
    run(database, previews, ColourEmbedder)

    assert run(database, previews, missing) == [0, 0]
    assert blocked() == set()

    add_photo(database, previews, "b" * 64)
    assert run(database, previews, missing) == [0, 0]
    assert blocked() == {"embed", "embed_text"}

    assert run(database, previews, ColourEmbedder) == [1, 1]
    assert blocked() == set()
