"""The runner with small stages of its own on a real database."""

import itertools
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import Select, delete, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mediaindex.errors import MediaIndexError, RetryLater, Unusable
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.stage import Redo
from mediaindex.store import jobs
from mediaindex.store.database import Database
from mediaindex.store.due import Work, assets_due
from mediaindex.store.jobs import MAX_ATTEMPTS, Subject
from mediaindex.store.tables import AssetRow, BlockedRow, JobRow, ResultRow
from tests.conftest import NOW

Job = Callable[[int], MediaIndexError | None]


class Step:
    """A stage that does to each asset what the test says."""

    subject: Subject = "asset"
    width = 2
    lasting = False

    def __init__(self, name: str, job: Job = lambda _: None, *after: str) -> None:
        self.name = name
        self.batch = 2
        self.worked: list[int] = []
        self.missing: str | None = None
        self._job = job
        self._work = Work(name, "1", ("photo",), after)
        self._lock = threading.Lock()

    def ready(self) -> None:
        if self.missing is not None:
            raise RetryLater(self.missing)

    def due(self) -> Select[int]:
        return assets_due(self._work)

    def load(self, session: Session, subject_id: int) -> int:
        return subject_id

    def work(self, inputs: Sequence[int]) -> list[int | MediaIndexError]:
        with self._lock:
            self.worked.extend(inputs)
        return [self._job(asset_id) or asset_id for asset_id in inputs]

    def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
        jobs.mark_done(session, subject_id, self.name, "1", now, redo=())

    def close(self) -> None:
        pass


@pytest.fixture
def seven(database: Database) -> list[int]:
    with database.write() as session:
        for number in range(7):
            made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
            session.add(AssetRow(sha256=str(number), **made))
    return list(range(1, 8))


def results(database: Database, stage: str) -> list[int]:
    with database.read() as session:
        return sorted(session.scalars(select(ResultRow.asset_id).filter_by(stage=stage)))


def run(database: Database, *steps: Step) -> dict[str, tuple[int, int, int]]:
    # A clock that hurries: nobody waits for what is to be tried again in some seconds.
    ticks = itertools.count()
    runner = Runner(database, steps, clock=lambda: NOW + timedelta(seconds=5 * next(ticks)))
    found = runner.run(threading.Event())
    return {one.stage: (one.done, one.failed, one.postponed) for one in found}


def test_everything_due_is_done_once_and_no_job_is_left(
    database: Database, seven: list[int]
) -> None:
    first, second = Step("first"), Step("second", lambda _: None, "first")

    assert run(database, first, second) == {"first": (7, 0, 0), "second": (7, 0, 0)}
    assert sorted(first.worked) == sorted(second.worked) == seven
    with database.read() as session:
        assert session.scalars(select(JobRow)).all() == []


def test_second_run_does_nothing(database: Database, seven: list[int]) -> None:
    run(database, Step("first"))
    again = Step("first")

    assert run(database, again) == {"first": (0, 0, 0)}
    assert again.worked == []


def test_one_unusable_file_fails_alone_and_stays_failed(
    database: Database, seven: list[int]
) -> None:
    step = Step("first", lambda asset_id: Unusable("cut off") if asset_id == 3 else None)

    assert run(database, step) == {"first": (6, 1, 0)}
    assert run(database, step) == {"first": (0, 0, 0)}
    with database.read() as session:
        job = session.scalars(select(JobRow)).one()
    assert (job.asset_id, job.state, job.error) == (3, "failed", "cut off")


def test_what_is_put_off_waits_and_the_run_ends(database: Database, seven: list[int]) -> None:
    step = Step("first", lambda asset_id: RetryLater("share is off") if asset_id < 3 else None)

    assert run(database, step) == {"first": (5, 0, 2)}
    with database.read() as session:
        assert session.scalars(select(JobRow.state)).all() == ["waiting", "waiting"]


def test_bug_at_one_input_is_tried_again_and_then_kept_with_its_traceback(
    database: Database, seven: list[int]
) -> None:
    def blunder(asset_id: int) -> None:
        if asset_id == 5:
            raise ZeroDivisionError("a bug")

    step = Step("first", blunder)
    step.batch = 1

    assert run(database, step) == {"first": (6, 1, 0)}
    assert step.worked.count(5) == MAX_ATTEMPTS
    with database.read() as session:
        job = session.scalars(select(JobRow)).one()
    assert job.error == "a bug"
    assert "in blunder" in (job.traceback or "")


