"""The daemon looks at what was written after each reading, also when it has nothing to write."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from mediaindex.daemon.beside import Beside as Reader
from mediaindex.daemon.events import Events
from mediaindex.store.immich_written import Written
from tests.daemons import until
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault


@pytest.fixture
def uuid(beside: Beside) -> str:
    """A photo that was written on an hour ago, in a library that Immich may only read."""
    beside.now = datetime.now(UTC) - timedelta(hours=1)
    uuid = beside.add("Anna")
    beside.server.read_only = True
    beside.run()
    beside.server.reextract()
    return uuid


@contextmanager
def reading(beside: Beside) -> Iterator[Reader]:
    reader = Reader(beside.config, beside.database, lambda: None, Events())
    reader.start()
    try:
        until(lambda: reader.state().ended >= 1)
        yield reader
    finally:
        reader.stop()
        assert reader.join(10)


def known(beside: Beside, uuid: str) -> Written:
    written = beside.written(uuid)
    assert written is not None
    return written


def test_what_was_thrown_away_is_noticed_and_due_again(beside: Beside, uuid: str) -> None:
    with reading(beside) as reader:
        assert reader.state().trouble is None

    assert (known(beside, uuid).wiped, known(beside, uuid).digest) == (1, "")
    assert beside.run() == 1


def test_while_writing_is_off_nothing_is_asked(beside: Beside, uuid: str) -> None:
    beside.write = ()
    before = len(beside.server.requests)
    with reading(beside):
        pass

    assert known(beside, uuid).checked_at is None
    asked = [one.path for one in beside.server.requests[before:]]
    assert f"/api/assets/{uuid}" not in asked


def test_trouble_with_it_is_told_and_hinders_no_reading(beside: Beside, uuid: str) -> None:
    beside.server.fail_next(9, Fault.too_many(1).of(f"GET /api/assets/{uuid}"))
    with reading(beside) as reader:
        assert "what was written there cannot be seen" in (reader.state().trouble or "")
        assert [one.met for one in reader.state().reads] == [1]
