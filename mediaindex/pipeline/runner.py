"""Run the stages: sessions, commits, leases, failures and time, in one place.

One thread talks to the database. It claims what is due, hands it to the stages' own threads, and
stores what they bring back, all in short transactions. So nothing slow is ever done under the write
lock, and `kill -9` at any moment leaves leases behind and nothing else.
"""

import itertools
import logging
import os
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mediaindex.errors import MediaIndexError, RetryLater, Unusable
from mediaindex.pipeline.stage import POSTPONE, BrokenOff, Redo, Stage
from mediaindex.store import jobs
from mediaindex.store.database import Database

log = logging.getLogger(__name__)

CLAIM = 32
"""Subjects leased at once, if a stage's batch is not larger."""

PATIENCE_S = 15
"""A run does not end while a job that went wrong is to be tried again within this time."""


@dataclass
class Progress:
    """How far a stage has come in this run."""

    stage: str
    done: int = 0
    failed: int = 0
    postponed: int = 0
    #: Why it does no work; None if it can.
    blocked_reason: str | None = None
    #: Seconds spent in `work`, all threads together.
    busy_s: float = 0.0


@dataclass(frozen=True)
class _Claimed:
    """A subject that is ours as long as its job carries our lease."""

    subject_id: int
    #: Of one claim and no other: whoever takes the lease away makes the result worthless.
    lease: str
    inputs: Any


@dataclass
class _Lane:
    """A stage with its threads and what is on its way."""

    stage: Stage[Any, Any]
    pool: ThreadPoolExecutor
    progress: Progress
    after_id: int = 0
    claimed: deque[_Claimed] = field(default_factory=deque)
    calls: dict[Future[list[Any]], list[_Claimed]] = field(default_factory=dict)
    opening: Future[None] | None = None
    is_open: bool = False
    look_again_at: float = 0.0

    @property
    def busy(self) -> bool:
        opening = self.opening is not None and not self.is_open
        return bool(self.calls or self.claimed or (opening and not self.progress.blocked_reason))


