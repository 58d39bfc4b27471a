"""Has a model become much slower than it was?"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

FEWEST_RECENT, FEWEST_USUAL = 5, 20
"""Fewer answers tell nothing."""

FALL = 3.0
"""A model that has fallen back from the GPU to the processor is slower by more than this."""


@dataclass(frozen=True)
class Slowdown:
    """A model's speed in tokens per second: what it was, and what it is."""

    usual: float
    now: float


def slowed(recent: Sequence[float], usual: Sequence[float]) -> Slowdown | None:
    """Return how much slower the recent answers came than the usual ones, None if not much.

    Args:
        recent: Tokens per second of the last answers.
        usual: Of those before them.
    """
    if len(recent) < FEWEST_RECENT or len(usual) < FEWEST_USUAL:
        return None
    now, before = median(recent), median(usual)
    return Slowdown(before, now) if now * FALL <= before else None