def test_result_that_cannot_be_stored_fails_alone_and_the_run_goes_on(
    database: Database, seven: list[int]
) -> None:
    class Writer(Step):
        def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
            super().save(session, subject_id, result, now)
            session.execute(text("SELECT :word"), {"word": "\ud83d" if subject_id == 4 else "dog"})

    step = Writer("first")

    assert run(database, step) == {"first": (6, 1, 0)}
    assert results(database, "first") == [1, 2, 3, 5, 6, 7]
    with database.read() as session:
        job = session.scalars(select(JobRow)).one()
    assert (job.asset_id, job.state, job.attempts) == (4, "failed", MAX_ATTEMPTS)
    assert "surrogates not allowed" in (job.error or "")


def test_full_disk_is_no_files_fault(database: Database, seven: list[int]) -> None:
    class Hoarder(Step):
        def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
            session.execute(text("PRAGMA max_page_count = 1"))
            for _ in range(1000):
                made = {"kind": "photo", "format": "jpeg", "size_bytes": 1, "added_at": NOW}
                session.add(AssetRow(sha256=str(uuid4()) * 100, **made))
            session.flush()

    with pytest.raises(OperationalError, match="full"):
        run(database, Hoarder("first"))
    with database.read() as session:
        assert session.scalars(select(JobRow).where(JobRow.attempts > 0)).all() == []


@pytest.mark.parametrize("error", [Unusable, RetryLater, ValueError])
def test_reason_may_hold_half_a_character(
    database: Database, seven: list[int], error: type[Exception]
) -> None:
    def blunder(_: int) -> None:
        raise error("says \ud83d")

    step = Step("first", blunder)
    step.batch = 1
    run(database, step)

    with database.read() as session:
        assert set(session.scalars(select(JobRow.error))) == {"says \\ud83d"}


def test_stage_that_cannot_work_is_blocked_and_the_others_go_on(
    database: Database, seven: list[int]
) -> None:
    blocked, free = Step("blocked"), Step("free")
    blocked.missing = "no weights; run: mediaindex model download fast"

    assert run(database, blocked, free) == {"blocked": (0, 0, 0), "free": (7, 0, 0)}
    with database.read() as session:
        assert session.scalars(select(BlockedRow.reason)).all() == [blocked.missing]
        assert session.scalars(select(JobRow)).all() == []

    blocked.missing = None
    assert run(database, blocked) == {"blocked": (7, 0, 0)}
    with database.read() as session:
        assert session.scalars(select(BlockedRow)).all() == []


def test_stage_is_not_forgotten_while_another_is_blocked(
    database: Database, seven: list[int]
) -> None:
    blocked, first = Step("blocked"), Step("first")
    last = Step("last", lambda _: None, "first")
    blocked.missing = "no weights"
    first.batch = first.width = 1

    for _ in range(5):
        last.worked.clear()
        with database.write() as session:
            session.execute(delete(ResultRow))
        assert run(database, last, blocked, first)["last"] == (7, 0, 0)


def test_stage_with_nothing_to_do_is_not_asked_whether_it_could(database: Database) -> None:
    idle = Step("idle")
    idle.missing = "no weights"

    run(database, idle)

    with database.read() as session:
        assert session.scalars(select(BlockedRow)).all() == []


def test_run_does_not_end_for_a_stage_that_has_nothing_to_do_after_all(
    database: Database, seven: list[int]
) -> None:
    """While one was found out to have nothing to do, the others waited for it to be done."""
    last_begun, go = threading.Event(), threading.Event()

    class Eager(Step):
        """It seems to have work, until it is ready."""

        def ready(self) -> None:
            assert go.wait(30)
            self._work = Work(self.name, "1", ("none",), ())

    def work(asset_id: int) -> None:
        if asset_id == 1:
            last_begun.set()
            assert go.wait(30)
        elif asset_id == 2:
            assert last_begun.wait(30)

    first, second, eager = Step("first", work), Step("second", lambda _: None, "first"), Eager("e")
    futures: list[Future[Any]] = []

    def clock() -> datetime:
        if last_begun.is_set():  # a turn finds both: the last of the first, and what is ready
            go.set()
            wait(futures)
        return NOW

    runner = Runner(database, [first, second, eager], clock=clock)
    for lane in runner._lanes:
        lane.pool.submit = noting(lane.pool.submit, futures)  # type: ignore[method-assign]

    runner.run(threading.Event())

    assert results(database, "second") == seven


