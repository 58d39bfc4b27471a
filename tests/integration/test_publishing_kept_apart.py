"""What is never written to, when nothing is sent at all, and how a server's trouble is borne."""

import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from mediaindex import parts
from mediaindex.errors import BrokenOff
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.publish import Pace, Publish
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.stage import Blocked
from mediaindex.publishing import sketches
from mediaindex.store.database import Database
from mediaindex.store.tables import BlockedRow, JobRow
from tests.publishing import Beside
from tests.publishing import beside as beside
from tests.servers.faults import Fault
from tests.servers.immich import Immich


def nothing_sent(beside: Beside, *uuids: str) -> bool:
    assets = [beside.server.assets[uuid] for uuid in uuids]
    untouched = all(not (one.description or one.tags or one.record) for one in assets)
    return untouched and beside.sent() == []


def stages(beside: Beside) -> list[str]:
    built = parts.stages(
        beside.config,
        beside.database,
        Model(lambda: parts.embedder(beside.config)),
        threading.Event(),
        lambda _path, _share: None,
    )
    for stage in built:
        stage.close()
    return [stage.name for stage in built]


def test_there_is_no_such_stage_unless_writing_is_on(beside: Beside) -> None:
    assert stages(beside)[-1] == "publish"
    beside.write = ()
    assert "publish" not in stages(beside)


def test_the_first_account_may_be_connected_while_it_runs(
    tmp_path: Path, database: Database
) -> None:
    with Immich() as server:
        beside = Beside(tmp_path, database, server)
        assert "publish" in stages(beside)
        stop = threading.Event()
        stage = Publish(beside.config, database, stop, opener=beside.opener)
        beside.connect()
        uuid = beside.add()

        [done] = Runner(database, [stage]).run(stop)

        assert done.done == 1
        assert server.assets[uuid].tags


def test_without_an_account_nothing_is_due(tmp_path: Path, database: Database) -> None:
    with Immich() as server:
        beside = Beside(tmp_path, database, server)
        stop = threading.Event()
        stage = Publish(beside.config, database, stop, opener=beside.opener)

        [done] = Runner(database, [stage]).run(stop)

        assert (done.done, done.blocked_reason, server.requests) == (0, None, [])


def test_a_partners_photo_is_never_written(beside: Beside) -> None:
    beside.server.add_user("ben")
    beside.server.add_partner("ben", "anna")
    uuid = beside.add(owner="ben")

    assert beside.run() == 1

    assert nothing_sent(beside, uuid)
    assert beside.written(uuid) is None


@pytest.mark.parametrize("visibility", ["locked", "hidden"])
def test_what_was_locked_or_hidden_since_it_was_read_is_never_written(
    beside: Beside, visibility: str
) -> None:
    uuid = beside.add()
    beside.server.set_visibility(uuid, visibility)  # type: ignore[arg-type] # of the two

    beside.run()

    assert nothing_sent(beside, uuid)


def test_what_was_trashed_since_it_was_read_is_never_written(beside: Beside) -> None:
    uuid = beside.add()
    beside.server.trash(uuid)

    beside.run()

    assert nothing_sent(beside, uuid)


@pytest.mark.parametrize("facts", [{"visibility": "hidden"}, {"is_trashed": True}])
def test_what_is_known_to_be_hidden_or_trashed_is_not_even_asked_for(
    beside: Beside, facts: dict[str, Any]
) -> None:
    uuid = beside.add(**facts)

    assert beside.run() == 0

    assert nothing_sent(beside, uuid)


@pytest.mark.parametrize("reason", ["locked", "trashed", "hidden", "archived"])
def test_what_is_withheld_here_is_not_even_asked_for(beside: Beside, reason: str) -> None:
    uuid = beside.add()
    beside.withhold(uuid, reason)

    assert beside.run() == 0

    assert nothing_sent(beside, uuid)
    beside.withhold(uuid, None)
    assert beside.run() == 1


def test_what_nobody_described_is_not_due(beside: Beside) -> None:
    uuid = beside.add(said=None)

    assert beside.run() == 0

    assert nothing_sent(beside, uuid)


def test_a_server_newer_than_known_is_never_written(beside: Beside) -> None:
    uuid = beside.add()
    beside.server.version = "3.3.0"  # upgraded since it was connected

    with pytest.raises(Blocked, match=r"3\.3\.0 is newer"):
        beside.run()

    assert nothing_sent(beside, uuid)


def test_an_upgrade_in_the_middle_of_a_run_is_noticed_when_it_begins_anew(beside: Beside) -> None:
    beside.add()
    beside.run()
    uuid = beside.add()
    beside.server.version = "4.0.0"

    with pytest.raises(Blocked, match=r"4\.0\.0 is newer"):
        beside.run()

    assert beside.server.assets[uuid].description == ""


def test_a_key_that_may_not_write_blocks_the_stage_with_what_it_lacks(
    tmp_path: Path, database: Database
) -> None:
    with Immich() as server:
        beside = Beside(tmp_path, database, server)
        beside.connect("anna", ("asset.read", "asset.update", "tag.read", "user.read"))
        uuid = beside.add()

        with pytest.raises(Blocked, match=r"of anna .* lacks tag\.asset, tag\.create"):
            beside.run()
        assert nothing_sent(beside, uuid)
        beside.write = ("description", "record")
        assert beside.run() == 1
        assert server.assets[uuid].description != ""


