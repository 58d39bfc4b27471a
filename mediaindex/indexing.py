"""One whole run: look at the libraries, work through what is due, leave all in order."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryFile

from msgspec.structs import replace

from mediaindex import apart, describers, parts
from mediaindex.config import CaptionSettings, Config
from mediaindex.errors import ConfigError
from mediaindex.libraries import wanted_libraries
from mediaindex.pipeline.began import Began
from mediaindex.pipeline.frames import OnVideo
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.sweep import SweepReport, sweep
from mediaindex.store import counts
from mediaindex.store.counts import WorkCounts
from mediaindex.store.database import Database
from mediaindex.store.lock import worker_lock
from mediaindex.vectors.indexes import Indexes
from mediaindex.working import Work

NO_CAPTIONS = CaptionSettings(use="off")

OnProgress = Callable[[Sequence[Progress], dict[str, WorkCounts]], None]


@dataclass(frozen=True)
class Events:
    """Who is told what, while a run goes on."""

    #: A library's name and the counts so far, after every batch of folders.
    on_sweep: Callable[[str, SweepReport], None] = lambda _name, _report: None
    #: How each stage fares in this run, and how far it is over all.
    on_progress: OnProgress = lambda _stages, _work: None
    #: A video that is looked through, and how much of it is done; see `OnVideo`.
    on_video: OnVideo = lambda _path, _share: None
    #: Something that takes a while, in a few words.
    on_note: Callable[[str], None] = lambda _note: None


@dataclass
class RunReport:
    """What a run did."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    sweeps: dict[str, SweepReport] = field(default_factory=dict)
    stages: Sequence[Progress] = ()
    #: How many jobs stand as failed, those of earlier runs too.
    failures: int = 0
    #: How many jobs of the stages of this run wait to be tried again.
    waiting: int = 0
    purged: int = 0
    index_trouble: str | None = None
    interrupted: bool = False


def check_folders(config: Config) -> None:
    """Check, before any work is done, that what it makes can be stored.

    Raises:
        ConfigError: A folder cannot be made or written, or has to do with media.
    """
    apart.check(config)
    folders = {"state_dir": config.state_dir, "cache_dir": config.cache_dir}
    previews = parts.previews(config).folder
    for key, folder in [
        *folders.items(),
        *([("cache_dir", previews)] if previews.exists() else []),
    ]:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with TemporaryFile(dir=folder):
                pass
        except OSError as error:
            raise ConfigError(f"{key}: {folder} cannot be written: {error.strerror}") from error


def run_once(
    config: Config,
    folders: Sequence[Path],
    *,
    confirmed: bool = False,
    captions: bool = True,
    stop: threading.Event,
    events: Events = Events(),
) -> RunReport:
    """Index `folders`, or every library if none is named, until nothing is left to do.

    Safe to interrupt at any moment and to run again; a second run finds nothing to do.

    Raises:
        AlreadyRunning: Another process works on the same state.
        ConfigError: A folder does not exist, or holds a library of its own; or a setting does not
            fit.
        StoreError: The database cannot be used.
    """
    if not captions:
        config = replace(config, settings=replace(config.settings, caption=NO_CAPTIONS))
    describers.check(config)
    with worker_lock(config.state_dir), _opened(config) as (database, indexes):
        began = Began()
        report = RunReport(began.at)
        for library, below in wanted_libraries(config, database, folders):
            if stop.is_set():
                break
            report.sweeps[library.name] = sweep(
                database,
                library,
                datetime.now(UTC),
                max_vanish_fraction=config.settings.sweep.max_vanish_fraction,
                confirmed=confirmed,
                below=below,
                on_folder=partial(events.on_sweep, library.name),
            )
        _work(Work(config, database, indexes, began, events.on_note), report, stop, events)
        with database.read() as session:
            stages = counts.count_stages(session)
        report.failures = sum(stage.failed for stage in stages)
        ours = {stage.stage for stage in report.stages}
        report.waiting = sum(stage.waiting for stage in stages if stage.stage in ours)
        report.interrupted = stop.is_set()
        return report


@contextmanager
def _opened(config: Config) -> Iterator[tuple[Database, Indexes]]:
    database = parts.store(config)
    try:
        indexes = parts.indexes(config, database)
        try:
            yield database, indexes
        finally:
            indexes.close()
    finally:
        database.close()


def _work(work: Work, report: RunReport, stop: threading.Event, events: Events) -> None:
    work.prepare()
    stages = parts.stages(
        work.config,
        work.database,
        work.model,
        stop,
        events.on_video,
        parts.neighbour(work.config, work.database),
    )
    report.stages = work.run(stages, _teller(work.database, events.on_progress), stop)
    if not stop.is_set():
        work.care()
        work.catch_up()
    report.index_trouble, report.purged = work.index_trouble, work.purged


def _teller(database: Database, tell: OnProgress) -> Callable[[Sequence[Progress]], None]:
    """Return what passes progress on with the totals, at most twice a second: counting costs."""
    next_at = 0.0

    def told(stages: Sequence[Progress]) -> None:
        nonlocal next_at
        if time.monotonic() < next_at:
            return
        began = time.monotonic()
        with database.read() as session:
            work = counts.count_work(session)
        tell(stages, work)
        next_at = time.monotonic() + 0.5 + 10 * (time.monotonic() - began)

    return told
