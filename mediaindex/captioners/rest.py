"""How a server fares, and how long it is left alone. Knows no thread and no clock."""

from collections.abc import Callable

MOST_FAULTS = 3
"""So many faults in a row, and the server may be to blame and not the pictures."""

BUSY_S, MOST_BUSY_S = 1.0, 60.0
OFF_S, MOST_OFF_S = 5.0, 300.0
"""How long a server is left alone at first, and at most; twice as long every time."""

MOST_ASKED_S = 3600.0
"""So long it is left alone at most where it says itself how long."""

JITTER = 0.25
"""Rests of busy servers differ by this fraction, so that who was sent away together comes apart."""

NEWEST = 0.2
"""How much of `answer_s` is the last answer."""


class Health:
    """What is known of one server. Times are seconds on any clock that only goes forward."""

    def __init__(self, chance: Callable[[], float]) -> None:
        """Begin knowing nothing.

        Args:
            chance: Gives numbers from 0 to 1, as `random.random` does.
        """
        self._chance = chance
        self._busy_s, self._off_s = BUSY_S, OFF_S
        #: What the last trouble was; "" once it could be opened again.
        self.reason = ""
        #: Whether it only had too much to do.
        self.is_busy = False
        #: When its rest is over.
        self.rest_until = 0.0
        #: How many answers went wrong since the last that did not.
        self.faults = 0
        #: How long an answer takes; None until there was one.
        self.answer_s: float | None = None

    def busy(self, reason: str, after_s: float | None, at_s: float) -> None:
        """Note that it has too much to do.

        Args:
            reason: For people.
            after_s: How long it asked to be left alone; None where it did not say.
            at_s: Now.
        """
        if after_s is not None and after_s > 0:
            rest_s = min(after_s, MOST_ASKED_S)
        else:
            rest_s = self._busy_s * (1 - JITTER + 2 * JITTER * self._chance())
            self._busy_s = min(2 * self._busy_s, MOST_BUSY_S)
        self.reason, self.is_busy, self.rest_until = reason, True, at_s + rest_s

    def off(self, reason: str, at_s: float) -> None:
        """Note that it cannot be asked at all."""
        self.reason, self.is_busy, self.rest_until = reason, False, at_s + self._off_s
        self._off_s = min(2 * self._off_s, MOST_OFF_S)

    def fault(self) -> bool:
        """Note an answer that went wrong; True if it is time to ask who is to blame."""
        self.faults += 1
        return self.faults >= MOST_FAULTS

    def cleared(self) -> None:
        """Note that the pictures were to blame for what went wrong, and not the server."""
        self.faults = 0

    def opened(self) -> None:
        """Note that it can be asked. Its next rest is longer still, until it answers."""
        self.reason, self.is_busy = "", False

    def answered(self, took_s: float) -> None:
        """Note an answer."""
        self._busy_s, self._off_s, self.faults = BUSY_S, OFF_S, 0
        before = took_s if self.answer_s is None else self.answer_s
        self.answer_s = before + NEWEST * (took_s - before)
