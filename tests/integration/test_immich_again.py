"""What a reading does again, and what it does not: another version, a wrong date, a file."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import update

from mediaindex.errors import Gone
from mediaindex.immich import reading
from mediaindex.immich.checksums import match_by_content
from mediaindex.immich.seen import Seen
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import note_version
from mediaindex.store.immich_tables import ImmichAccountRow
from mediaindex.store.tables import FileRow
from tests.beside import Home
from tests.servers.immich import Immich

YET_TO_COME = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture
def home(tmp_path: Path, database: Database, server: Immich) -> Home:
    return Home(tmp_path, database, server)


@pytest.mark.parametrize("noticed_by_writing", [False, True])
def test_another_version_is_read_in_full(home: Home, *, noticed_by_writing: bool) -> None:
    home.fill("a.jpg")
    home.add("a.jpg")
    home.read()
    home.server.version = "3.2.0"
    if noticed_by_writing:
        with home.database.write() as session:
            note_version(session, home.account_id, "3.2.0", None)

    done = [home.read(), home.read()]

    assert [one.is_full for one in done] == [True, False]
    assert home.account().version == "3.2.0"


def test_another_version_is_read_in_full_though_the_first_try_ends_early(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    home.fill("a.jpg")
    home.add("a.jpg")
    home.read()
    home.server.version = "3.2.0"

    def end(*_: object, **__: object) -> None:
        raise Gone("it is gone", "asset")

    with monkeypatch.context() as patched:
        patched.setattr(reading, "store_page", end)
        with pytest.raises(Gone):
            home.read()

    assert home.read().is_full


def test_date_that_is_yet_to_come_does_not_end_the_readings_of_changes(home: Home) -> None:
    home.fill("a.jpg", "b.jpg")
    a = home.add("a.jpg")
    home.add("b.jpg", updated_at=YET_TO_COME)
    home.read()
    home.server.set_visibility(a, "archive")

    done = home.read()

    assert (done.is_full, home.withheld("a.jpg")) == (False, "archived")


def test_account_that_was_read_until_a_time_yet_to_come_is_read_in_full(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.read()
    with home.database.write() as session:
        session.execute(update(ImmichAccountRow).values(read_until="2099-01-01T00:00:00.000Z"))
    home.server.set_visibility(a, "archive")

    done = [home.read(), home.read()]

    assert [one.is_full for one in done] == [True, False]
    assert home.withheld("a.jpg") == "archived"


def test_slow_clock_of_ours_is_no_reason_to_doubt_immichs(home: Home) -> None:
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.server.ahead_s = (YET_TO_COME - datetime.now(UTC)).total_seconds()
    home.server.assets[a].updated_at = YET_TO_COME
    home.read()

    assert not home.read().is_full
    assert str(home.account().read_until).startswith("2098-12-31")


def test_file_that_changed_is_not_read_before_it_was_looked_into_again(home: Home) -> None:
    home.fill("a.jpg")
    with home.database.write() as session:
        session.execute(update(FileRow).values(mtime_ns=FileRow.mtime_ns + 1))
    home.server.add("/upload/q.jpg", owner="anna", library=False, content=b"a.jpg", size_bytes=5)
    home.read()
    blocks: list[None] = []

    for _ in range(2):
        match_by_content(home.database, home.account_id, Seen(), lambda: blocks.append(None))

    assert (blocks, home.asset("a.jpg").sha1) == ([], None)
