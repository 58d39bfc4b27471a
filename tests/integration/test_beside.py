"""The daemon reads Immich by itself, holds nobody up for it, and never falls over it."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from mediaindex.daemon import beside
from mediaindex.daemon.beside import Beside, is_overdue
from mediaindex.daemon.events import Events
from mediaindex.store import immich_accounts
from mediaindex.store.database import Database
from tests.daemons import Home, finds, is_caught_up, paint, until
from tests.immich import connect, key_file
from tests.servers.immich import Immich
from tests.service import settings

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
THEIRS = "/mnt/photos"


@pytest.fixture
def immich() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "SETTLE_S", 0.1)
    monkeypatch.setattr(beside, "GAP_S", 0.1)


class Side:
    """A `Beside` over a store, and how often it told that it read."""

    def __init__(self, tmp_path: Path, database: Database) -> None:
        self.reads = 0
        self.beside = Beside(settings(tmp_path), database, self.count, Events())

    def count(self) -> None:
        self.reads += 1

    def __enter__(self) -> "Side":
        self.beside.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.beside.stop()
        assert self.beside.join(10)

    def is_through(self, number: int) -> bool:
        return self.beside.state().ended >= number


def test_daemon_finds_by_what_immich_knows_as_soon_as_it_wakes_us(
    tmp_path: Path, immich: Immich
) -> None:
    home = Home(tmp_path, {"IMMICH__WEBHOOK_SECRET": "0123456789abcdef"})
    paint(home.library / "one.png")
    key = key_file(tmp_path, immich.add_user("anna"))
    uuid = immich.add(f"{THEIRS}/one.png", owner="anna", people=["Ben"])
    with home.running() as daemon:
        until(lambda: finds(daemon, "one") and is_caught_up(daemon))
        assert immich.requests == []
        connect(daemon.database, immich, key, {THEIRS: str(home.library)})
        daemon.hear_of_immich()
        until(lambda: finds(daemon, "Ben") == ["one.png"])
        assert daemon.state().immich.trouble is None

        immich.assets[uuid].people = ("Carla",)
        number = daemon.read_immich(full=True)
        until(lambda: daemon.state().immich.ended >= number)
        until(lambda: finds(daemon, "Carla") == ["one.png"] and not finds(daemon, '"Ben"'))


def test_nobody_is_asked_while_none_is_connected(tmp_path: Path, database: Database) -> None:
    with Side(tmp_path, database) as side:
        number = side.beside.read_soon(full=True)
        until(lambda: side.is_through(number))

    assert side.reads == 0
    assert side.beside.state().reads == ()


def test_many_words_within_a_moment_are_one_reading_and_a_flood_starves_nobody(
    tmp_path: Path, database: Database, immich: Immich
) -> None:
    connect(database, immich, key_file(tmp_path, immich.add_user("anna")), {})
    with Side(tmp_path, database) as side:
        until(lambda: side.is_through(1))
        for _ in range(500):
            side.beside.hear()
        until(lambda: side.is_through(2))
        time.sleep(0.5)  # were each a reading of its own, there would be more by now
        assert side.beside.state().ended == 2

        end = time.monotonic() + 30
        while side.beside.state().ended < 4 and time.monotonic() < end:
            side.beside.hear()
            time.sleep(0.01)
        assert side.beside.state().ended >= 4


def test_immich_that_is_off_is_told_once_and_read_again_when_it_is_back(
    tmp_path: Path, database: Database, immich: Immich, caplog: pytest.LogCaptureFixture
) -> None:
    connect(database, immich, key_file(tmp_path, immich.add_user("anna")), {})
    immich.stop()
    with Side(tmp_path, database) as side:
        for _ in range(3):
            number = side.beside.read_soon()
            until(partial(side.is_through, number))
        told = side.beside.state().trouble
        assert told is not None
        assert "there is no Immich at" in told
        assert [one for one in caplog.records if one.levelname == "WARNING"] == [
            one for one in caplog.records if one.getMessage() == f"immich: {told}"
        ]
        assert len([one for one in caplog.records if one.levelname == "WARNING"]) == 1

        immich.start()
        number = side.beside.read_soon()
        until(lambda: side.is_through(number))
        assert side.beside.state().trouble is None


def test_end_does_not_wait_for_an_answer_of_immich(
    tmp_path: Path, database: Database, immich: Immich
) -> None:
    connect(database, immich, key_file(tmp_path, immich.add_user("anna")), {})
    immich.slow_s = 60
    side = Side(tmp_path, database)
    side.beside.start()
    immich.wait_until(lambda: bool(immich.requests))

    side.beside.stop()

    assert side.beside.join(8)
    with database.read() as session:
        (account,) = immich_accounts.accounts(session)
        assert account.trouble is None


def test_bug_does_not_end_it(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch, immich: Immich
) -> None:
    connect(database, immich, key_file(tmp_path, immich.add_user("anna")), {})
    with monkeypatch.context() as broken:
        broken.setattr(beside, "read_all", lambda *_, **__: 1 / 0)
        with Side(tmp_path, database) as side:
            until(lambda: side.is_through(1))
            assert "a fault of mediaindex" in (side.beside.state().trouble or "")
            broken.undo()
            number = side.beside.read_soon()
            until(lambda: side.is_through(number))
            assert side.beside.state().trouble is None


def test_machine_that_sleeps_at_night_reads_all_of_it_by_day(
    tmp_path: Path, database: Database, immich: Immich
) -> None:
    connect(database, immich, key_file(tmp_path, immich.add_user("anna")), {})
    with Side(tmp_path, database) as side:
        until(lambda: side.is_through(1))
    with database.write() as session:
        (account,) = immich_accounts.accounts(session)
        assert account.full_at is not None
        account.full_at -= timedelta(days=3)
    with Side(tmp_path, database) as side:
        until(lambda: side.is_through(1))
        (read,) = side.beside.state().reads
        assert read.is_full


def test_overdue_is_what_was_read_in_full_and_long_ago() -> None:
    assert not is_overdue(None, NOW)
    assert not is_overdue(NOW - timedelta(hours=25), NOW)
    assert is_overdue(NOW - timedelta(hours=37), NOW)


def test_new_settings_and_their_secret_are_heeded(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.running() as daemon:
        assert daemon.hook_secret is None
        home.write("immich: {webhook_secret: abcdef0123456789}\n")
        daemon.reload()
        until(lambda: daemon.hook_secret == "abcdef0123456789")
        home.write("immich: {webhook_secret: short}\n")
        daemon.reload()
        until(lambda: "shorter than" in (daemon.state().config_trouble or ""))
        assert daemon.hook_secret == "abcdef0123456789"
        home.write('immich: {read_cron: "never"}\n')
        daemon.reload()
        until(lambda: "immich.read_cron" in (daemon.state().config_trouble or ""))
