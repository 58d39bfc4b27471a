"""Stages that cannot work for a while, that a person pauses, or whose world fails them."""

import threading
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.errors import Faulty
from mediaindex.pipeline.lane import Cursor
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.stage import Blocked
from mediaindex.store import jobs, pauses
from mediaindex.store.database import Database
from mediaindex.store.jobs import LAST_ID, MAX_ATTEMPTS
from mediaindex.store.tables import AssetRow, BlockedRow, JobRow
from tests.conftest import NOW
from tests.integration.test_runner import Step, results, run, seven

__all__ = ["seven"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run ends where it would wait for a second attempt: that is the next run's."""
    monkeypatch.setattr("mediaindex.pipeline.runner.PATIENCE_S", 0)


def test_server_that_dies_and_comes_back_leaves_nothing_undone_and_blames_nobody(
    database: Database, seven: list[int]
) -> None:
    deaths = [2, 4]
    step = Step("first", lambda asset_id: dead(asset_id))

    def dead(asset_id: int) -> Blocked | None:
        if asset_id in deaths:
            deaths.remove(asset_id)
            return Blocked("the server is off", after_s=0)
        return None

    assert run(database, step) == {"first": (7, 0, 0)}
    with database.read() as session:
        assert session.scalars(select(JobRow)).all() == []
        assert session.scalars(select(BlockedRow)).all() == []


def test_server_that_stays_off_blocks_its_stage_and_no_other(
    database: Database, seven: list[int]
) -> None:
    off = Step("first", lambda _: Blocked("the server is off"))
    other = Step("other")

    assert run(database, off, other) == {"first": (0, 0, 0), "other": (7, 0, 0)}
    with database.read() as session:
        (blocked,) = session.scalars(select(BlockedRow))
        assert (blocked.stage, blocked.reason) == ("first", "the server is off")
        assert session.scalars(select(JobRow)).all() == []


def test_stage_that_is_blocked_is_given_another_look_while_others_work(
    database: Database, seven: list[int]
) -> None:
    is_there = threading.Event()
    late = Step("late")
    looks = []

    def ready() -> None:
        looks.append(is_there.is_set())
        if not is_there.is_set():
            raise Blocked("the model is being loaded", after_s=0)

    def wait(asset_id: int) -> None:
        if asset_id == 7:
            while not looks:
                threading.Event().wait(0.01)
            is_there.set()
            while not late.worked:
                threading.Event().wait(0.01)

    late.ready = ready  # type: ignore[method-assign]

    assert run(database, late, Step("other", wait))["late"] == (7, 0, 0)
    assert looks[0] is False


def test_what_a_server_fails_at_is_tried_again_and_at_last_given_up_without_a_traceback(
    database: Database, seven: list[int]
) -> None:
    tries: list[int] = []

    def fail(asset_id: int) -> Faulty | None:
        if asset_id == 3:
            tries.append(asset_id)
            return Faulty("it broke off in the middle of its answer")
        return None

    for _ in range(MAX_ATTEMPTS):  # each a run of its own: the wait is longer than a run's patience
        run(database, Step("first", fail))
        with database.write() as session:
            for job in session.scalars(select(JobRow)):
                job.run_after = NOW - timedelta(days=1)

    assert len(tries) == MAX_ATTEMPTS
    with database.read() as session:
        (job,) = session.scalars(select(JobRow))
        assert (job.asset_id, job.state, job.traceback) == (3, "failed", None)
        assert job.error == "it broke off in the middle of its answer"


def test_attempts_at_a_server_that_turns_out_to_be_broken_are_taken_back(
    database: Database, seven: list[int]
) -> None:
    def fail(asset_id: int) -> Faulty | Blocked:
        return Faulty("half an answer") if asset_id > 5 else Blocked("it fails at every picture")

    step = Step("first", fail)
    step.batch = step.width = 1
    for _ in range(MAX_ATTEMPTS + 1):
        run(database, step)
        with database.write() as session:
            assert set(session.scalars(select(JobRow.attempts))) == {0}
            assert set(session.scalars(select(JobRow.state))) == {"waiting"}
            for job in session.scalars(select(JobRow)):
                job.run_after = NOW - timedelta(days=1)

    assert run(database, Step("first"))["first"] == (7, 0, 0)


def test_attempts_count_where_others_were_done_meanwhile(
    database: Database, seven: list[int]
) -> None:
    def fail(asset_id: int) -> Faulty | Blocked | None:
        if asset_id == 7:
            return Faulty("half an answer")
        return Blocked("it is off") if asset_id < 5 else None

    step = Step("first", fail)
    step.batch = step.width = 1
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mediaindex.pipeline.runner.REVIVAL_S", 0)
        run(database, step)

    with database.read() as session:
        (job,) = session.scalars(select(JobRow))
        assert (job.asset_id, job.attempts) == (7, 1)


def test_paused_stage_does_nothing_until_a_person_lets_it_go_on(
    database: Database, seven: list[int]
) -> None:
    with database.write() as session:
        pauses.pause(session, "first")

    assert run(database, Step("first"), Step("other")) == {"first": (0, 0, 0), "other": (7, 0, 0)}
    with database.write() as session:
        assert pauses.resume(session, "first")
        assert not pauses.resume(session, "first")
    assert run(database, Step("first"))["first"] == (7, 0, 0)


def test_pause_in_the_middle_of_a_run_lets_what_has_begun_end(
    database: Database, seven: list[int]
) -> None:
    def pause(_: int) -> None:
        with database.write() as session:
            pauses.pause(session, "first")

    step = Step("first", pause)
    step.batch = step.width = 1

    (progress,) = Runner(database, [step]).run(threading.Event())

    assert progress.is_paused
    assert results(database, "first") == sorted(step.worked)
    assert 1 <= len(step.worked) <= 3
    with database.read() as session:
        assert session.scalars(select(JobRow)).all() == []


def test_newest_come_first_and_what_arrives_comes_before_what_waits(
    database: Database, seven: list[int]
) -> None:
    step = Step("first", lambda asset_id: arrive(asset_id))
    step.lasting, step.batch, step.width = True, 1, 1

    def arrive(asset_id: int) -> None:
        if asset_id == 5:
            with database.write() as session:
                made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
                session.add(AssetRow(sha256="fresh", **made))

    run(database, step)

    assert sorted(step.worked) == [*seven, 8]
    assert step.worked[:3] == [7, 6, 5]
    # One was begun, and one more was handed out already.
    assert step.worked.index(8) <= 5
    waiting = [asset_id for asset_id in step.worked if asset_id != 8]
    assert waiting == sorted(waiting, reverse=True)


def test_cursor_goes_on_from_where_the_last_claim_ended() -> None:
    newest = Cursor()
    assert list(newest.ranges(0)) == [(0, LAST_ID)]
    newest.looked((0, LAST_ID), [9, 8, 7], took_s=0, now=0)

    assert list(newest.ranges(0)) == [(9, LAST_ID), (0, 6), (0, LAST_ID)]
    newest.looked((0, 6), [6, 3], took_s=0, now=0)
    assert list(newest.ranges(0)) == [(9, LAST_ID), (0, 2), (0, LAST_ID)]
    for span in [(9, LAST_ID), (0, 2), (0, LAST_ID)]:
        newest.looked(span, [], took_s=0, now=0)
    assert list(newest.ranges(0)) == [(0, LAST_ID)]


def test_cursor_goes_on_where_it_was_after_what_came_in_between() -> None:
    newest = Cursor()
    newest.looked((0, LAST_ID), [9, 8, 7], took_s=0, now=0)

    newest.looked((9, LAST_ID), [12, 11], took_s=0, now=0)
    newest.revisit(12)

    # One that was not ready yet, 10, is found as well.
    assert list(newest.ranges(0)) == [(9, LAST_ID), (0, 6), (0, LAST_ID)]
    newest.revisit(8)
    assert list(newest.ranges(0)) == [(9, LAST_ID), (0, 8), (0, LAST_ID)]


def test_cursor_begins_anew_above_what_came_once_that_is_much() -> None:
    newest = Cursor()
    newest.looked((0, LAST_ID), [9, 8, 7], took_s=0, now=0)

    newest.looked((9, LAST_ID), [9000, 8999], took_s=0.1, now=100)

    assert list(newest.ranges(103)) == [(9000, LAST_ID), (0, 8998), (0, LAST_ID)]


def test_cursor_seldom_looks_through_what_is_done() -> None:
    newest = Cursor()
    newest.looked((0, LAST_ID), [9], took_s=0, now=0)

    newest.looked((9, LAST_ID), [], took_s=0.5, now=100)

    assert list(newest.ranges(105)) == [(0, 8), (0, LAST_ID)]
    assert list(newest.ranges(111)) == [(9, LAST_ID), (0, 8), (0, LAST_ID)]
    newest.looked((0, 8), [7], took_s=9, now=111)
    assert len(list(newest.ranges(111))) == 3


def test_what_is_done_in_parts_is_done_to_the_end_before_what_is_older(
    database: Database, seven: list[int]
) -> None:
    parts = [6, 6, 6]

    class Parts(Step):
        def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
            if subject_id in parts:
                parts.remove(subject_id)
                jobs.finish(session, self.name, "asset", subject_id)
            else:
                super().save(session, subject_id, result, now)

    step = Parts("first")
    step.lasting, step.batch, step.width = True, 1, 1

    run(database, step)

    assert step.worked.count(6) == 4
    assert step.worked.index(2) > max(at for at, asset in enumerate(step.worked) if asset == 6)


def test_one_lease_is_given_back_and_the_others_stay(database: Database, seven: list[int]) -> None:
    step = Step("first")
    with database.write() as session:
        claimed = jobs.claim(
            session,
            "first",
            "asset",
            step.due(),
            limit=3,
            worker="w",
            now=NOW,
        )
        jobs.give_back(session, "first", "asset", claimed[:1])

    assert claimed == [7, 6, 5]
    with database.read() as session:
        assert set(session.scalars(select(JobRow.asset_id))) == {5, 6}
