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
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from mediaindex.errors import BrokenOff, Faulty, MediaIndexError, NoRoom, RetryLater, Unusable
from mediaindex.pipeline.lane import Claimed, Cursor, Lane, Progress
from mediaindex.pipeline.outcome import Elsewhere, called, give_up, reason_of, settled, storable
from mediaindex.pipeline.stage import POSTPONE, Blocked, Redo, Stage
from mediaindex.store import blocked, jobs, pauses
from mediaindex.store.database import Database
from mediaindex.store.due import at

log = logging.getLogger(__name__)

CLAIM = 8
"""Subjects leased at once, if a stage's batch is not larger: what arrives next waits for them."""

PATIENCE_S = 35
"""A run does not end while a job that went wrong is to be tried again within this time."""

REVIVAL_S = 600
"""Nor while a stage that did some work in it is blocked for less than this: a box restarts."""

CARE_FIRST_S, CARE_EVERY_S, CARE_IDLE_S = 5.0, 600.0, 30.0
"""So long after its begin, so often while it works, and so often when it has caught up, a run has
looked after what was done: so that the first pictures of many can be found long before the last."""

LINGER_S = 120.0
"""A run that waits for work ends when there was none for so long, and lets go of what it holds."""

LOOK_S = 30.0
"""So often it looks for work that nobody told of."""

ROOM_S = 15.0
"""So often it is tried whether a disk that was full takes something again."""

FAULT_WAIT = timedelta(seconds=15)
BUG_WAIT = timedelta(seconds=2)
"""So long waits what went wrong at a server, or by a fault of ours, for its second attempt."""


