"""The daemon: its parts, how they begin and end, and what may be asked of it."""

import dataclasses
import logging
import threading
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack, closing, suppress
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from types import TracebackType

from msgspec.structs import replace
from sqlalchemy.exc import SQLAlchemyError

from mediaindex import libraries, parts
from mediaindex.asking import Asker
from mediaindex.config import Config, SweepSettings, load_config
from mediaindex.daemon.beside import Beside
from mediaindex.daemon.chores import Chores
from mediaindex.daemon.events import Events
from mediaindex.daemon.keeper import Keeper
from mediaindex.daemon.service import Phase, State
from mediaindex.daemon.timetable import Timetable
from mediaindex.daemon.worker import Worker
from mediaindex.errors import MediaIndexError
from mediaindex.listening import check_listening, hook_secret
from mediaindex.media.previews import PreviewStore
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.sweep import Library
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.sources.filesystems import Wish
from mediaindex.store import jobs
from mediaindex.store.database import Database
from mediaindex.store.forget import forget_library
from mediaindex.store.tables import LibraryRow
from mediaindex.vectors.indexes import Indexes

log = logging.getLogger(__name__)

END_S = 8.0
"""So long the threads have to end what they have begun; then the process ends without them."""

HUNG_S = 900.0
"""A worker that was not seen alive for so long hangs: no model takes so long to be loaded."""

SETTLED, SETTLED_SECTIONS = ("state_dir", "cache_dir"), ("serve", "index")
"""What is settled when the daemon starts, and changes with a restart only."""


