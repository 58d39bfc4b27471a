"""Gather what was touched, folder by folder, until somebody has time to hear of it."""

import threading
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Touched:
    """A folder that has to be looked at again; it may have gone since."""

    #: Relative to the root, "/" between names; "" is the root.
    folder: str
    #: All below it has to be looked at as well.
    deep: bool = False
    #: Names of files in it that their writer has closed, or that were moved into place whole.
    closed: tuple[str, ...] = ()


@dataclass
class _Pending:
    deep: bool = False
    #: A dict for a set that keeps its order.
    closed: dict[str, None] = field(default_factory=dict)


class Gathering:
    """What was touched since it was last taken. Any thread may add; one takes."""

    def __init__(self, gather_s: float) -> None:
        """Make it; `gather_s` is how long what comes first waits for more."""
        self._gather_s = gather_s
        self._pending: dict[str, _Pending] = {}
        self._changed = threading.Condition()
        self._closed = threading.Event()

    def touch(
        self, folder: str, *, deep: bool = False, closed: str | None = None, gone: str | None = None
    ) -> None:
        """Note that a folder has to be looked at.

        Args:
            folder: Relative to the root.
            deep: With all below it.
            closed: Name of a file in it that is whole now.
            gone: Name of what has left it, and so is not to be told of as closed.
        """
        with self._changed:
            if not self._pending:
                self._changed.notify()
            pending = self._pending.setdefault(folder, _Pending())
            pending.deep |= deep
            if closed is not None:
                pending.closed[closed] = None
            if gone is not None:
                pending.closed.pop(gone, None)

    def take(self) -> list[Touched] | None:
        """Wait until something is touched, and a little for more; return it all, None if closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending or self._closed.is_set())
        if self._closed.wait(self._gather_s):
            return None
        with self._changed:
            taken, self._pending = self._pending, {}
        return [
            Touched(folder, pending.deep, tuple(pending.closed))
            for folder, pending in taken.items()
        ]

    def close(self) -> None:
        """Let go of whoever waits, and of what was not taken."""
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
