"""Which folders of a library are to be looked at, and when; the clock is passed in."""

from collections.abc import Iterable
from dataclasses import dataclass

MOST = 10_000
"""More folders than this at once: one look at the whole library is cheaper."""

WHOLE = ""


@dataclass(frozen=True)
class Look:
    """One look that is due."""

    #: Relative to the root; "" is the root itself.
    folder: str
    #: All that lies below it, too.
    deep: bool
    #: A person said that what is gone is gone.
    confirmed: bool = False


class Agenda:
    """Looks that are wanted, the soonest first; what covers another takes its place."""

    def __init__(self) -> None:
        self._shallow: dict[str, float] = {}
        self._deep: dict[str, float] = {}
        self._confirmed = False

    def want(self, folder: str, at: float, *, deep: bool = False, confirmed: bool = False) -> None:
        """Have a folder looked at, at a time (monotonic, seconds) or earlier."""
        wanted = self._deep if deep else self._shallow
        wanted[folder] = min(at, wanted.get(folder, at))
        self._confirmed |= confirmed
        if len(self._shallow) + len(self._deep) > MOST:
            at = min([*self._shallow.values(), *self._deep.values()])
            self._shallow.clear()
            self._deep = {WHOLE: at}

    def take(self, now: float) -> Look | None:
        """Return a look that is due, and forget it; small ones first: somebody waits for them."""
        small = self.take_small(now)
        due = None if small else _soonest(self._deep.items(), now)
        if due is None:
            return small
        del self._deep[due]
        if due != WHOLE:
            return Look(due, deep=True)
        confirmed, self._confirmed = self._confirmed, False
        return Look(WHOLE, deep=True, confirmed=confirmed)

    def take_small(self, now: float) -> Look | None:
        """Return a look at a single folder that is due, and forget it."""
        due = _soonest(self._shallow.items(), now)
        if due is None:
            return None
        del self._shallow[due]
        return Look(due, deep=False)

    def next_at(self) -> float | None:
        """Return when the next look is due; None: none is wanted."""
        return min([*self._shallow.values(), *self._deep.values()], default=None)

    def clear(self) -> None:
        """Forget all, a person's word too: it was said of what was there then."""
        self._shallow.clear()
        self._deep.clear()
        self._confirmed = False


def _soonest(wanted: Iterable[tuple[str, float]], now: float) -> str | None:
    at, folder = min(((at, folder) for folder, at in wanted), default=(None, None))
    return folder if at is not None and at <= now else None