class Daemon:
    """A running daemon; whoever makes one holds the state's lock. See `service.Service`."""

    def __init__(self, config: Config, file: Path | None = None) -> None:
        """Open the store and the indexes, and prepare all threads; none runs yet.

        Args:
            config: The settings.
            file: Where they were read from, for `reload`; None: wherever they are found.

        Raises:
            ConfigError: A setting does not fit.
            StoreError: The database cannot be used.
        """
        self.events = Events()
        self._file = file
        self._config = config
        self._started_at = datetime.now(UTC)
        self._config_trouble: str | None = None
        self._ending, self._end_at = False, 0.0
        # Before the first work the indexes may hold nothing yet.
        self._has_worked = False
        #: Whether nothing of it runs any more.
        self.has_ended = False
        self._changing = threading.RLock()
        self._embedders = parts.Embedders()
        self._hook_secret = hook_secret(config)
        self._chores = Chores(self)
        self._timetable = Timetable(config, self._jobs())
        with ExitStack() as opened:
            self._database = opened.enter_context(closing(parts.store(config)))
            libraries.check(config, self._database)
            self._indexes = parts.indexes(config, self._database)
            opened.callback(lambda: self._indexes.close())
            self._sent = parts.sent(config)
            opened.callback(lambda: self._sent.close())
            self._worker = self._new_worker(config)
            self._beside = Beside(config, self._database, self._on_files, self.events)
            self._keepers: dict[int, Keeper] = {}
            self._asker = self._new_asker()
            self._opened = opened.pop_all()

    def __enter__(self) -> "Daemon":
        """Start: answers first, then the libraries and the work on them."""
        threading.Thread(target=self._asker.warm, name="warm", daemon=True).start()
        self._keep_libraries()
        self._worker.start()
        self._beside.start()
        self._timetable.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop: end what was begun and give back what was not, within `END_S` seconds."""
        self.stop()
        until = self._end_at
        all_ended = self._worker.join(max(0.0, until - time.monotonic()))
        all_ended &= self._beside.join(max(0.0, until - time.monotonic()))
        for keeper in self._keepers.values():
            all_ended &= keeper.join(max(0.0, until - time.monotonic()))
        self._asker.close()
        self.has_ended = all_ended
        if all_ended:
            self._opened.close()
        else:
            log.warning("something did not end in time (a disk that hangs?); ending without it")
            with suppress(SQLAlchemyError), self._database.write() as session:
                jobs.release_leases(session)

    def stop(self) -> None:
        """Have all of it end; returns at once. What is asked meanwhile is still answered."""
        if not self._ending:
            self._ending, self._end_at = True, time.monotonic() + END_S
            self._timetable.stop()
            self._worker.stop()
            self._beside.stop()
            for keeper in self._keepers.values():
                keeper.stop()

    @property
    def config(self) -> Config:
        """The settings in force."""
        return self._config

    @property
    def database(self) -> Database:
        """The store."""
        return self._database

    @property
    def hook_secret(self) -> str | None:
        """What Immich has to show to wake us; None: nobody may."""
        return self._hook_secret

    @property
    def previews(self) -> PreviewStore:
        """The previews."""
        return parts.previews(self._config)

    @property
    def is_hung(self) -> bool:
        """Whether the work shows no sign of life; a restart may help."""
        return time.monotonic() > self._worker.beat_at + HUNG_S

    def state(self) -> State:
        """Return what it does now."""
        worker = self._worker
        phase: Phase = "stopping" if self._ending else worker.phase
        return State(
            started_at=self._started_at,
            phase=phase,
            trouble=worker.trouble,
            config_trouble=self._config_trouble or worker.config_trouble,
            libraries=tuple(keeper.state() for keeper in list(self._keepers.values())),
            stages=worker.stages,
            videos=dict(worker.videos),
            index_trouble=worker.index_trouble,
            chore_troubles=tuple(self._chores.troubles.values()),
            immich=dataclasses.replace(
                self._beside.state(),
                yield_trouble=worker.yield_trouble,
                writes=tuple(self._config.settings.immich.write),
            ),
        )

    def ask(self, asked: Asked, today: date) -> Answer:
        """Answer one question from the warm model; raises as `asking.Asker.ask`."""
        if self._has_worked:
            self._worker.check_indexes()
        return self._asker.ask(asked, today)

    def wake(self) -> None:
        """Have the stages look for work at once, and for a model that was missing."""
        self._worker.wake(look_again=True)

    def read_immich(self, *, full: bool = False) -> int:
        """Read what changed in Immich, or all of it; returns the number of that reading."""
        self._worker.wake()  # for what a person decided of Immich, too
        return self._beside.read_soon(full=full)

    def hear_of_immich(self) -> None:
        """Immich says that something changed."""
        self._beside.hear()

    def sweep_soon(
        self, library_ids: Collection[int] | None = None, *, confirmed: bool = False
    ) -> None:
        """Look at libraries, or at all, as soon as possible."""
        for id_, keeper in list(self._keepers.items()):
            if library_ids is None or id_ in library_ids:
                keeper.sweep_soon(confirmed=confirmed)

    def add_library(self, folder: Path) -> str:
        """Take a folder in, watch it, and sweep it soon; returns its library's name.

        Raises:
            ConfigError: The folder is not there, cannot be a library, or holds one already.
        """
        ((library, _),) = libraries.wanted_libraries(
            self._config, self._database, [folder], may_widen=False
        )
        self._keep_libraries()
        self.sweep_soon([library.id])
        return library.name

    def forget_library(self, library_id: int) -> int:
        """Take a library out of the index; returns how many assets went with it.

        Raises:
            ConfigError: The settings list it, so that it would come back.
        """
        with self._changing:
            with self._database.read() as session:
                row = session.get_one(LibraryRow, library_id)
                libraries.check_not_listed(self._config, row)
            self._drop_keeper(library_id)
            with self._database.write() as session:
                gone = forget_library(session, library_id, datetime.now(UTC))
        for sha256 in gone:
            self.previews.remove(sha256)
        self.wake()
        return len(gone)

    def reload(self) -> None:
        """Read the settings again and let them take effect; returns at once."""
        threading.Thread(target=self._reload, name="reload", daemon=True).start()

    def _reload(self) -> None:
        with self._changing:
            try:
                self._put_in_force(load_config(self._file))
            except (MediaIndexError, SQLAlchemyError) as error:
                self._config_trouble = f"what was changed is not in force: {error}"
                log.warning("the settings were not read again; the old ones stay: %s", error)
            except Exception:  # the thread's main: the old settings stay in force
                self._config_trouble = "what was changed is not in force: a fault of mediaindex"
                log.exception("the settings were not read again; the old ones stay")
            else:
                log.info("the settings were read again")
            self.events.tell("daemon", phase=self.state().phase, config=self._config_trouble)

    def _put_in_force(self, config: Config) -> None:
        """Let new settings take effect, after finding out whether they can.

        Raises:
            ConfigError: They cannot; nothing has changed then.
        """
        check_listening(config)  # it would be the next start that fails of it
        secret = hook_secret(config)
        libraries.check(config, self._database)
        config, held = _without_restart(config, self._config)
        libraries.check(config, self._database)
        wanted = libraries.every_library(config, self._database)
        timetable, worker = Timetable(config, self._jobs()), self._new_worker(config)
        self._timetable.stop()
        self._worker.stop()
        while not (self._worker.join(1.0) or self._ending):
            pass
        if self._ending:
            return
        self._config, self._timetable, self._worker = config, timetable, worker
        self._hook_secret = secret
        self._beside.renew(config)
        worker.start()
        timetable.start()
        before, self._sent = self._sent, parts.sent(config)
        self._renew_asker()
        before.close()
        self._keep(wanted)
        self._config_trouble = _after_restart(held)

    def _new_worker(self, config: Config) -> Worker:
        model = Model(lambda: self._embedders.find(config))
        return Worker(config, self._database, model, self._whole_indexes, self.events)

    def _new_asker(self) -> Asker:
        config, embedders = self._config, self._embedders
        return Asker(
            config,
            self._database,
            self._indexes,
            lambda serving: embedders.find(config, serving.use, serving.model),
            decode=self._sent.decode,
        )

    def _renew_asker(self) -> None:
        """Answer by what is in force now; the model stays in memory if it is the same."""
        before, self._asker = self._asker, self._new_asker()
        threading.Thread(target=self._asker.warm, name="warm", daemon=True).start()
        before.close()

    def _whole_indexes(self) -> Indexes:
        """Return the indexes; opened anew if somebody took files of theirs away."""
        if self._has_worked and not self._indexes.are_whole():
            log.warning("the index was deleted or damaged; it is made again")
            # Chroma keeps one client for each folder, even if that is another one by now.
            self._indexes.close()
            self._indexes = parts.indexes(self._config, self._database)
            self._renew_asker()
        self._has_worked = True
        return self._indexes

    def _keep_libraries(self) -> None:
        """Have a keeper for each library that there is, by the settings in force."""
        self._keep(libraries.every_library(self._config, self._database))

    def _keep(self, every: Collection[Library]) -> None:
        with self._changing:
            wanted = {library.id: library for library in every}
            for id_, keeper in list(self._keepers.items()):
                library = wanted.get(id_)
                if library is None or not keeper.is_for(library, self._wish(library), self._sweep):
                    self._drop_keeper(id_)
            for id_, library in wanted.items():
                if id_ not in self._keepers:
                    self._keepers[id_] = Keeper(
                        self._database,
                        library,
                        self._wish(library),
                        self._sweep,
                        self._on_files,
                        self.events,
                    )
                    self._keepers[id_].start()

    def _drop_keeper(self, library_id: int) -> None:
        keeper = self._keepers.pop(library_id, None)
        if keeper is not None:
            keeper.stop()
            keeper.join(END_S)

    def _on_files(self) -> None:
        self._worker.wake()

    @property
    def _sweep(self) -> SweepSettings:
        return self._config.settings.sweep

    def _wish(self, library: Library) -> Wish:
        for wishes in self._config.settings.libraries:
            if parts.absolute(Path(wishes.path)) == library.root:
                return wishes.watch
        return "auto"

    def _jobs(self) -> dict[str, Callable[[], None]]:
        return {
            "sweep": self.sweep_soon,
            "immich": self._read_by_clock,
            "immich_full": partial(self._read_by_clock, full=True),
            **self._chores.by_name(),
        }

    def _read_by_clock(self, *, full: bool = False) -> None:
        self._beside.read_soon(full=full)


def _without_restart(new: Config, old: Config) -> tuple[Config, list[str]]:
    """Return the new settings, less what is settled at start, and which of that had changed."""
    held = [key for key in SETTLED if getattr(new, key) != getattr(old, key)]
    if new.settings.backup.folder != old.settings.backup.folder:
        # The kernel was told at start where anything may be written.
        held.append("backup.folder")
        backup = replace(new.settings.backup, folder=old.settings.backup.folder)
        new = replace(new, settings=replace(new.settings, backup=backup))
    sections = {key: getattr(old.settings, key) for key in SETTLED_SECTIONS}
    held += [key for key, value in sections.items() if getattr(new.settings, key) != value]
    folders = {key: getattr(old, key) for key in SETTLED}
    return replace(new, settings=replace(new.settings, **sections), **folders), held


def _after_restart(held: list[str]) -> str | None:
    """Return in words that some of the settings wait; None if none do."""
    return f"what was changed in {', '.join(held)} is in force after a restart" if held else None
