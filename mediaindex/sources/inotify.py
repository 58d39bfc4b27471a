"""Ask the kernel to tell of changes in folders, and read what it tells.

On the calls and constants of watchdog, and not on its `InotifyFD`: that one takes a folder that may
not be read for watched, holds its lock while a folder is added (so one that hangs stops the reader
and the closing), leaves its descriptors open when it is closed before the first read, and its
recursive watch spends watches on folders that are excluded.
"""

import ctypes
import errno
import os
import select
import struct
import threading
from collections.abc import Iterator
from typing import NamedTuple

from watchdog.observers.inotify_c import InotifyConstants as IN  # noqa: N814 - as inotify(7) has it
from watchdog.observers.inotify_c import (
    Mask,
    WatchDescriptor,
    inotify_add_watch,
    inotify_init,
    inotify_rm_watch,
)

READ_BYTES = 1 << 18
"""Some thousands of events at once; the kernel wants room for at least one whole name."""

HEAD = struct.Struct("iIII")


class Notice(NamedTuple):
    """One thing that the kernel tells."""

    #: The number of the watch; -1 where it is about all of them.
    wd: int
    #: What happened: bits of `IN`.
    mask: int
    #: Of the file or folder within the one that is watched, as the file system has it; or empty.
    name: bytes


class Inotify:
    """One queue of notices. `read` is one thread's, `add`, `remove` and `close` another one's."""

    def __init__(self) -> None:
        """Open the queue.

        Raises:
            OSError: EMFILE: the user has too many. ENFILE: this process has too many files open.
        """
        try:
            self._waker = os.eventfd(0, os.EFD_CLOEXEC)
        except OSError as error:
            # The kernel says EMFILE for both, and what is to be done differs.
            raise OSError(errno.ENFILE, "this process has too many files open") from error
        self._fd = inotify_init()
        if self._fd < 0:
            os.close(self._waker)
            raise _what_was_wrong()
        os.set_inheritable(self._fd, False)
        self._ready = select.poll()
        self._ready.register(self._fd, select.POLLIN)
        self._ready.register(self._waker, select.POLLIN)
        self._lock = threading.Lock()
        self._is_closed = False

    def add(self, folder: str, mask: int) -> int:
        """Watch a folder and return the watch's number: the same for the same folder, by any path.

        Raises:
            OSError: It is not there, is no folder or may not be read; ENOSPC: the user watches too
                many folders.
        """
        wd = inotify_add_watch(self._fd, os.fsencode(folder), Mask(mask))
        if wd < 0:
            raise _what_was_wrong()
        return wd

    def remove(self, wd: int) -> None:
        """Watch a folder no more; one that has gone already is well."""
        inotify_rm_watch(self._fd, WatchDescriptor(wd))

    def read(self) -> list[Notice] | None:
        """Wait for notices and return them, oldest first; None once `wake` was called."""
        while True:
            ready = {fd for fd, _ in self._ready.poll()}
            if self._waker in ready:
                return None
            if self._fd in ready:
                return list(parse(os.read(self._fd, READ_BYTES)))

    def wake(self) -> None:
        """End the reading, now and for ever. From any thread, more than once, after `close` too."""
        with self._lock:
            if not self._is_closed:
                os.eventfd_write(self._waker, 1)

    def close(self) -> None:
        """Give every watch back. Nobody may be reading any more."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                os.close(self._fd)
                os.close(self._waker)


def parse(told: bytes) -> Iterator[Notice]:
    """Yield the notices in what the kernel wrote, see inotify(7)."""
    at = 0
    while at < len(told):
        wd, mask, _cookie, length = HEAD.unpack_from(told, at)
        at += HEAD.size
        yield Notice(wd, mask, told[at : at + length].rstrip(b"\0"))
        at += length


def _what_was_wrong() -> OSError:
    code = ctypes.get_errno()
    return OSError(code, os.strerror(code))


__all__ = ["IN", "Inotify", "Notice", "parse"]
