"""What was locked is noticed by the next short reading, as Immich counts fewer photos."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.immich.counting import surplus
from mediaindex.store.database import Database
from mediaindex.store.filters import Filter, conditions
from mediaindex.store.immich_accounts import note_surplus
from mediaindex.store.tables import AssetRow
from tests.beside import Home
from tests.servers.faults import Fault
from tests.servers.immich import Immich

READS = ("asset.read", "user.read")


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture(params=[("all",), (*READS, "asset.statistics")], ids=["all", "few"])
def home(
    request: pytest.FixtureRequest, tmp_path: Path, database: Database, server: Immich
) -> Home:
    home = Home(tmp_path, database, server, request.param)
    home.fill("a.jpg", "b.jpg", "c.jpg")
    return home


def counted(server: Immich) -> int:
    return sum("/assets/statistics" in one.path for one in server.requests)


def shown(home: Home) -> int:
    with home.database.read() as session:
        return len(session.scalars(select(AssetRow.id).where(*conditions(Filter()))).all())


def test_lock_is_noticed_by_a_short_reading(home: Home) -> None:
    uuids = [home.add(f"{name}.jpg") for name in "abc"]
    home.read()
    home.server.lock(uuids[0])

    done = home.read()

    assert (done.is_full, done.met, done.vanished, done.changed) == (True, 2, 1, 1)
    assert (home.withheld("a.jpg"), shown(home)) == ("locked", 2)
    assert not home.read().is_full
    home.server.set_visibility(uuids[0], "timeline")
    assert (home.read().is_full, home.withheld("a.jpg"), shown(home)) == (False, None, 3)
    home.server.lock(uuids[1])
    home.read()
    assert home.withheld("b.jpg") == "locked"


def test_archived_trashed_and_new_photos_are_no_reason_to_read_all(home: Home) -> None:
    a, b = home.add("a.jpg"), home.add("b.jpg", visibility="archive")
    home.read()
    home.server.set_visibility(a, "archive")
    home.server.trash(b)
    home.add("c.jpg")

    done = [home.read(), home.read()]

    assert [one.is_full for one in done] == [False, False]
    assert counted(home.server) == 2 * 4


def test_deleted_photo_is_looked_into_once(home: Home) -> None:
    a = home.add("a.jpg")
    home.add("b.jpg")
    home.read()
    home.server.purge(a)

    done = [home.read(), home.read()]

    assert [one.is_full for one in done] == [True, False]
    # Only with asset.upload it is told from a locked one.
    may_check = home.account().permissions == '["all"]'
    assert home.withheld("a.jpg") == (None if may_check else "locked")


def test_number_that_nothing_explains_is_believed_after_one_full_reading(home: Home) -> None:
    home.add("a.jpg")
    home.read()
    with home.database.write() as session:
        note_surplus(session, home.account_id, 3)  # as if it had listed more than it counts now

    done = [home.read() for _ in range(3)]

    assert [one.is_full for one in done] == [True, False, False]
    assert home.account().surplus == 0


def test_photo_that_was_hidden_without_a_date_is_met_and_covers_no_lock(home: Home) -> None:
    a, b = home.add("a.jpg"), home.add("b.jpg")
    old = home.server.assets[b]
    old.updated_at = old.updated_at.replace(year=2025)
    home.read()
    old.visibility = "hidden"
    done = home.read()
    home.server.lock(a)

    home.read()

    assert (done.is_full, home.withheld("b.jpg"), home.withheld("a.jpg")) == (
        True,
        "hidden",
        "locked",
    )


def test_upload_in_the_making_hides_a_lock_until_it_is_made(home: Home) -> None:
    a = home.add("a.jpg")
    home.read()
    fresh = home.add("b.jpg", has_exif=False)
    home.server.lock(a)
    first = home.read()
    home.server.assets[fresh].has_exif = True
    home.server.touch(fresh)

    second = home.read()

    assert (first.is_full, second.is_full, home.withheld("a.jpg")) == (False, True, "locked")


def test_upload_that_was_in_the_making_in_a_full_reading_hides_nothing(home: Home) -> None:
    a, fresh = home.add("a.jpg"), home.add("b.jpg", has_exif=False)
    home.read()
    assert home.account().surplus == 1
    home.server.assets[fresh].has_exif = True
    home.server.touch(fresh)
    home.read()
    assert home.account().surplus == 0
    assert not home.read().is_full
    home.server.lock(a)

    home.read()

    assert home.withheld("a.jpg") == "locked"


def test_key_that_may_not_count_asks_for_nothing(
    tmp_path: Path, database: Database, server: Immich
) -> None:
    home = Home(tmp_path, database, server, READS)
    home.fill("a.jpg")
    a = home.add("a.jpg")
    home.read()
    server.lock(a)

    assert not home.read().is_full

    assert (counted(server), home.withheld("a.jpg")) == (0, None)


def test_server_that_knows_nothing_locked_is_not_asked(tmp_path: Path, database: Database) -> None:
    with Immich("1.132.0") as server:
        home = Home(tmp_path, database, server)
        home.add("a.jpg")
        home.read()
        home.read()
        assert counted(server) == 0


def test_numbers_that_cannot_be_had_end_no_reading(home: Home) -> None:
    home.add("a.jpg")
    home.read()
    home.server.fail_next(9, Fault.refuse(404).of("/assets/statistics"))

    assert not home.read().is_full

    assert home.account().surplus == 0


@pytest.mark.parametrize(
    ("before", "after", "known", "short", "decided", "expected"),
    [
        (100, 100, 100, None, 0, 0),
        (101, 101, 100, None, 0, 1),  # one is in the making
        (100, 99, 100, None, 0, 0),  # locked while the pages were read: missing next time
        (99, 99, 99, -1, 1, 0),  # it was found
        (99, 99, 100, -1, 0, -1),  # nothing was: so few are the rule from now on
        (99, 99, 99, -1, 0, 0),  # the pages told of it
        (105, 110, 105, 0, 0, 0),  # photos came in all the while: they give no reason to look again
    ],
)
def test_surplus(
    before: int, after: int, known: int, short: int | None, decided: int, expected: int
) -> None:
    assert surplus(before, after, known, short, decided) == expected
