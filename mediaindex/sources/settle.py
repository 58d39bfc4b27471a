"""Decide when a file that may still be being written is to be read. Knows no disk and no clock."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from mediaindex.sources.folder import FoundFile

LONGEST = timedelta(minutes=5)
"""A file that is written to without end is looked at again so seldom at last."""

MOST = 10_000
"""So many files are remembered; of others is known only what their time says."""

Kept = TypeVar("Kept")

Key = tuple[int, str, str]
"""A library's id, a folder relative to its root, and a name in it."""


@dataclass(frozen=True)
class _Look:
    """What looks at one file said so far."""

    size_bytes: int
    mtime_ns: int
    #: When it was first seen so.
    since: datetime
    #: How long to wait from one look to the next.
    wait: timedelta


class Settling:
    """Holds files back until they have been quiet for a while. Safe from any thread.

    A copy over the network grows in steps with pauses between; what is read too early is indexed in
    half, and read once more.
    """

    def __init__(self, settle_s: float, most: int = MOST) -> None:
        self._quiet = timedelta(seconds=settle_s)
        self._most = most
        self._looks: OrderedDict[Key, _Look] = OrderedDict()
        self._closed: OrderedDict[Key, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def closed(self, library_id: int, folder: str, name: str, at: datetime) -> None:
        """Note that a file was complete at that time: its writer closed it, or moved it in."""
        with self._lock:
            _keep(self._closed, (library_id, folder, name), at, self._most)

    def look_again_at(
        self, library_id: int, folder: str, file: FoundFile, now: datetime
    ) -> datetime | None:
        """Note one look at a new or changed file; None: it has settled, and is forgotten here.

        Args:
            library_id: The library.
            folder: Relative to the library's root.
            file: What the folder lists.
            now: When the look was.

        Returns:
            The earliest time at which another look may find it settled.
        """
        key = (library_id, folder, file.name)
        with self._lock:
            before = self._looks.get(key)
            if self._is_settled(file, before, self._closed.get(key), now):
                self._looks.pop(key, None)
                self._closed.pop(key, None)
                return None
            look = self._next(file, before, now)
            _keep(self._looks, key, look, self._most)
        return look.since + (self._quiet if look is before else look.wait)

    def _is_settled(
        self, file: FoundFile, before: _Look | None, closed_at: datetime | None, now: datetime
    ) -> bool:
        quiet_ns = _ns(self._quiet)
        if file.mtime_ns <= _since_1970_ns(now) - quiet_ns:
            return True
        if closed_at and file.size_bytes and file.mtime_ns <= _since_1970_ns(closed_at):
            return True
        # Clocks differ, and some files come from the future: then only what stays counts.
        return before is not None and _is_same(before, file) and now - before.since >= self._quiet

    def _next(self, file: FoundFile, before: _Look | None, now: datetime) -> _Look:
        if before is not None and _is_same(before, file):
            return before
        wait = self._quiet if before is None else min(LONGEST, 2 * max(before.wait, self._quiet))
        return _Look(file.size_bytes, file.mtime_ns, now, wait)


def _is_same(look: _Look, file: FoundFile) -> bool:
    return (look.size_bytes, look.mtime_ns) == (file.size_bytes, file.mtime_ns)


def _since_1970_ns(time: datetime) -> int:
    return _ns(time - datetime(1970, 1, 1, tzinfo=UTC))


def _ns(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1000


def _keep(kept: "OrderedDict[Key, Kept]", key: Key, value: Kept, most: int) -> None:
    """Put a value at the end, and let the oldest go where there are too many."""
    kept[key] = value
    kept.move_to_end(key)
    if len(kept) > most:
        kept.popitem(last=False)
