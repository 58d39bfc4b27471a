"""Keeps what is known of one library in line with its folder: watches it and looks at it."""

import logging
import shlex
import sqlite3
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from mediaindex.config import SweepSettings
from mediaindex.daemon.agenda import WHOLE, Agenda, Look
from mediaindex.daemon.events import Events
from mediaindex.daemon.service import LibraryState
from mediaindex.daemon.trouble import told
from mediaindex.pipeline.sweep import Library, SweepReport, presence_of, sweep
from mediaindex.sources.filesystems import Choice, Wish, choose
from mediaindex.sources.mounts import mount_of, mounts
from mediaindex.sources.settle import Settling
from mediaindex.sources.touched import Touched
from mediaindex.sources.watch import Watch
from mediaindex.store.database import Database

log = logging.getLogger(__name__)

PRESENCE_S = 30.0
"""So often the root is looked at, whether it can be trusted; when it is back, at most so late."""

TROUBLE_S = 10.0
"""After trouble with the store, it is tried again so much later."""

WATCH_FIRST_S = 5.0
"""The first look waits so long for the watch, which asks for it, so that there need not be two."""

POLL_SPACING = 10
"""Where the library is polled, it is left alone for so many times as long as a look took."""

COUNTED = ("new", "changed", "back", "moved", "gone", "held_back")


class _Stopped(Exception):  # noqa: N818 - no error: the way out of a sweep
    """The keeper is to end."""