class Runner:
    """Works until nothing is due. Not safe to share; whoever runs it holds the state's lock."""

    def __init__(
        self,
        database: Database,
        stages: Sequence[Stage[Any, Any]],
        sync: Callable[[], int] = lambda: 0,
        on_progress: Callable[[Sequence[Progress]], None] = lambda _: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        care: Callable[[], None] = lambda: None,
        on_thread: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare a run.

        Args:
            database: The store.
            stages: What is to be done, in order.
            sync: Tells the indexes of a batch of changes and returns how many those were.
            on_progress: Told how the stages fare, after every turn.
            clock: The time, UTC.
            care: Looks after what was done, in the run's own thread, while the indexes rest.
            on_thread: Called first in each thread that works.
        """
        self._database = database
        self._sync = sync
        self._syncing: Future[int] | None = None
        self._sync_pool = ThreadPoolExecutor(1, "sync")
        self._on_progress = on_progress
        self._clock = clock
        self._care = care
        self._cared_at = time.monotonic() - CARE_EVERY_S + CARE_FIRST_S
        self._cared_for = 0
        self._idle_since: float | None = None
        self._now = clock()
        self._worker = f"{os.uname().nodename}:{os.getpid()}"
        self._claims = itertools.count()
        # Stages of one name share the work of one, so they are one to whoever looks on.
        self._progress = {stage.name: Progress(stage.name) for stage in stages}
        self._lanes = [
            Lane(
                stage,
                ThreadPoolExecutor(stage.width, stage.name, on_thread),
                self._progress[stage.name],
                Cursor(),
            )
            for stage in stages
        ]

    def run(self, stop: threading.Event, wake: threading.Event | None = None) -> list[Progress]:
        """Work until nothing is due or `stop` is set; then finish what was begun.

        Args:
            stop: Ends the run; whoever sets it sets `wake` too.
            wake: Set when there may be work. With it the run waits for more, for as long as a stage
                is blocked or paused, and a while longer.

        Returns:
            What each stage did.
        """
        with self._database.write() as session:
            jobs.release_leases(session)
        try:
            while not stop.is_set():
                self._turn()
                self._tell_progress()
                if self._wait():
                    self._idle_since = None
                    self._look_after(CARE_EVERY_S)
                elif not (self._wait_for_retries(stop) if wake is None else self._rest(wake)):
                    break
            self._finish()
        finally:
            self._close()
        return list(self._progress.values())

    def _tell_progress(self) -> None:
        for name, progress in self._progress.items():
            progress.is_busy = any(lane.busy for lane in self._lanes if lane.stage.name == name)
        self._on_progress(list(self._progress.values()))

    def _look_after(self, every_s: float) -> None:
        """Look after what was done since the last time, if that was long enough ago."""
        done = sum(progress.done for progress in self._progress.values())
        if done == self._cared_for or time.monotonic() < self._cared_at + every_s:
            return
        if self._syncing is not None:
            self._syncing.result()  # nobody else is at the indexes meanwhile
        self._care()
        self._cared_for = done
        self._cared_at = time.monotonic()

    def _turn(self) -> None:
        """Store what came back and hand out what is due, in one transaction."""
        now = self._now = self._clock()
        with self._database.write() as session:
            for lane in self._lanes:
                self._collect(session, lane, now)
            paused = pauses.paused(session)
            for lane in self._lanes:
                self._pause(session, lane, lane.stage.name in paused)
                self._check_opening(session, lane, now)
            # Not before all are: one that was just opened is busy no more, and hinders nobody.
            for lane in self._lanes:
                self._claim(session, lane, now)
        for lane in self._lanes:
            lane.hand_out()
        if self._syncing is None or self._syncing.done():
            if self._syncing is not None:
                self._syncing.result()
            self._syncing = self._sync_pool.submit(self._sync)

    def _collect(self, session: Session, lane: Lane, now: datetime) -> None:
        for call in [call for call in lane.calls if call.done()]:
            claimed = lane.calls.pop(call)
            error = call.exception()
            outcomes = call.result() if error is None else [error] * len(claimed)
            ids = [one.subject_id for one in claimed]
            leases = jobs.leases(session, lane.stage.name, lane.stage.subject, ids)
            for one, outcome in zip(claimed, outcomes, strict=True):
                # Without its lease it was made from what holds no longer, and is due again.
                if leases.get(one.subject_id) == one.lease:
                    self._settle(session, lane, one, outcome, now)

    def _settle(
        self,
        session: Session,
        lane: Lane,
        one: Claimed,
        outcome: Any,  # noqa: ANN401 - the stage's own result, or an error
        now: datetime,
    ) -> None:
        stage, progress, subject_id = lane.stage, lane.progress, one.subject_id
        job = (session, stage.name, stage.subject, subject_id)
        # A file's asset has its number as a rule: one looked into late lies above where others are.
        for other in self._lanes if stage.subject == "file" else [lane]:
            other.cursor.revisit(subject_id)
        outcome = settled(session, stage, one, outcome, now)
        if outcome is None:
            progress.done += 1
            lane.worked()
        elif isinstance(outcome, Unusable):
            log.info("%s: %s: %s", stage.name, called(session, stage.subject, subject_id), outcome)
            give_up(session, stage, subject_id, outcome, now)
            progress.failed += 1
        elif isinstance(outcome, BrokenOff | Elsewhere):
            jobs.finish(*job)
        elif isinstance(outcome, Blocked | NoRoom):
            jobs.give_back(session, stage.name, stage.subject, [subject_id])
            self._block(session, lane, outcome, now)
        elif isinstance(outcome, Redo):
            jobs.forget_results(session, subject_id, [outcome.stage, stage.name])
        elif isinstance(outcome, MediaIndexError) and not isinstance(outcome, Faulty):
            jobs.postpone(*job, reason=reason_of(outcome), until=now + POSTPONE, now=now)
            progress.postponed += 1
        else:
            self._stumble(session, lane, subject_id, outcome, now)

    def _stumble(
        self, session: Session, lane: Lane, subject_id: int, error: BaseException, now: datetime
    ) -> None:
        """Count an attempt that went wrong; a fault of ours leaves its traceback."""
        stage, expected = lane.stage, isinstance(error, Faulty)
        name = called(session, stage.subject, subject_id)
        log.warning("%s: %s: %s", stage.name, name, reason_of(error))
        failed = jobs.stumble(
            session,
            stage.name,
            stage.subject,
            subject_id,
            reason=reason_of(error),
            traceback=None if expected else storable("".join(traceback.format_exception(error))),
            wait=FAULT_WAIT if expected else BUG_WAIT,
            now=now,
        )
        if expected:
            lane.faulted.append(subject_id)
        if failed:
            lane.progress.failed += 1

    def _pause(self, session: Session, lane: Lane, paused: bool) -> None:
        """Heed a person's wish; what was claimed and not begun is given back."""
        if paused and lane.claimed:
            ids = [one.subject_id for one in lane.claimed]
            jobs.give_back(session, lane.stage.name, lane.stage.subject, ids)
            lane.claimed.clear()
        lane.is_paused = lane.progress.is_paused = paused

    def _block(self, session: Session, lane: Lane, error: RetryLater, now: datetime) -> None:
        """Note that a stage cannot work, and give back what it had claimed."""
        after_s = error.after_s if isinstance(error, Blocked) else None
        after_s = ROOM_S if isinstance(error, NoRoom) else after_s
        lane.block(reason_of(error), after_s, time.monotonic())
        # The world was to blame all along, and not they.
        jobs.forgive(session, lane.stage.name, lane.stage.subject, lane.faulted)
        lane.faulted.clear()
        blocked.block(session, lane.stage.name, reason_of(error), now)
        ids = [one.subject_id for one in lane.claimed]
        jobs.give_back(session, lane.stage.name, lane.stage.subject, ids)
        lane.claimed.clear()

    def _check_opening(self, session: Session, lane: Lane, now: datetime) -> None:
        if lane.is_open or lane.opening is None or not lane.opening.done():
            return
        error = lane.opening.exception()
        if error is None:
            lane.is_open, lane.progress.blocked_reason = True, None
            blocked.unblock(session, lane.stage.name)
        elif isinstance(error, RetryLater):
            if session.scalars(lane.stage.due().limit(1), at(now)).first() is None:
                lane.opening = None  # now that it knows what is missing, it needs it for nothing
                return
            self._block(session, lane, error, now)
        else:
            raise error

    def _claim(self, session: Session, lane: Lane, now: datetime) -> None:
        """Lease more, if the lane runs low; ask for the stage to be opened if it is not."""
        stage = lane.stage
        enough = stage.batch * stage.width
        began = time.monotonic()
        if lane.is_paused or len(lane.claimed) >= enough:
            return
        if lane.progress.blocked_reason and began < lane.reopen_at:
            return
        if began < lane.look_again_at and self._others_busy(lane):
            return
        if not lane.is_open:
            if lane.opening is None and session.scalars(stage.due().limit(1), at(now)).first():
                lane.opening = lane.pool.submit(stage.ready)
            elif lane.opening is None:
                lane.look_again_at = began + 10 * (time.monotonic() - began) + 0.2
            return
        lease = f"{self._worker}:{next(self._claims)}"
        ids = self._lease(session, lane, lease, now)
        if not ids:
            # A look through all that is done costs time in a large library; look seldom.
            lane.look_again_at = time.monotonic() + 10 * (time.monotonic() - began) + 0.2
        lane.add(Claimed(each, lease, stage.load(session, each)) for each in ids)

    def _lease(self, session: Session, lane: Lane, lease: str, now: datetime) -> list[int]:
        """Lease on from where the last claim ended; at the end, once more from the start."""
        stage = lane.stage
        enough = stage.batch * stage.width
        ids: list[int] = []
        for span in lane.cursor.ranges(time.monotonic()):
            # Not by the clock: a machine that is busy elsewhere makes no look long.
            began_s = time.thread_time()
            ids = jobs.claim(
                session,
                stage.name,
                stage.subject,
                stage.due(),
                ids=span,
                limit=enough if stage.lasting else max(CLAIM, enough),
                worker=lease,
                now=now,
            )
            took_s = time.thread_time() - began_s
            lane.cursor.looked(span, ids, took_s, time.monotonic())
            if ids:
                break
        return ids

    def _others_busy(self, lane: Lane) -> bool:
        return any(other.busy for other in self._lanes if other is not lane)

    def _wait(self) -> bool:
        """Wait until something comes back; False if nothing is on its way."""
        pending: list[Future[Any]] = [call for lane in self._lanes for call in lane.calls]
        pending += [lane.opening for lane in self._lanes if lane.opening and lane.is_opening]
        wait(pending, timeout=0.5 if pending else 0, return_when=FIRST_COMPLETED)
        return bool(pending) or any(lane.claimed for lane in self._lanes)

    def _wait_for_retries(self, stop: threading.Event) -> bool:
        """Wait for what is to be tried again soon; False if there is nothing."""
        if any(self._may_revive(lane) for lane in self._lanes):
            stop.wait(0.2)
            return not stop.is_set()
        open_stages = [
            lane.stage.name
            for lane in self._lanes
            if not (lane.progress.blocked_reason or lane.is_paused)
        ]
        with self._database.read() as session:
            soonest = jobs.next_retry(session, open_stages, self._now)
        if soonest is None or soonest > self._now + timedelta(seconds=PATIENCE_S):
            return False
        stop.wait(max(0.0, (soonest - self._clock()).total_seconds()))
        return not stop.is_set()

    def _rest(self, wake: threading.Event) -> bool:
        """Wait for work, or until something may be tried again; False after long in vain."""
        if self._syncing is not None and self._syncing.result():
            return True  # there may be more to tell the indexes
        now = time.monotonic()
        self._idle_since = now if self._idle_since is None else self._idle_since
        self._look_after(CARE_IDLE_S)
        waiting = [lane for lane in self._lanes if lane.progress.blocked_reason or lane.is_paused]
        with self._database.read() as session:
            retry = jobs.next_retry(session, list(self._progress), self._now)
        if not waiting and retry is None and now > self._idle_since + LINGER_S:
            return False
        soon = [lane.reopen_at - now for lane in waiting if not lane.is_paused]
        if retry is not None:
            soon.append((retry - self._clock()).total_seconds())
        if wake.wait(max(0.2, min([LOOK_S, *soon]))):
            wake.clear()
            for lane in self._lanes:
                lane.look_again()
        return True

    def _may_revive(self, lane: Lane) -> bool:
        if lane.progress.blocked_reason is None or not lane.progress.done or lane.is_paused:
            return False
        soon = (lane.idle_since or 0.0) + REVIVAL_S
        return time.monotonic() < soon and lane.reopen_at < soon

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
