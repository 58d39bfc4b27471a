"""What may be written to is asked again and again: accounts, keys and servers change meanwhile."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import select

from mediaindex.errors import RetryLater
from mediaindex.immich.archives import ASKED_EVERY, PAUSE
from mediaindex.pipeline.publish import Publish
from mediaindex.pipeline.stage import Blocked
from mediaindex.store import immich_accounts
from mediaindex.store.due import at
from mediaindex.store.tables import ResultRow
from tests.publishing import Beside
from tests.publishing import beside as beside


@contextmanager
def running(beside: Beside) -> Iterator[Publish]:
    """Give a stage that has begun."""
    stop = threading.Event()
    stage = Publish(beside.config, beside.database, stop, opener=beside.opener, clock=beside.clock)
    try:
        stage.ready()
        yield stage
    finally:
        stop.set()
        stage.close()


def turn(beside: Beside, stage: Publish) -> bool:
    """Do what is due first, as a runner does; False: nothing is."""
    with beside.database.read() as session:
        asset_id = session.scalars(stage.due().limit(1), at(beside.now)).first()
        if asset_id is None:
            return False
        loaded = stage.load(session, asset_id)
    [result] = stage.work([loaded])
    with beside.database.write() as session:
        stage.save(session, asset_id, result, beside.now)
    return True


def told(beside: Beside, uuid: str) -> bool:
    asset = beside.server.assets[uuid]
    return bool(asset.description and asset.tags and asset.record)


def test_an_immich_upgraded_while_we_write_is_not_written_to_any_more(beside: Beside) -> None:
    known = beside.add()
    with running(beside) as stage:
        turn(beside, stage)
        with beside.database.read() as session:
            loaded = stage.load(session, beside.asset_of(known))
        beside.server.version, until = "4.0.0", beside.now + ASKED_EVERY
        while beside.now + PAUSE / 2 < until:
            stage.work([loaded])  # without a pause, so that nothing is asked
            beside.later(PAUSE / 2)
        before = len(beside.sent())
        beside.add()
        beside.now = until
        with pytest.raises(Blocked, match=r"4\.0\.0 is newer"):
            turn(beside, stage)

        assert len(beside.sent()) == before
    assert str(beside.account().version) == "4.0.0"


def test_after_a_pause_it_is_asked_before_anything_is_sent(beside: Beside) -> None:
    beside.add()
    with running(beside) as stage:
        turn(beside, stage)
        before = len(beside.sent())
        beside.add()
        beside.server.version = "4.0.0"
        beside.later(PAUSE)

        with pytest.raises(Blocked, match=r"4\.0\.0 is newer"):
            turn(beside, stage)

        assert len(beside.sent()) == before


def test_what_a_reading_learns_of_a_server_holds_at_once(beside: Beside) -> None:
    beside.add()
    with running(beside) as stage:
        with beside.database.write() as session:
            immich_accounts.note_version(session, 1, "4.0.0", None)

        with pytest.raises(Blocked, match=r"4\.0\.0 is newer"):
            turn(beside, stage)

        assert beside.sent() == []


def test_an_account_connected_meanwhile_is_written_to(beside: Beside) -> None:
    ours = beside.add()
    with running(beside) as stage:
        assert turn(beside, stage)
        ben = beside.connect("ben")
        theirs = beside.add(owner="ben", account_id=ben)

        while turn(beside, stage):
            pass

    assert told(beside, ours)
    assert told(beside, theirs)


def test_an_account_disconnected_meanwhile_is_not_written_to(beside: Beside) -> None:
    ben = beside.connect("ben")
    ours, theirs = beside.add(), beside.add(owner="ben", account_id=ben)
    with running(beside) as stage:
        with beside.database.read() as session:
            loaded = stage.load(session, beside.asset_of(theirs))
        with beside.database.write() as session:
            immich_accounts.drop_account(session, ben)
        with pytest.raises(RetryLater, match="disconnected"):
            stage.work([loaded])

        while turn(beside, stage):
            pass

    assert told(beside, ours)
    assert not told(beside, theirs)


def test_with_the_key_of_somebody_else_nothing_is_written_and_nothing_is_done(
    beside: Beside,
) -> None:
    uuid = beside.add("Anna")
    key = beside.keys[1]
    beside.server.add_user("ben")
    beside.server.add_partner("anna", "ben")
    beside.keys[1] = next(iter(beside.server.users["ben"].keys))

    with pytest.raises(Blocked, match=r"anna\.key is of ben, and not of anna"):
        beside.run()

    assert beside.sent() == []
    with beside.database.read() as session:
        assert session.scalars(select(ResultRow).filter_by(stage="publish")).all() == []
    beside.keys[1] = key
    assert beside.run() == 1
    assert told(beside, uuid)


def test_the_wrong_key_of_one_keeps_no_other_from_it(beside: Beside) -> None:
    ben = beside.connect("ben")
    ours, theirs = beside.add(), beside.add(owner="ben", account_id=ben)
    key, beside.keys[ben] = beside.keys[ben], beside.keys[1]
    with running(beside) as stage:
        with beside.database.read() as session:
            loaded = [stage.load(session, beside.asset_of(uuid)) for uuid in (theirs, ours)]
        with pytest.raises(RetryLater, match="is of anna, and not of ben"):
            stage.work(loaded[:1])
        stage.work(loaded[1:])
    assert (told(beside, ours), told(beside, theirs)) == (True, False)

    beside.keys[ben] = key
    beside.run()

    assert told(beside, theirs)