class Keeper:
    """One library's watch and sweeps, in a thread of their own: a share that hangs holds up none.

    Sweeps are the truth; the watch only says where to look at once.
    """

    def __init__(
        self,
        database: Database,
        library: Library,
        wish: Wish,
        settings: SweepSettings,
        on_change: Callable[[], None],
        events: Events,
    ) -> None:
        """Prepare it; nothing is looked at yet.

        Args:
            database: The store.
            library: What to keep.
            wish: How it is to be watched.
            settings: Of sweeps.
            on_change: Told when there is work for the stages.
            events: Told of sweeps, and of how the library comes and goes.
        """
        self.library = library
        self.wish = wish
        self.settings = settings
        self._database = database
        self._on_change = on_change
        self._events = events
        self._settling = Settling(settings.settle_s)
        self._agenda = Agenda()
        self._news = threading.Condition()
        self._stop = threading.Event()
        self._watch: Watch | None = None
        self._choice = Choice("off")
        self._is_sweeping = False
        self._trouble: str | None = None
        self._offline_reason: str | None = None
        self._held_back = 0
        self._root_at = self._poll_at = 0.0
        #: Of the folder that is watched: its device and number.
        self._root_id: tuple[int, int] | None = None
        self._thread = threading.Thread(target=self._loop, name=library.name, daemon=True)

    def is_for(self, library: Library, wish: Wish, settings: SweepSettings) -> bool:
        """Return whether this is what another one made of these would be."""
        return (self.library, self.wish, self.settings) == (library, wish, settings)

    def start(self) -> None:
        """Begin; the library is looked at in full first."""
        self._thread.start()

    def stop(self) -> None:
        """Have it end; returns at once. A sweep is broken off where it stands."""
        self._stop.set()
        with self._news:
            self._news.notify_all()

    def join(self, limit_s: float) -> bool:
        """Wait until it has ended; False if it has not within `limit_s`: its disk may hang."""
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def sweep_soon(self, *, confirmed: bool = False) -> None:
        """Look at the whole library as soon as possible."""
        self._want(WHOLE, 0.0, deep=True, confirmed=confirmed)

    def state(self) -> LibraryState:
        """Return what it does now."""
        watch = self._watch
        return LibraryState(
            id=self.library.id,
            name=self.library.name,
            root=str(self.library.root),
            watching=watch.watching if watch else self._choice.watching,
            watch_trouble=watch.trouble if watch else self._choice.trouble,
            offline_reason=self._offline_reason,
            is_sweeping=self._is_sweeping,
            sweep_trouble=self._trouble,
            held_back=self._held_back,
        )

    def _loop(self) -> None:
        self._begin_watch()
        watched = self._choice.watching == "inotify"
        self._want(WHOLE, WATCH_FIRST_S if watched else 0.0, deep=True)
        look = None
        while not self._stop.is_set():
            try:
                look = self._next_look()
                if look is None:
                    self._check_root()
                else:
                    self._look(look)
            except _Stopped:
                break
            except (SQLAlchemyError, sqlite3.Error, OSError) as error:
                self._trouble = told(error)
                log.warning("%s: cannot be looked at now: %s", self.library.name, self._trouble)
                self._retry(look)
            except Exception as error:  # the thread's main: a bug of ours must not end the watching
                self._trouble = f"a fault of mediaindex: {error!r}; the log has more"
                log.exception("%s: looking at it broke off", self.library.name)
                self._retry(look)
            else:
                self._trouble = None
        self._end_watch()

    def _retry(self, look: Look | None) -> None:
        self._want(WHOLE, TROUBLE_S, deep=True, confirmed=look is not None and look.confirmed)
        self._stop.wait(TROUBLE_S)

    def _next_look(self) -> Look | None:
        """Wait for a look that is due; None: the root itself is due, or it is to end."""
        with self._news:
            while not self._stop.is_set():
                now = time.monotonic()
                if self._choice.watching == "poll" and now >= self._poll_at:
                    self._poll_at = now + self.settings.poll_s
                    self._agenda.want(WHOLE, now, deep=True)
                look = self._agenda.take(now)
                if look is not None:
                    return look
                if now >= self._root_at:
                    return None
                due = self._agenda.next_at()
                self._news.wait(max(0.0, min(self._root_at, due or self._root_at) - now))
        return None

    def _check_root(self) -> None:
        """See whether the library came or went; while it did not, nothing is written."""
        self._root_at = time.monotonic() + PRESENCE_S
        reason = presence_of(self._database, self.library).offline_reason
        if reason != self._offline_reason:
            self._look(Look(WHOLE, deep=False))
        elif reason is None and self._root_id != _id_of(self.library.root):
            # Another folder has its name now; the watch is still at the old one.
            self._end_watch()
            self._begin_watch()
            self._want(WHOLE, 0.0, deep=True)

    def _look(self, look: Look) -> None:
        """Look at a folder, and see to what follows from it."""
        began = time.monotonic()
        report = self._sweep(look)
        took_s = time.monotonic() - began
        self._heed(report, look)
        if look.deep:  # Whatever takes long is not done all the time.
            self._poll_at = max(self._poll_at, time.monotonic() + POLL_SPACING * took_s)
        now = datetime.now(UTC)
        for folder, at in report.unsettled.items():
            self._want(folder, max(0.0, (at - now).total_seconds()))
        if WHOLE in report.unreadable:  # something came or went in the middle of it
            self._want(WHOLE, PRESENCE_S, deep=True)
        if report.held_back and look != Look(WHOLE, deep=True, confirmed=look.confirmed):
            self._want(WHOLE, 0.0, deep=True)  # what moved far is found by a look at all
        if report.new or report.changed or report.back or report.moved or report.gone:
            self._on_change()

    def _sweep(self, look: Look) -> SweepReport:
        was_sweeping, self._is_sweeping = self._is_sweeping, look.deep
        try:
            return sweep(
                self._database,
                self.library,
                datetime.now(UTC),
                max_vanish_fraction=self.settings.max_vanish_fraction,
                confirmed=look.confirmed,
                below=look.folder,
                shallow=not look.deep,
                settle=self._settling,
                on_folder=self._on_folder,
            )
        finally:
            self._is_sweeping = was_sweeping

    def _on_folder(self, report: SweepReport) -> None:
        """Go on with a sweep, after what is touched meanwhile, for which somebody waits."""
        if self._stop.is_set():
            raise _Stopped
        if report.new or report.changed:
            self._on_change()
        while self._is_sweeping and (look := self._small_look()):
            self._look(look)

    def _small_look(self) -> Look | None:
        with self._news:
            return self._agenda.take_small(time.monotonic())

    def _heed(self, report: SweepReport, look: Look) -> None:
        """Note whether the library is there; when it is back, watch it again and look at it all."""
        was, self._offline_reason = self._offline_reason, report.offline_reason
        if report.offline_reason is not None:
            if was is None:
                log.warning("%s is offline: %s", self.library.name, report.offline_reason)
                self._events.tell("library", name=self.library.name, offline=report.offline_reason)
                self._end_watch()
            self._agenda.clear()
            return
        if was is not None:
            log.info("%s is back", self.library.name)
            self._events.tell("library", name=self.library.name, offline=None)
            self._want(WHOLE, 0.0, deep=True)
            self._on_change()
        if self._watch is None:
            self._begin_watch()
        if look.deep and look.folder == WHOLE:
            self._held_back = report.held_back
            self._tell(report)
            if self._watch is not None:
                self._watch.mend()

    def _tell(self, report: SweepReport) -> None:
        counts = {name: getattr(report, name) for name in COUNTED}
        self._events.tell("sweep", name=self.library.name, seen=report.seen, **counts)
        held_back = counts.pop("held_back")
        if any(counts.values()):
            said = ", ".join(f"{number:,} {name}" for name, number in counts.items() if number)
            log.info("%s: %s", self.library.name, said)
        if held_back:
            command = f"mediaindex confirm-removal {shlex.quote(self.library.name)}"
            log.warning("%s: %d held back: %s", self.library.name, held_back, command)

    def _begin_watch(self) -> None:
        """Watch the library, if its file system tells of changes; never waits for it."""
        self._root_id = _id_of(self.library.root)
        mount = mount_of(self.library.root, mounts())
        self._choice = choose(self.wish, mount.fstype if mount else "")
        self._watch = Watch(
            self.library.root,
            self.library.rules,
            self._on_touched,
            choice=self._choice,
            on_mode=self._on_mode,
            on_lost=self._on_lost,
        )
        self._watch.start()

    def _end_watch(self) -> None:
        watch, self._watch = self._watch, None
        if watch is not None:
            watch.close()

    def _on_touched(self, touched: Touched) -> None:
        now = datetime.now(UTC)
        for name in touched.closed:
            self._settling.closed(self.library.id, touched.folder, name, now)
        self._want(touched.folder, 0.0, deep=touched.deep)

    def _on_mode(self, watching: str, trouble: str | None) -> None:
        log.warning("%s is watched by %s now: %s", self.library.name, watching, trouble)
        self._events.tell("library", name=self.library.name, watching=watching, trouble=trouble)
        self._poll_at = 0.0
        self._want(WHOLE, 0.0, deep=True)

    def _on_lost(self, reason: str) -> None:
        log.info("%s: its folder went away: %s", self.library.name, reason)
        self._watch = None
        self._want(WHOLE, 0.0)

    def _want(
        self, folder: str, after_s: float, *, deep: bool = False, confirmed: bool = False
    ) -> None:
        with self._news:
            at = time.monotonic() + after_s
            self._agenda.want(folder, at, deep=deep, confirmed=confirmed)
            self._news.notify_all()


def _id_of(root: Path) -> tuple[int, int] | None:
    try:
        found = root.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
