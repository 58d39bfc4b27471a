"""The thread that works through what is due, and comes back whatever happens to it."""

import logging
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from mediaindex import describers, parts
from mediaindex.captioners.schedule import Schedule
from mediaindex.config import CaptionSettings, Config
from mediaindex.daemon.events import Events
from mediaindex.daemon.priority import stand_back
from mediaindex.daemon.service import Phase
from mediaindex.daemon.trouble import told
from mediaindex.errors import ConfigError, MediaIndexError, NoRoom, RetryLater
from mediaindex.pipeline.began import Began
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.stage import Stage
from mediaindex.store import blocked
from mediaindex.store.database import Database
from mediaindex.vectors.indexes import Indexes
from mediaindex.working import Work

log = logging.getLogger(__name__)

TROUBLE_S, LONGEST_TROUBLE_S = 5.0, 60.0
"""After trouble it is tried again so much later, then after twice as long, and so on."""

CHECK_EVERY_S = 10.0
"""So often it is checked whether there is room on the disk, and what hour it is."""

INDEX_EVERY_S = 60.0
"""So often an index that could not be written is tried again."""

TELL_EVERY_S = 1.0

MIB = 1024 * 1024

IN_QUIET_HOURS = ("identify", "probe")
"""What costs next to nothing, so that it is known at any hour what there is to do."""