class Runner:
    """Works until nothing is due. Not safe to share; whoever runs it holds the state's lock."""

    def __init__(
        self,
        database: Database,
        stages: Sequence[Stage[Any, Any]],
        sync: Callable[[], int] = lambda: 0,
        on_progress: Callable[[Sequence[Progress]], None] = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._sync = sync
        self._syncing: Future[int] | None = None
        self._sync_pool = ThreadPoolExecutor(1, "sync")
        self._on_progress = on_progress
        self._clock = clock
        self._now = clock()
        self._worker = f"{os.uname().nodename}:{os.getpid()}"
        self._claims = itertools.count()
        # Stages of one name share the work of one, so they are one to whoever looks on.
        self._progress = {stage.name: Progress(stage.name) for stage in stages}
        self._lanes = [
            _Lane(stage, ThreadPoolExecutor(stage.width, stage.name), self._progress[stage.name])
            for stage in stages
        ]

    def run(self, stop: threading.Event) -> list[Progress]:
        """Work until nothing is due or `stop` is set; then finish what was begun.

        Returns:
            What each stage did.
        """
        with self._database.write() as session:
            jobs.release_leases(session)
        try:
            while not stop.is_set():
                self._turn()
                self._on_progress(list(self._progress.values()))
                if not self._wait() and not self._wait_for_retries(stop):
                    break
            self._finish()
        finally:
            self._close()
        return list(self._progress.values())

    def _turn(self) -> None:
        """Store what came back and hand out what is due, in one transaction."""
        now = self._now = self._clock()
        with self._database.write() as session:
            for lane in self._lanes:
                self._collect(session, lane, now)
            for lane in self._lanes:
                self._check_opening(session, lane, now)
                self._claim(session, lane, now)
        for lane in self._lanes:
            _hand_out(lane)
        if self._syncing is None or self._syncing.done():
            if self._syncing is not None:
                self._syncing.result()
            self._syncing = self._sync_pool.submit(self._sync)

    def _collect(self, session: Session, lane: _Lane, now: datetime) -> None:
        for call in [call for call in lane.calls if call.done()]:
            claimed = lane.calls.pop(call)
            error = call.exception()
            outcomes = call.result() if error is None else [error] * len(claimed)
            ids = [one.subject_id for one in claimed]
            leases = jobs.leases(session, lane.stage.name, lane.stage.subject, ids)
            for one, outcome in zip(claimed, outcomes, strict=True):
                # Without its lease it was made from what holds no longer, and is due again.
                if leases.get(one.subject_id) == one.lease:
                    self._settle(session, lane, one.subject_id, outcome, now)

    def _settle(
        self,
        session: Session,
        lane: _Lane,
        subject_id: int,
        outcome: Any,  # noqa: ANN401 - the stage's own result, or an error
        now: datetime,
    ) -> None:
        stage, progress = lane.stage, lane.progress
        job = (session, stage.name, stage.subject, subject_id)
        if not isinstance(outcome, BaseException):
            outcome = _saved(session, stage, subject_id, outcome, now)
        if outcome is None:
            progress.done += 1
        elif isinstance(outcome, Unusable):
            log.info("%s: %s %d: %s", stage.name, stage.subject, subject_id, outcome)
            jobs.fail(*job, reason=_reason(outcome), now=now)
            progress.failed += 1
        elif isinstance(outcome, BrokenOff):
            jobs.finish(*job)
        elif isinstance(outcome, Redo):
            jobs.forget_results(session, subject_id, [outcome.stage, stage.name])
        elif isinstance(outcome, MediaIndexError):
            jobs.postpone(*job, reason=_reason(outcome), until=now + POSTPONE, now=now)
            progress.postponed += 1
        else:
            text = _storable("".join(traceback.format_exception(outcome)))
            reason = _reason(outcome)
            log.warning("%s: %s %d: %s", stage.name, stage.subject, subject_id, reason)
            if jobs.stumble(*job, reason=reason, traceback=text, now=now):
                progress.failed += 1

    def _check_opening(self, session: Session, lane: _Lane, now: datetime) -> None:
        if lane.is_open or lane.opening is None or not lane.opening.done():
            return
        error = lane.opening.exception()
        if error is None:
            lane.is_open = True
            jobs.unblock(session, lane.stage.name)
        elif isinstance(error, RetryLater):
            if session.scalars(lane.stage.due(now).limit(1)).first() is None:
                lane.opening = None  # now that it knows what is missing, it needs it for nothing
                return
            lane.progress.blocked_reason = str(error)
            jobs.block(session, lane.stage.name, str(error), now)
        else:
            raise error

    def _claim(self, session: Session, lane: _Lane, now: datetime) -> None:
        """Lease more, if the lane runs low; ask for the stage to be opened if it never was."""
        stage = lane.stage
        enough = stage.batch * stage.width
        if lane.progress.blocked_reason or len(lane.claimed) >= enough:
            return
        began = time.monotonic()
        if began < lane.look_again_at and self._others_busy(lane):
            return
        if not lane.is_open:
            if lane.opening is None and session.scalars(stage.due(now).limit(1)).first():
                lane.opening = lane.pool.submit(stage.ready)
            elif lane.opening is None:
                lane.look_again_at = began + 10 * (time.monotonic() - began) + 0.2
            return
        lease = f"{self._worker}:{next(self._claims)}"
        ids = self._lease(session, lane, max(CLAIM, enough), lease, now)
        if not ids:
            # A look through all that is done costs time in a large library; look seldom.
            lane.look_again_at = time.monotonic() + 10 * (time.monotonic() - began) + 0.2
        lane.claimed.extend(_Claimed(each, lease, stage.load(session, each)) for each in ids)

    def _lease(
        self, session: Session, lane: _Lane, limit: int, lease: str, now: datetime
    ) -> list[int]:
        """Lease on from where the last claim ended; at the end, once more from the start."""
        for after_id in dict.fromkeys((lane.after_id, 0)):
            ids = jobs.claim(
                session,
                lane.stage.name,
                lane.stage.subject,
                lane.stage.due(now),
                after_id=after_id,
                limit=limit,
                worker=lease,
                now=now,
            )
            if ids:
                lane.after_id = ids[-1]
                return ids
        lane.after_id = 0
        return []

    def _others_busy(self, lane: _Lane) -> bool:
        return any(other.busy for other in self._lanes if other is not lane)

    def _wait(self) -> bool:
        """Wait until something comes back; False if nothing is on its way."""
        pending: list[Future[Any]] = [call for lane in self._lanes for call in lane.calls]
        pending += [
            lane.opening
            for lane in self._lanes
            if lane.opening and not lane.is_open and not lane.progress.blocked_reason
        ]
        wait(pending, timeout=0.5 if pending else 0, return_when=FIRST_COMPLETED)
        return bool(pending) or any(lane.claimed for lane in self._lanes)

    def _wait_for_retries(self, stop: threading.Event) -> bool:
        """Wait for a job that is to be tried again soon; False if there is none."""
        open_stages = [lane.stage.name for lane in self._lanes if not lane.progress.blocked_reason]
        with self._database.read() as session:
            soonest = jobs.next_retry(session, open_stages, self._now)
        if soonest is None or soonest > self._now + timedelta(seconds=PATIENCE_S):
            return False
        stop.wait(max(0.0, (soonest - self._clock()).total_seconds()))
        return not stop.is_set()

    def _finish(self) -> None:
        """Let the calls that have begun end, store them, and give back the rest."""
        for lane in self._lanes:
            lane.claimed.clear()
            for call in lane.calls:
                call.cancel()
        for lane in self._lanes:
            lane.calls = {call: ids for call, ids in lane.calls.items() if not call.cancelled()}
            wait(lane.calls)
        now = self._clock()
        with self._database.write() as session:
            for lane in self._lanes:
                self._collect(session, lane, now)
            jobs.release_leases(session)
        self._sync_pool.shutdown(wait=True)
        while self._sync():
            pass
        self._on_progress(list(self._progress.values()))

    def _close(self) -> None:
        for lane in self._lanes:
            lane.pool.shutdown(wait=False, cancel_futures=True)
            lane.stage.close()
        self._sync_pool.shutdown(wait=True, cancel_futures=True)


def _saved(
    session: Session,
    stage: Stage[Any, Any],
    subject_id: int,
    result: Any,  # noqa: ANN401 - the stage's own
    now: datetime,
) -> Exception | None:
    """Store a result and return None, or undo it alone and return what went wrong."""
    try:
        with session.begin_nested():
            stage.save(session, subject_id, result, now)
    except OperationalError:
        raise  # the disk is full, or another program holds the lock: no file is to blame
    except Exception as error:  # noqa: BLE001 - it counts against this one
        return error
    return None


def _reason(error: BaseException) -> str:
    """Return the last line of what an error says; a traceback has what happened there."""
    return _storable(str(error).strip().rpartition("\n")[2]) or type(error).__name__


def _storable(text: str) -> str:
    """Return a text without halves of characters, of which no database takes any."""
    return text.encode(errors="backslashreplace").decode()


def _hand_out(lane: _Lane) -> None:
    # One call more than there are threads, so that none waits for the next transaction.
    while lane.claimed and len(lane.calls) <= lane.stage.width:
        some = [lane.claimed.popleft() for _ in range(min(lane.stage.batch, len(lane.claimed)))]
        lane.calls[lane.pool.submit(_timed, lane, [one.inputs for one in some])] = some


def _timed(lane: _Lane, inputs: list[Any]) -> list[Any]:
    began = time.monotonic()
    try:
        return list(lane.stage.work(inputs))
    finally:
        lane.progress.busy_s += time.monotonic() - began
