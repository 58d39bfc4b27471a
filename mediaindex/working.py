"""Work through what is due: the same for a command that ends and for the daemon, which does not."""

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.embedders import Embedder
from mediaindex.errors import RetryLater
from mediaindex.pipeline.began import Began
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.serving import Serving, serving, take_over
from mediaindex.pipeline.stage import PREVIEWED, Stage
from mediaindex.pipeline.sync import Sync
from mediaindex.search.calibration import refresh_calibration
from mediaindex.store import assets, jobs
from mediaindex.store.database import Database
from mediaindex.vectors.indexes import Indexes

log = logging.getLogger(__name__)

OnNote = Callable[[str], None]


class Work:
    """One run over what is due, with the indexes kept up. Whoever has it holds the state's lock."""

    def __init__(
        self,
        config: Config,
        database: Database,
        indexes: Indexes,
        began: Began,
        on_note: OnNote = lambda _: None,
        model: Model | None = None,
    ) -> None:
        """Prepare a run; nothing is done yet.

        Args:
            config: The settings in force.
            database: The store.
            indexes: What is to be kept up.
            began: When this process did. What was not looked at since then is not believed to be
                gone for good. The same for every run of the process.
            on_note: Told of something that takes a while, in a few words.
            model: The embedder, if somebody has it already.
        """
        self.config = config
        self.database = database
        self.model = model or Model(lambda: parts.embedder(config))
        #: How many assets were forgotten for having been gone so long.
        self.purged = 0
        self._indexes = indexes
        self._began = began
        self._on_note = on_note
        self._sync = Sync(database, indexes.all(), indexes.facets)

    @property
    def index_trouble(self) -> str | None:
        """Why an index is not kept up, None if all are."""
        return self._sync.trouble or self._indexes.set_aside

    @property
    def is_behind(self) -> bool:
        """Whether an index was left behind in this run; another may bring it up again."""
        return self._sync.trouble is not None

    def prepare(self) -> None:
        """Mend what an earlier run left behind, or somebody deleted."""
        previews = parts.previews(self.config)
        if not previews.folder.is_dir():
            with self.database.write() as session:
                for stage in PREVIEWED:
                    jobs.lose_results(session, stage)
        previews.sweep_leftovers()  # before any stage begins to write
        self._repair_indexes()
        with self.database.read() as session:
            is_first = serving(session) is None
        if is_first:
            self._let_serve()

    def run(
        self,
        stages: Sequence[Stage[Any, Any]],
        on_progress: Callable[[Sequence[Progress]], None],
        stop: threading.Event,
        wake: threading.Event | None = None,
        on_thread: Callable[[], None] = lambda: None,
    ) -> Sequence[Progress]:
        """Work until nothing is due; see `Runner`."""
        runner = Runner(
            self.database,
            stages,
            self._sync.step,
            on_progress,
            care=self.care,
            on_thread=on_thread,
        )
        return runner.run(stop, wake)

    def catch_up(self) -> None:
        """Tell the indexes all that they were not told yet."""
        while self._sync.step():
            pass

    def care(self) -> None:
        """Let a new model take over, learn what chance looks like, forget what is long gone."""
        now = self._began.now()
        self._purge(now)
        self._repair_indexes()
        embedder = self._let_serve()
        if embedder is not None:
            refresh_calibration(self.database, embedder, self._on_note)

    def _let_serve(self) -> Embedder | None:
        """Let the model of the settings answer, if it is the first or has seen all; return it."""
        try:
            embedder = self.model.embedder
        except RetryLater:
            return None
        section = self.config.settings.embedder
        candidate = Serving(section.use, section.model, embedder.model_id)
        with self.database.write() as session:
            dropped = take_over(session, candidate, self._began.now())
        for space in dropped:
            self._sync.drop(space)
        return embedder

    def _purge(self, now: datetime) -> None:
        """Forget what is gone for so long that nobody waits for it; by a clock to be trusted only.

        Once the clock was set, nothing is forgotten until the process is started again, and what
        was found missing by the clock as it was counts as missing since now. Both only give more
        time: a photo that was forgotten is gone with all that was said of it.
        """
        if self._began.wrong:
            self._distrust(now)
            return
        retention = timedelta(days=self.config.settings.sweep.retention_days)
        with self.database.write() as session:
            gone = assets.purge_missing(session, retention, now, self._began.at)
        previews = parts.previews(self.config)
        for sha256 in gone:
            previews.remove(sha256)
        self.purged += len(gone)

    def _distrust(self, now: datetime) -> None:
        # Every time, as a long sweep may note what it missed with the time at which it began.
        with self.database.write() as session:
            for first, last in self._began.wrong:
                assets.miss_anew(session, first, last, now)
        if not self._began.is_told:
            self._began.is_told = True
            log.warning(
                "the clock of this machine was set by more than an hour; "
                "nothing that is gone is forgotten until mediaindex is started again"
            )

    def _repair_indexes(self) -> None:
        self._sync.repair(
            lambda done, of: self._on_note(f"building the index again: {done:,} of {of:,}")
        )
