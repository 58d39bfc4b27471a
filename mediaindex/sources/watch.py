"""Watch a library: tell which of its folders have to be looked at again.

The sweep is the truth; this only makes it quicker. Three threads for each library: one reads what
the kernel tells and only writes it down, one puts watches on folders (which may take long, or hang
with the disk), and one calls whoever wants to know (who may take long as well).
"""

import errno
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from mediaindex.sources.filesystems import Choice, Watching
from mediaindex.sources.folder import Rules
from mediaindex.sources.inotify import IN, Inotify, Notice
from mediaindex.sources.limits import read_limits, why_refused
from mediaindex.sources.touched import Gathering, Touched
from mediaindex.sources.watched import NO_MORE, WatchedFolders, count_folders

log = logging.getLogger(__name__)

GATHER_S = 0.3
"""So long what was touched waits for more of it."""

CLOSE_S = 2.0
"""So long `close` waits for threads that hang with a disk or a callee; they end when that does."""

ARRIVES = IN.IN_CREATE | IN.IN_MOVED_TO
LEAVES = IN.IN_DELETE | IN.IN_MOVED_FROM
IS_WHOLE = IN.IN_CLOSE_WRITE | IN.IN_MOVED_TO
OF_ITSELF = IN.IN_DELETE_SELF | IN.IN_MOVE_SELF | IN.IN_UNMOUNT | IN.IN_IGNORED

NONE_TO_HAVE = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOSYS})
"""What is answered when no library at all can be watched."""

Job = Callable[[WatchedFolders], None]


