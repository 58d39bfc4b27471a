"""A stage as the runner drives it: its threads, and what is on its way."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from mediaindex.pipeline.stage import Stage
from mediaindex.store.jobs import EVERY_ID, LAST_ID

QUICK_LOOK_S = 0.05
"""A look that takes no longer may be taken with every claim."""

REOPEN_S = 5.0
MAX_REOPEN_S = 300.0
"""A stage that is blocked is looked at again after so long, then after twice as long, and so on."""


@dataclass
class Progress:
    """How far a stage has come in this run."""

    stage: str
    done: int = 0
    failed: int = 0
    postponed: int = 0
    #: Why it does no work; None if it can.
    blocked_reason: str | None = None
    #: Whether a person paused it.
    is_paused: bool = False
    #: Whether anything of it is on its way.
    is_busy: bool = False
    #: Seconds spent in `work`, all threads together.
    busy_s: float = 0.0


@dataclass(frozen=True)
class Claimed:
    """A subject that is ours as long as its job carries our lease."""

    subject_id: int
    #: Of one claim and no other: whoever takes the lease away makes the result worthless.
    lease: str
    inputs: Any


@dataclass
class Cursor:
    """Where the next claim looks first, so that what is done is not looked through every time.

    What arrived last comes first: it is what people look for. A walk goes from the top down; what
    arrives in the middle of it lies above where it began, and is claimed without leaving the walk.
    """

    #: How far down the walk has come; None: none is on its way.
    last_id: int | None = None
    #: Where it began.
    top_id: int = 0
    #: When what came since is looked for again; monotonic.
    look_up_at: float = 0.0

    def ranges(self, now: float) -> Iterator[tuple[int, int]]:
        """Yield where to look, one after the other: ids above the first, up to the second."""
        if self.last_id is not None and now >= self.look_up_at:
            yield self.top_id, LAST_ID
        if self.last_id is not None:
            yield 0, self.last_id - 1
        yield EVERY_ID

    def looked(
        self, span: tuple[int, int], claimed: Sequence[int], took_s: float, now: float
    ) -> None:
        """Note what a look into one of `ranges` gave, the newest first, and how long it took.

        Done assets lie above what is claimed, and each look goes through them under the write lock.
        Where they are many, the newest is looked for seldom, and the walk begins anew above them.
        """
        is_of_the_walk = span[0] == 0
        is_quick = took_s <= QUICK_LOOK_S
        if not is_of_the_walk and not is_quick:
            self.look_up_at = now + 20 * took_s
        if claimed and (is_of_the_walk or not is_quick):
            self.last_id = claimed[-1]
            self.top_id = max(self.top_id, claimed[0])
        elif span == EVERY_ID:
            self.last_id = None

    def revisit(self, subject_id: int) -> None:
        """Look at a subject again before those that come after it: there may be more to do."""
        if self.last_id is not None and subject_id <= self.top_id:
            self.last_id = max(self.last_id, subject_id + 1)


@dataclass
class Lane:
    """A stage with its threads and what is on its way."""

    stage: Stage[Any, Any]
    pool: ThreadPoolExecutor
    progress: Progress
    cursor: Cursor
    claimed: deque[Claimed] = field(default_factory=deque)
    calls: dict[Future[list[Any]], list[Claimed]] = field(default_factory=dict)
    opening: Future[None] | None = None
    is_open: bool = False
    is_paused: bool = False
    look_again_at: float = 0.0
    #: When a blocked stage is to be looked at again, and since when it waits for that; monotonic.
    reopen_at: float = 0.0
    blocked_at: float = 0.0
    #: Since when nothing was done for being blocked again and again; None: something was.
    idle_since: float | None = None
    #: Whose attempts were counted since something was done last.
    faulted: list[int] = field(default_factory=list)
    _wait_s: float = REOPEN_S

    @property
    def busy(self) -> bool:
        """Whether anything is on its way."""
        return bool(self.calls or self.claimed or self.is_opening)

    @property
    def is_opening(self) -> bool:
        """Whether it is being found out if it can work."""
        waits = self.is_open or self.is_paused or self.progress.blocked_reason
        return self.opening is not None and not waits

    def block(self, reason: str, after_s: float | None, now: float) -> None:
        """Do nothing more, for `reason`, until `after_s` from now or for longer every time."""
        if self.idle_since is None:
            self.idle_since = now
        self.progress.blocked_reason = reason
        self.is_open, self.opening = False, None
        self.blocked_at = now
        self.reopen_at = now + (self._wait_s if after_s is None else after_s)
        self._wait_s = min(2 * self._wait_s, MAX_REOPEN_S)

    def look_again(self) -> None:
        """Look for work at once, and soon whether what blocks it is over: something happened."""
        self.look_again_at = self.cursor.look_up_at = 0.0
        self.reopen_at = min(self.reopen_at, self.blocked_at + REOPEN_S)

    def worked(self) -> None:
        """Note that something was done: not before that is the trouble over."""
        self._wait_s, self.idle_since = REOPEN_S, None
        self.faulted.clear()

    def add(self, claimed: Iterable[Claimed]) -> None:
        """Take in what was claimed; what arrived last is handed out first."""
        waiting = sorted((*self.claimed, *claimed), key=lambda one: one.subject_id, reverse=True)
        self.claimed = deque(waiting)

    def hand_out(self) -> None:
        """Give the threads what was claimed."""
        # One call more than there are threads, so that none waits for the next transaction.
        while self.claimed and len(self.calls) <= self.stage.width:
            number = min(self.stage.batch, len(self.claimed))
            some = [self.claimed.popleft() for _ in range(number)]
            self.calls[self.pool.submit(self._timed, [one.inputs for one in some])] = some

    def _timed(self, inputs: list[Any]) -> list[Any]:
        began = time.monotonic()
        try:
            return list(self.stage.work(inputs))
        finally:
            self.progress.busy_s += time.monotonic() - began
