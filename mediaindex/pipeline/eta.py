"""How far a run is, and when it will be done: arithmetic on counts, with the clock passed in."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

WINDOW_S = 60.0
"""Rates are of the last minute: the first photos wait for the model to load."""


@dataclass(frozen=True)
class Pace:
    """One stage's standing."""

    stage: str
    done: int
    total: int
    #: Per second over the window; None until something was done.
    rate: float | None
    #: Seconds until it is done; None where it cannot be told.
    eta_s: float | None


class Estimator:
    """Remembers recent counts and tells each stage's pace."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, dict[str, int]]] = deque()

    def paces(self, done: Mapping[str, int], totals: Mapping[str, int], at_s: float) -> list[Pace]:
        """Return the pace of every stage in `totals`.

        Args:
            done: How much each stage has done, earlier runs included.
            totals: How much it has to do in all.
            at_s: Seconds on any clock that only goes forward.
        """
        self._seen.append((at_s, dict(done)))
        while len(self._seen) > 2 and at_s - self._seen[1][0] >= WINDOW_S:
            self._seen.popleft()
        began_s, before = self._seen[0]
        return [self._pace(stage, done, before, at_s - began_s, totals[stage]) for stage in totals]

    def _pace(
        self,
        stage: str,
        done: Mapping[str, int],
        before: Mapping[str, int],
        passed_s: float,
        total: int,
    ) -> Pace:
        now = done.get(stage, 0)
        fresh = now - before.get(stage, 0)
        rate = fresh / passed_s if fresh > 0 and passed_s > 0 else None
        left = max(0, total - now)
        eta_s = 0.0 if left == 0 else (left / rate if rate else None)
        return Pace(stage, now, total, rate, eta_s)
