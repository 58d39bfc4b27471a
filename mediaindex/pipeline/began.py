"""When a process began, and whether somebody set the clock since."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

JUMP = timedelta(hours=1)
"""A clock that is off by less harms nothing that counts in days."""

Span = tuple[datetime, datetime]


def _wall() -> datetime:
    return datetime.now(UTC)


def _steady_s() -> float:
    # The clock of `monotonic` stands still while a laptop sleeps, and none was set then.
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Began:
    """The begin of a process, by the clock on the wall and by one that nobody sets.

    A box without a clock of its own wakes up weeks in the past, or years, and is set right minutes
    later. What was noted in between was noted with times that are wrong.
    """

    def __init__(
        self, wall: Callable[[], datetime] = _wall, steady_s: Callable[[], float] = _steady_s
    ) -> None:
        """Note the time.

        Args:
            wall: Tells the time, as far as this machine knows it.
            steady_s: Tells seconds since whenever; goes on while the machine sleeps.
        """
        self._wall, self._steady_s = wall, steady_s
        self.at = wall()
        #: From when to when the clock went that was set later, as it told it, with a margin.
        self.wrong: list[Span] = []
        #: Whether a person was told of it.
        self.is_told = False
        self._set_at = self._seen_at = self.at
        self._seen_s = steady_s()

    def now(self) -> datetime:
        """Return the time, having looked whether the clock was set since it was last asked for."""
        now, now_s = self._wall(), self._steady_s()
        expected = self._seen_at + timedelta(seconds=now_s - self._seen_s)
        if abs(now - expected) > JUMP:
            self.wrong.append((self._set_at - JUMP, expected + JUMP))
            self._set_at = now
        self._seen_at, self._seen_s = now, now_s
        return now