class Worker:
    """Works from `start` to `stop`; what hinders it is shown, and tried again."""

    def __init__(
        self,
        config: Config,
        database: Database,
        model: Model,
        indexes: Callable[[], Indexes],
        events: Events,
    ) -> None:
        """Prepare it; nothing is done yet.

        Args:
            config: The settings in force.
            database: The store.
            model: The embedder that looks at pictures.
            indexes: Gives the indexes to keep up, whole ones, at the begin of every run.
            events: Told how it goes.

        Raises:
            ConfigError: `work.quiet_hours` are none.
        """
        self.phase: Phase = "starting"
        #: Why nothing can be done at all; None: it can.
        self.trouble: str | None = None
        #: Why some of the settings are not in force; None: all are.
        self.config_trouble: str | None = None
        self.index_trouble: str | None = None
        self.stages: Sequence[Progress] = ()
        #: By path; how much of each is done, 0 to 1.
        self.videos: dict[str, float] = {}
        #: When it was last seen alive; monotonic.
        self.beat_at = time.monotonic()
        self._config = config
        self._database = database
        self._find_indexes = indexes
        self._indexes: Indexes | None = None
        self._model = model
        self._events = events
        self._neighbour = parts.neighbour(config, database)
        self._quiet = _quiet_hours(config)
        self._began = Began()
        self._check_at = self._tell_at = 0.0
        self._was_quiet = False
        self._work: Work | None = None
        self._index_at = 0.0
        # A new run has some time to make whole what was torn.
        self._torn_at = -CHECK_EVERY_S
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._end_run = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="worker", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self, *, look_again: bool = False) -> None:
        """There may be work; and, by a person's word, a model that was missing."""
        if look_again:
            self._model.look_again()
        self._wake.set()

    @property
    def yield_trouble(self) -> str | None:
        """Why captions do not wait for Immich though they shall; None: they do, or need not."""
        return None if self._neighbour is None else self._neighbour.trouble

    def check_indexes(self) -> None:
        """See whether somebody deleted the indexes, for somebody asks; then begin a new run."""
        now = time.monotonic()
        if now >= self._torn_at + CHECK_EVERY_S and self._is_torn():
            self._torn_at = now
            self._renew()

    def _renew(self) -> None:
        """Have the run end, and another begin."""
        self._end_run.set()
        self._wake.set()

    def stop(self) -> None:
        """Have it end what it has begun; returns at once."""
        self._stop.set()
        self._end_run.set()
        self._wake.set()

    def join(self, limit_s: float) -> bool:
        """Wait until it has ended; False if it has not within `limit_s`."""
        if self._thread.ident is None:
            return True  # it was never started
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def _loop(self) -> None:
        stand_back()
        wait_s = TROUBLE_S
        while not self._stop.is_set():
            self._wake.clear()
            try:
                self._run()
            except (MediaIndexError, SQLAlchemyError, sqlite3.Error, OSError) as error:
                self._stumble(told(error))
                log.warning("%s; tried again in %.0f s", self.trouble, wait_s)
            except Exception as error:  # the thread's main: a bug of ours must not end the daemon
                self._stumble(f"a fault of mediaindex: {error!r}; the log has more")
                log.exception("the work broke off; tried again in %.0f s", wait_s)
            else:
                wait_s = TROUBLE_S
                continue
            self._stop.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_TROUBLE_S)

    def _stumble(self, trouble: str) -> None:
        self.trouble, self.phase = trouble, "stuck"
        self.beat_at = time.monotonic()
        self._events.tell("daemon", phase=self.phase, trouble=trouble)

    def _run(self) -> None:
        """Work until there was nothing to do for a while, then wait for more."""
        self._check_room()
        self._was_quiet = self._is_quiet()
        self._end_run = threading.Event()
        if self._stop.is_set():  # set before the line above: it meant another event
            return
        self._indexes = indexes = self._find_indexes()
        work = self._work = Work(
            self._config, self._database, indexes, self._began, self._note, self._model
        )
        self.beat_at = time.monotonic()
        work.prepare()
        self.trouble, self.index_trouble = None, work.index_trouble
        work.run(self._stages(), self._told, self._end_run, self._wake, stand_back)
        self.index_trouble = work.index_trouble
        if self._end_run.is_set():
            return
        work.care()
        work.catch_up()
        self.index_trouble = work.index_trouble
        self._rest()

    def _rest(self) -> None:
        """Hold nothing and wait for work; whatever ends the waiting, a run begins."""
        self.phase, self.stages = (
            self._at_rest,
            [replace(one, is_busy=False) for one in self.stages],
        )
        while not self._wake.wait(CHECK_EVERY_S):
            self.beat_at = time.monotonic()
            if self._was_quiet != self._is_quiet() or self._is_torn() or self._may_catch_up():
                return

    def _stages(self) -> list[Stage[Any, Any]]:
        """Return what is to be done now; settings of captions that do not fit leave those out."""
        config, self.config_trouble = self._config, None
        try:
            describers.check(config)
        except ConfigError as error:
            self.config_trouble = f"nothing is described: {error}"
            off = CaptionSettings(use="off")
            config = msgspec.structs.replace(
                config, settings=msgspec.structs.replace(config.settings, caption=off)
            )
            with self._database.write() as session:
                blocked.block(session, "caption", str(error), datetime.now(UTC))
        stages = parts.stages(
            config,
            self._database,
            self._model,
            self._end_run,
            self._on_video,
            self._neighbour,
        )
        if not self._was_quiet:
            return stages
        return [stage for stage in stages if stage.name in IN_QUIET_HOURS]

    def _told(self, stages: Sequence[Progress]) -> None:
        """Note how the run goes, and end it where something speaks against it."""
        now = self.beat_at = time.monotonic()
        self.stages = [replace(progress) for progress in stages]
        busy = any(progress.is_busy for progress in stages)
        self.phase = "working" if busy else self._at_rest
        if now >= self._tell_at:
            self._tell_at = now + TELL_EVERY_S
            self._events.tell(
                "progress", phase=self.phase, stages=[vars(progress) for progress in self.stages]
            )
        if now >= self._check_at:
            self._check_at = now + CHECK_EVERY_S
            is_over = self._is_quiet() != self._was_quiet or self._lacks_room() or self._is_torn()
            if is_over or self._may_catch_up():
                self._renew()

    def _may_catch_up(self) -> bool:
        """Return True if an index was left behind, and it is time to try it again."""
        now = time.monotonic()
        if self._work is None or not self._work.is_behind or now < self._index_at:
            return False
        self._index_at = now + INDEX_EVERY_S
        return True

    def _note(self, what: str) -> None:
        self.beat_at = time.monotonic()
        log.info("%s", what)

    def _on_video(self, path: Path, share: float | None) -> None:
        if share is None:
            self.videos.pop(str(path), None)
        else:
            self.videos[str(path)] = share

    @property
    def _at_rest(self) -> Phase:
        return "resting" if self._was_quiet else "idle"

    def _is_quiet(self) -> bool:
        return self._quiet is not None and self._quiet.is_open(datetime.now().astimezone())

    def _is_torn(self) -> bool:
        try:
            return self._indexes is not None and not self._indexes.are_whole()
        except RetryLater:  # a disk that cannot be read now: whoever needs it says so
            return False

    def _check_room(self) -> None:
        """Raise NoRoom if too little is free where we write."""
        trouble = self._lacks_room()
        if trouble is not None:
            raise NoRoom(trouble)

    def _lacks_room(self) -> str | None:
        least_mb = self._config.settings.work.min_free_mb
        for folder in (self._config.state_dir, self._config.cache_dir):
            free_mb = shutil.disk_usage(folder).free // MIB
            if free_mb < least_mb:
                return (
                    f"only {free_mb:,} MB are free on the disk of {folder}; indexing goes on when "
                    f"there are {least_mb:,} (work.min_free_mb)"
                )
        return None


def _quiet_hours(config: Config) -> Schedule | None:
    """Return the hours at which the work rests.

    Raises:
        ConfigError: They cannot be understood.
    """
    text = config.settings.work.quiet_hours
    try:
        return None if text is None else Schedule.parse(text)
    except ValueError as error:
        place = config.place_of("work", "quiet_hours")
        raise ConfigError(f"work.quiet_hours ({place}): {error}") from error
