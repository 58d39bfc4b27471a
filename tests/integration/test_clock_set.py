"""A clock that was wrong and is set: nothing is forgotten for it."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from mediaindex.config import load_config
from mediaindex.embedders import Embedder
from mediaindex.errors import RetryLater
from mediaindex.pipeline.began import Began
from mediaindex.pipeline.model import Model
from mediaindex.store.database import Database
from mediaindex.store.tables import AssetRow, FileRow, LibraryRow
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes
from mediaindex.working import Work
from tests.conftest import insert_asset

TRUE = datetime(2026, 11, 21, 12, tzinfo=UTC)
WRONG = TRUE - timedelta(days=40)


class Machine:
    """A machine with a clock that can be set; its processes begin and work."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.wall, self.up_s = WRONG, 0.0
        self.indexes = Indexes(ExactIndex(folder / "e"), Facets(folder / "f"), None, 0)
        self.start()

    def start(self) -> None:
        """Begin a process, and let it look at all."""
        self.began = Began(lambda: self.wall, lambda: self.up_s)
        with self.database.write() as session:
            session.execute(update(LibraryRow).values(swept_at=self.wall))

    def wait(self, time: timedelta) -> None:
        self.wall += time
        self.up_s += time.total_seconds()

    def lose(self, asset_id: int, since: datetime) -> None:
        with self.database.write() as session:
            for table, which in ((AssetRow, AssetRow.id), (FileRow, FileRow.asset_id)):
                session.execute(update(table).where(which == asset_id).values(missing_since=since))

    def care(self) -> int:
        """Do what is done now and then; returns how many assets were forgotten."""
        state = str(self.database.path.parent)
        env = {"MEDIAINDEX_STATE_DIR": state, "MEDIAINDEX_CACHE_DIR": str(self.folder / "cache")}
        model = Model(no_model)
        work = Work(load_config(None, env), self.database, self.indexes, self.began, model=model)
        work.care()
        return work.purged


def no_model() -> Embedder:
    raise RetryLater("no model")


@pytest.fixture
def asset_id(database: Database) -> int:
    with database.write() as session:
        return insert_asset(session)


@pytest.fixture
def machine(database: Database, asset_id: int, tmp_path: Path) -> Iterator[Machine]:
    made = Machine(database, tmp_path)
    yield made
    made.indexes.close()


def test_what_went_missing_by_a_clock_in_the_past_keeps_its_days_of_grace(
    machine: Machine, asset_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    machine.wait(timedelta(minutes=5))
    machine.lose(asset_id, machine.wall)
    assert machine.care() == 0
    machine.wait(timedelta(minutes=5))
    machine.wall += timedelta(days=40)

    with caplog.at_level(logging.WARNING):
        assert [machine.care(), machine.care()] == [0, 0]

    assert [record.message.split(";")[0] for record in caplog.records] == [
        "the clock of this machine was set by more than an hour"
    ]
    machine.start()
    assert machine.care() == 0
    machine.wait(timedelta(days=31))
    assert machine.care() == 1


def test_sweep_that_ends_after_the_clock_was_set_notes_no_wrong_time(
    machine: Machine, asset_id: int
) -> None:
    began = machine.wall
    machine.wait(timedelta(minutes=5))
    machine.wall += timedelta(days=40)
    machine.care()
    machine.lose(asset_id, began)
    machine.care()

    machine.start()
    assert machine.care() == 0


def test_clock_that_was_set_back_hides_nothing_for_years(machine: Machine, asset_id: int) -> None:
    machine.lose(asset_id, machine.wall)
    machine.wall -= timedelta(days=7000)
    machine.care()

    with machine.database.read() as session:
        assert session.scalars(select(AssetRow.missing_since)).all() == [machine.wall]


@pytest.mark.parametrize("off_by", [timedelta(0), timedelta(minutes=30), -timedelta(minutes=30)])
def test_clock_that_goes_well_lets_go_of_what_is_long_gone(
    machine: Machine, asset_id: int, off_by: timedelta
) -> None:
    machine.lose(asset_id, machine.wall)
    machine.wait(timedelta(days=29))
    machine.wall += off_by
    assert machine.care() == 0
    machine.wait(timedelta(days=2))
    assert machine.care() == 1