def noting(submit: Callable[..., Future[Any]], futures: list[Future[Any]]) -> Any:
    def submitted(*args: Any) -> Future[Any]:
        futures.append(submit(*args))
        return futures[-1]

    return submitted


def test_lost_result_of_an_earlier_stage_is_made_again(
    database: Database, seven: list[int]
) -> None:
    lost = [4]
    first = Step("first")
    second = Step(
        "second",
        lambda asset_id: Redo("first", "preview is gone") if lost and lost.pop() else None,
        "first",
    )
    second.width = second.batch = 1

    assert run(database, first, second)["second"] == (7, 0, 0)
    assert len(first.worked) == 8


@pytest.mark.parametrize("error", [None, ValueError("a bug"), Unusable("no words")])
def test_what_was_made_from_an_older_result_is_not_stored(
    database: Database, seven: list[int], error: Exception | None
) -> None:
    said, heard = dict.fromkeys(seven, "old"), dict[int, str]()
    reading, renewed = threading.Event(), threading.Event()

    class Speaker(Step):
        def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
            said[subject_id] = "new"
            jobs.mark_done(session, subject_id, self.name, "1", now, redo=("hear",))
            if set(said.values()) == {"new"}:
                renewed.set()

    class Listener(Step):
        def load(self, session: Session, subject_id: int) -> Any:
            return subject_id, said[subject_id]

        def work(self, inputs: Sequence[Any]) -> list[Any]:
            reading.set()
            assert renewed.wait(30)
            if error is not None and inputs[0][1] == "old":
                raise error
            return list(inputs)

        def save(self, session: Session, subject_id: int, result: Any, now: datetime) -> None:
            heard.update([result])
            super().save(session, subject_id, subject_id, now)

    def wait(_: int) -> None:
        assert reading.wait(30)

    listener, speaker = Listener("hear"), Speaker("speak", wait)
    listener.batch = 7

    assert run(database, listener, speaker) == {"hear": (7, 0, 0), "speak": (7, 0, 0)}
    assert heard == dict.fromkeys(seven, "new")


def test_stop_lets_what_has_begun_end_and_gives_back_the_rest(
    database: Database, seven: list[int]
) -> None:
    stop = threading.Event()

    def stop_at_first(_: int) -> None:
        stop.set()

    step = Step("first", stop_at_first)
    step.batch = step.width = 1
    Runner(database, [step]).run(stop)

    assert results(database, "first") == sorted(step.worked)
    assert len(step.worked) < 7
    with database.read() as session:
        assert session.scalars(select(JobRow)).all() == []
    assert run(database, Step("first"))["first"][0] == 7 - len(step.worked)


def test_sync_has_been_told_of_everything_at_the_end(database: Database, seven: list[int]) -> None:
    step, waiting, told = Step("first"), [3, 2, 1], []

    def sync() -> int:
        told.append(len(results(database, "first")))
        return waiting.pop() if waiting else 0

    Runner(database, [step], sync).run(threading.Event())

    assert waiting == []
    assert told[-1] == 7


def test_stages_of_one_name_share_the_work_and_are_one_to_whoever_looks_on(
    database: Database, seven: list[int]
) -> None:
    low, high = Step("first"), Step("first")
    low.due = lambda: assets_due(low._work).where(AssetRow.id < 3)  # type: ignore[method-assign]
    high.due = lambda: assets_due(high._work).where(AssetRow.id >= 3)  # type: ignore[method-assign]

    assert run(database, low, high) == {"first": (7, 0, 0)}
    assert sorted(low.worked) == seven[:2]
    assert sorted(high.worked) == seven[2:]