def test_one_key_that_may_not_write_does_not_keep_another_from_it(beside: Beside) -> None:
    ben = beside.connect("ben", ("asset.read",))
    theirs = beside.add(owner="ben", account_id=ben)
    ours = beside.add()

    beside.run()

    assert beside.server.assets[ours].tags
    assert beside.server.assets[theirs].tags == set()
    beside.server.users["ben"].keys[beside.keys[ben]] = ("all",)
    beside.run()
    assert beside.server.assets[theirs].tags


def test_a_photo_of_two_people_is_told_to_both(beside: Beside) -> None:
    ben = beside.connect("ben")
    ours = beside.add("Anna")
    theirs = beside.server.add("/ben/1.jpg", owner="ben", description="Ben", library=False)
    beside.match(theirs, beside.asset_of(ours), ben)

    assert beside.run() == 1

    assert beside.server.assets[ours].description.startswith("Anna\n\n[mediaindex]")
    assert beside.server.assets[theirs].description.startswith("Ben\n\n[mediaindex]")


def test_a_dry_run_only_asks(beside: Beside) -> None:
    uuids = [beside.add("Anna"), beside.add(), beside.add()]
    beside.write = ()

    found = list(sketches(beside.config, opener=beside.opener))

    assert len(found) == len(uuids)
    assert {one.method for one in beside.server.requests} == {"GET"}
    assert all(beside.written(uuid) is None for uuid in uuids)


def test_429_backs_off_and_counts_against_no_photo(beside: Beside) -> None:
    uuid = beside.add()
    beside.server.fail_next(1, Fault.too_many(7).of("PUT /api/assets"))
    stop = threading.Event()
    stage = Publish(beside.config, beside.database, stop, opener=beside.opener)

    stage.ready()
    with beside.database.read() as session:
        loaded = stage.load(session, beside.asset_of(uuid))

    with pytest.raises(Blocked) as blocked:
        stage.work([loaded])
    stage.close()

    assert blocked.value.after_s == 7
    assert beside.run() == 1


def test_a_runner_goes_on_by_itself_when_a_server_was_busy(beside: Beside) -> None:
    uuids = [beside.add() for _ in range(3)]
    # Not the first: a run that did nothing waits for nobody.
    beside.server.faults += [Fault.too_many(0).of(f"PUT /api/assets/{uuids[1]}")]
    stop = threading.Event()
    stage = Publish(beside.config, beside.database, stop, opener=beside.opener)

    [done] = Runner(beside.database, [stage]).run(stop)

    assert (done.done, done.failed, done.blocked_reason) == (3, 0, None)
    with beside.database.read() as session:
        assert session.scalars(select(JobRow)).all() == []
        assert session.scalars(select(BlockedRow)).all() == []


def test_one_photo_that_has_the_server_fail_again_and_again_keeps_no_other_from_its_turn(
    beside: Beside,
) -> None:
    good, bad = beside.add(), beside.add()
    beside.server.fail_next(50, Fault.refuse(500).of(f"PUT /api/assets/{bad}"))
    stop = threading.Event()
    stage = Publish(beside.config, beside.database, stop, opener=beside.opener)
    stage.ready()
    with beside.database.read() as session:
        loaded = stage.load(session, beside.asset_of(bad))
    errors = []
    for _ in range(3):
        with pytest.raises(Exception, match="boom") as raised:
            stage.work([loaded])
        errors.append(isinstance(raised.value, Blocked))

    with beside.database.read() as session:
        stage.work([stage.load(session, beside.asset_of(good))])
    stage.close()

    assert errors == [True, True, False]
    assert beside.server.assets[good].tags


def test_a_photo_that_is_gone_is_nobodys_fault(beside: Beside) -> None:
    uuid, other = beside.add(), beside.add()
    beside.server.purge(uuid)

    assert beside.run() == 2

    assert beside.server.assets[other].tags


def test_a_server_that_is_off_blocks(beside: Beside) -> None:
    beside.add()
    beside.server.stop()

    with pytest.raises(Blocked, match="no Immich at"):
        beside.run()

    beside.server.start()
    assert beside.run() == 1


def test_it_breaks_off_between_photos(beside: Beside) -> None:
    uuid = beside.add()
    stop = threading.Event()
    stage = Publish(beside.config, beside.database, stop, opener=beside.opener)
    stage.ready()
    with beside.database.read() as session:
        loaded = stage.load(session, beside.asset_of(uuid))
    stop.set()

    with pytest.raises(BrokenOff):
        stage.work([loaded])
    stage.close()

    assert nothing_sent(beside, uuid)


def test_no_more_are_written_in_a_minute_than_is_allowed(beside: Beside) -> None:
    waits: list[float] = []

    class Stop(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return False

    pace = Pace(60, Stop(), clock=iter([100.0, 100.0, 100.2, 101.0, 107.0, 107.0]).__next__)
    for _ in range(3):
        pace()

    assert waits == pytest.approx([0.0, 0.8, 0.0])


def test_what_comes_into_immich_later_is_told_then(beside: Beside) -> None:
    uuid = beside.add("Anna")
    beside.run()
    copy = beside.server.add("/photos/copy.jpg", owner="anna", description="Ben")

    beside.match(copy, beside.asset_of(uuid))

    assert beside.run() == 1
    assert beside.server.assets[copy].tags == beside.server.assets[uuid].tags != set()
