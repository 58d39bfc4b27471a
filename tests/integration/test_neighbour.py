"""Captions let Immich have the graphics card, and never wait for it in vain."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediaindex import parts
from mediaindex.clients.immich_shapes import Queue
from mediaindex.config import Config
from mediaindex.immich.busy import ASKED_EVERY_S, Neighbour
from mediaindex.store.database import Database
from tests.immich import connect, key_file
from tests.servers.immich import Immich
from tests.service import settings


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at_s = 100.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture(params=["2.3.1", "2.7.5", "3.2.0"])
def immich(request: pytest.FixtureRequest) -> Iterator[Immich]:
    with Immich(request.param) as server:
        server.queues["faceDetection"]["waiting"] = 12
        yield server


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return settings(tmp_path, immich__yield_gpu="true")


def neighbour(
    tmp_path: Path, config: Config, database: Database, immich: Immich, *, is_admin: bool = True
) -> tuple[Neighbour, Clock]:
    key = key_file(tmp_path, immich.add_user("anna", is_admin=is_admin))
    connect(database, immich, key, {})
    clock = Clock()
    return Neighbour(config, database, clock), clock


def test_immich_is_asked_seldom_whoever_wants_to_know(
    tmp_path: Path, config: Config, database: Database, immich: Immich
) -> None:
    one, clock = neighbour(tmp_path, config, database, immich)
    said: list[str | None] = []
    threads = [threading.Thread(target=lambda: said.append(one.busy())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert said == ["Immich is looking for faces: 12 to go"] * 8
    assert len(immich.requests) == 1
    clock.at_s += ASKED_EVERY_S + 1
    immich.queues["faceDetection"]["waiting"] = 0
    assert one.busy() is None
    assert one.trouble is None
    assert len(immich.requests) == 2


def test_who_may_not_be_asked_is_not_waited_for_and_that_is_said_once(
    tmp_path: Path,
    config: Config,
    database: Database,
    immich: Immich,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one, clock = neighbour(tmp_path, config, database, immich, is_admin=False)

    for _ in range(3):
        assert one.busy() is None
        clock.at_s += ASKED_EVERY_S + 1

    assert one.trouble is not None
    assert "immich.yield_gpu" in one.trouble
    assert "administrator" in one.trouble
    assert len(caplog.records) == 1


def test_immich_that_is_off_holds_nobody_up_and_is_waited_for_once_it_is_back(
    tmp_path: Path, config: Config, database: Database, immich: Immich
) -> None:
    one, clock = neighbour(tmp_path, config, database, immich)
    immich.stop()
    assert one.busy() is None
    assert one.trouble is not None

    immich.start()
    clock.at_s += ASKED_EVERY_S + 1
    assert one.busy() == "Immich is looking for faces: 12 to go"
    assert one.trouble is None


def test_nobody_is_asked_while_none_is_connected(config: Config, database: Database) -> None:
    assert Neighbour(config, database).busy() is None


def test_nobody_is_asked_unless_the_settings_say_so(tmp_path: Path, database: Database) -> None:
    assert parts.neighbour(settings(tmp_path), database) is None


def test_every_queue_has_words_for_people() -> None:
    from mediaindex.immich.busy import ON_THE_CARD, Patience

    for name in ON_THE_CARD:
        said = Patience().look([Queue(name, 1, 0, is_paused=False)], 0)
        assert said is not None
        assert said.startswith("Immich is ")