class Watch:
    """Watches one library from `start` to `close`, or until its root is gone.

    In any mode but inotify it has no threads and calls nobody; it only says how things stand.
    Every function that was given is called from threads of the watch, one call of each at a time,
    and may take its time: what is touched meanwhile is told together. What they raise is logged.
    """

    def __init__(
        self,
        root: Path,
        rules: Rules,
        on_touched: Callable[[Touched], None],
        *,
        choice: Choice,
        on_mode: Callable[[Watching, str | None], None] = lambda watching, trouble: None,
        on_lost: Callable[[str], None] = lambda reason: None,
        gather_s: float = GATHER_S,
    ) -> None:
        """Make it; touches nothing yet.

        Args:
            root: The library's root.
            rules: What is never watched, nor told of.
            on_touched: Told of each folder that has to be looked at again, each at most once in
                `gather_s`. Of the root, deep, as soon as everything is watched, for what changed
                until then, and whenever more changed at once than the kernel could keep. A folder
                that arrived, or left, is told deep, beside its parent.
            choice: From `filesystems.choose`.
            on_mode: Told when inotify is given up: how it is watched now, and the trouble with it.
            on_lost: Told once when the root is gone, moved away or unmounted, with the reason, or
                cannot be watched to begin with. The watch is over then, whether closed or not.
            gather_s: So long what was touched waits for more of it.
        """
        self._root = root
        self._rules = rules
        self._tell_touched = on_touched
        self._tell_mode = on_mode
        self._tell_lost = on_lost
        self._choice = choice
        self._gathering = Gathering(gather_s)
        self._jobs: queue.SimpleQueue[Job] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._inotify: Inotify | None = None
        self._folders: WatchedFolders | None = None
        self._is_overflown = threading.Event()
        self._is_over = threading.Event()
        self._is_ready = threading.Event()

    @property
    def watching(self) -> Watching:
        """How changes are noticed now; `poll` from when inotify was given up, or the root lost."""
        return self._choice.watching

    @property
    def trouble(self) -> str | None:
        """Why it is not watched as it might be, with the remedy; None where it is."""
        return self._choice.trouble

    @property
    def is_ready(self) -> bool:
        """Whether every folder is watched by now that is to be; never so in other modes."""
        return self._is_ready.is_set() and not self._is_over.is_set()

    @property
    def folder_count(self) -> int:
        """How many folders are watched now."""
        folders = self._folders
        return 0 if folders is None else len(folders)

    def start(self) -> None:
        """Begin, once; returns at once, however many folders there are, and if the disk hangs."""
        if self._choice.watching == "inotify":
            self._begin("plant", self._plant_until_over)
            self._begin("tell", self._tell_until_over)

    def mend(self) -> None:
        """Have folders watched that should be by now and are not; returns at once.

        For after a full sweep: it finds what nothing tells of (a marker that was taken away, a disk
        that was mounted within, a folder that may be read now). What begins to be watched is told
        deep.
        """
        if self.is_ready:
            self._jobs.put(self._mend)

    def close(self) -> None:
        """End the watch; what was not told by now is not told any more.

        Waits for the threads, though not for ever. May be called again, and from a callee.
        """
        self._end()
        self._jobs.put(lambda folders: None)
        if self._inotify is not None:
            self._inotify.wake()
        deadline = time.monotonic() + CLOSE_S
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(max(0.0, deadline - time.monotonic()))

    def _begin(self, duty: str, run: Callable[[], None]) -> threading.Thread:
        thread = threading.Thread(target=run, name=f"{duty} {self._root.name}", daemon=True)
        thread.start()
        self._threads.append(thread)
        return thread

    def _end(self) -> None:
        self._is_over.set()
        self._gathering.close()

    # The thread that tells.

    def _tell_until_over(self) -> None:
        while (touched := self._gathering.take()) is not None:
            for folder in touched:
                if not self._is_over.is_set():
                    _call(partial(self._tell_touched, folder))

    # The thread that puts watches on folders.

    def _plant_until_over(self) -> None:
        try:
            self._plant_and_tend(Inotify())
        except OSError as error:
            if not self._is_over.is_set():
                self._give_up(error)
        except Exception:
            log.exception("watching %s ended by a fault in the program", self._root)
            self._be_polled("watching ended by a fault in the program, which is in the log")
        finally:
            self._end()

    def _plant_and_tend(self, inotify: Inotify) -> None:
        folders = WatchedFolders(self._root, self._rules, inotify, self._is_over.is_set)
        self._inotify, self._folders = inotify, folders
        reader = self._begin("read", partial(self._read_until_woken, inotify, folders))
        try:
            self._replant(folders, "")
            if not self._is_over.is_set():
                self._is_ready.set()
            while not self._is_over.is_set():
                self._jobs.get()(folders)
        finally:
            inotify.wake()
            reader.join()
            inotify.close()
            self._folders = None

    def _replant(self, folders: WatchedFolders, path: str) -> None:
        folders.drop(path)
        folders.plant(path)
        self._gathering.touch(path, deep=True)

    def _replant_all(self, folders: WatchedFolders) -> None:
        self._is_overflown.clear()
        log.warning("%s: so much changed at once that not all was told; looking", self._root)
        self._replant(folders, "")

    def _mend(self, folders: WatchedFolders) -> None:
        for path in folders.mend():
            self._gathering.touch(path, deep=True)

    def _created(self, path: str, is_folder: bool, folders: WatchedFolders) -> None:
        # What is watched was met by the walk through its parent, which told of it as well.
        if path not in folders:
            self._moved(path, is_folder, folders)

    def _moved(self, path: str, is_folder: bool, folders: WatchedFolders) -> None:
        """Take away the watches on what was there, and put them on what is there now, if any is.

        What arrives may take the place of another folder, and two may change places at once, so
        what left may be there nevertheless.
        """
        was_watched = path in folders
        folders.drop(path)
        folders.plant(path)
        if is_folder or was_watched or path in folders:
            self._gathering.touch(path, deep=True)

    def _give_up(self, error: OSError) -> None:
        if error.errno not in NO_MORE | NONE_TO_HAVE:
            self._lose(error.strerror or str(error))
            return
        self._choice = Choice("poll", "no more folders can be watched")
        count = 0
        if error.errno == errno.ENOSPC:
            count = count_folders(self._root, self._rules, self._is_over.is_set)
        if not self._is_over.is_set():
            self._be_polled(why_refused(error, count, read_limits()))

    def _be_polled(self, trouble: str) -> None:
        self._choice = Choice("poll", trouble)
        log.warning("%s is not watched: %s", self._root, trouble)
        _call(partial(self._tell_mode, "poll", trouble))

    def _lose(self, reason: str, _folders: WatchedFolders | None = None) -> None:
        if not self._is_over.is_set():
            self._end()
            self._choice = Choice("poll", f"its folder cannot be watched: {reason}")
            _call(partial(self._tell_lost, reason))

    # The thread that reads. It must be quick: what is not read in time is lost.

    def _read_until_woken(self, inotify: Inotify, folders: WatchedFolders) -> None:
        while (notices := inotify.read()) is not None:
            for notice in notices:
                if notice.mask & IN.IN_Q_OVERFLOW and not self._is_overflown.is_set():
                    self._is_overflown.set()
                    self._jobs.put(self._replant_all)
                for path in folders.paths(notice.wd):
                    if notice.mask & OF_ITSELF:
                        self._hear_of_itself(path, notice)
                    else:
                        self._hear(path, notice.mask, os.fsdecode(notice.name))

    def _hear_of_itself(self, path: str, notice: Notice) -> None:
        if not path:
            gone = "unmounted" if notice.mask & IN.IN_UNMOUNT else "deleted or moved away"
            self._jobs.put(partial(self._lose, f"it was {gone}"))
        elif notice.mask & IN.IN_UNMOUNT:
            self._jobs.put(lambda folders: self._replant(folders, path))
        elif notice.mask & IN.IN_IGNORED:
            self._jobs.put(lambda folders: folders.forget(notice.wd))

    def _hear(self, path: str, mask: int, name: str) -> None:
        inside = f"{path}/{name}" if path else name
        arrives, leaves = bool(mask & ARRIVES), bool(mask & LEAVES)
        if name == self._rules.marker and (arrives or leaves):
            self._jobs.put(lambda folders: self._replant(folders, path))
            return
        if self._rules.excluded(inside, name):
            return
        is_folder = bool(mask & IN.IN_ISDIR)
        is_whole = bool(mask & IS_WHOLE) and not is_folder
        self._gathering.touch(
            path, closed=name if is_whole else None, gone=name if leaves else None
        )
        if is_folder or self._rules.follow_links:
            if mask & IN.IN_CREATE:
                self._jobs.put(partial(self._created, inside, is_folder))
            elif arrives or leaves:
                self._jobs.put(partial(self._moved, inside, is_folder))


def _call(callee: Callable[[], None]) -> None:
    try:
        callee()
    except Exception:
        log.exception("telling of a change failed")
