"""Stage: what models say -> descriptions, tags and records in Immich."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mediaindex.clients.wire import within
from mediaindex.config import Config
from mediaindex.errors import AlreadyRunning, BrokenOff, Faulty, RetryLater, ServerBusy
from mediaindex.immich import allowed
from mediaindex.immich.account import Account, open_client
from mediaindex.immich.archives import Archive, Archives
from mediaindex.immich.archives import OpenClient as OpenClient
from mediaindex.immich.checking import check_one, check_written
from mediaindex.immich.publishing import publish
from mediaindex.immich.words import FORM, Wish, wish
from mediaindex.immich.writing import WIPED
from mediaindex.pipeline.stage import PREVIEWED, Blocked
from mediaindex.store import immich_written, jobs
from mediaindex.store.database import Database
from mediaindex.store.due import Work, assets_due, at
from mediaindex.store.ids import each
from mediaindex.store.immich_written import Spoken, Target
from mediaindex.store.jobs import Subject
from mediaindex.store.lock import writing_lock
from mediaindex.store.tables import AssetRow

log = logging.getLogger(__name__)

GRACE_S = 8.0
"""So long an answer may take yet when the run is to end."""

LOOK_S = 1.0

CHECK_EVERY_S, CHECKS = 30.0, 10
"""So often, while it writes, it looks whether so many that it wrote before are still there."""

IN_VAIN_S = 3600.0
"""So long it rests where all that is left is in libraries that keep nothing."""

TURN_S = 60.0
"""So much later it tries again where somebody takes out what we wrote."""

PATIENCE = 2
"""So often one photo may have the server fail before it counts against the photo."""


@dataclass(frozen=True)
class Telling:
    """A photo or video, and where in Immich its words go."""

    asset_id: int
    spoken: Spoken
    targets: tuple[Target, ...]


class Publish:
    """Writes to Immich, one photo after the other and no faster than is allowed.

    It stores what it is about to change before it does, in transactions of its own: the runner
    stores results afterwards only, and what stood in Immich before would be lost with a kill.
    """

    name = immich_written.STAGE
    subject: Subject = "asset"
    lasting = True
    batch = 1
    width = 1

    def __init__(
        self,
        config: Config,
        database: Database,
        stop: threading.Event,
        *,
        only: Collection[int] | None = None,
        opener: OpenClient = open_client,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Contact nothing yet.

        Args:
            config: With something in `immich.write`.
            database: The store that the runner works on.
            stop: Ends the run.
            only: These assets alone; None: all.
            opener: Makes the client of an account.
            clock: The time, UTC.
        """
        self._config, self._database, self._stop = config, database, stop
        self._wanted = config.settings.immich.write
        self._only = None if only is None else sorted(only)
        self._clock = clock
        self._pace = Pace(config.settings.immich.writes_per_min, stop)
        self._archives = Archives(config, database, opener, clock)
        self._faults = Counter[int]()
        self._queries: dict[tuple[Work, tuple[int, ...]], Select[int]] = {}
        self._check_at = 0.0
        self._turn, self._turning = ExitStack(), threading.Lock()
        self._has_turn = False
        self._is_closed = threading.Event()
        self._ending: threading.Thread | None = None

    @property
    def version(self) -> str:
        """What a result depends on: what is written, and to whose archive it may be."""
        ids = ",".join(map(str, self._archives.permitted))
        return f"{FORM} {'+'.join(sorted(self._wanted))} {ids}"

    def ready(self) -> None:
        """Have a client for each account that may be written to.

        Raises:
            RetryLater: There is none; the text names what the keys lack, or why nobody answers.
                Or somebody is taking out what we wrote.
        """
        self._take_turn()
        if self._ending is None:
            self._ending = threading.Thread(target=self._end, name="end publish", daemon=True)
            self._ending.start()
        with self._in_time():
            self._archives.reread()
            self._archives.ask()
        self._need_one()

    def due(self) -> Select[int]:
        """Return the query for assets with words that Immich was not told in this form."""
        self._archives.reread()
        work = Work(self.name, self.version, kinds=("photo", "video"), after=PREVIEWED)
        # If none may be written to, that is to be said of all that could be.
        account_ids = self._archives.permitted or self._archives.known
        if (work, account_ids) not in self._queries:  # the runner keeps what it makes of each
            query = immich_written.publishable(assets_due(work), account_ids)
            if self._only is not None:
                query = query.where(AssetRow.id.in_(each(self._only)))
            self._queries[work, account_ids] = query
        return self._queries[work, account_ids]

    def load(self, session: Session, subject_id: int) -> Telling:
        """Return what is said of an asset, and its assets in Immich."""
        targets = immich_written.targets(session, subject_id, self._archives.permitted)
        return Telling(subject_id, immich_written.spoken(session, subject_id), tuple(targets))

    def work(self, inputs: Sequence[Telling]) -> list[int]:
        """Write what is to be said of these, one after the other; returns on how many."""
        with self._in_time():
            return [self._tell(one) for one in inputs]

    def save(self, session: Session, subject_id: int, result: int, now: datetime) -> None:
        """Note that Immich was told; what stands there is stored already."""
        jobs.mark_done(session, subject_id, self.name, self.version, now, redo=())

    def close(self) -> None:
        """Let go of the servers, and then of the right to write to them."""
        with self._turning:
            self._is_closed.set()
            self._archives.close()
            self._turn.close()

    def _in_time(self) -> AbstractContextManager[None]:
        return within(self._config.settings.immich.time_limit_s)

    def _take_turn(self) -> None:
        """Take the right to write; it is held until the stage is closed."""
        with self._turning:
            if self._is_closed.is_set():
                raise BrokenOff("it goes on where it was broken off")
            if self._has_turn:
                return
            try:
                self._turn.enter_context(writing_lock(self._config.state_dir))
            except AlreadyRunning as error:
                raise Blocked(str(error), TURN_S) from error
            self._has_turn = True

    def _need_one(self) -> None:
        """Raise `Blocked` if nothing can be written to now."""
        if self._stop.is_set():
            raise BrokenOff("it goes on where it was broken off")
        if not self._archives.open():
            raise Blocked(self._archives.why_none())

    def _end(self) -> None:
        """When the run is to end, give what is on its way a moment, and then break it off."""
        while not self._stop.wait(timeout=LOOK_S):
            if self._is_closed.is_set():
                return
        self._is_closed.wait(GRACE_S)
        self._archives.close()

    def _tell(self, telling: Telling) -> int:
        self._archives.ask_again()
        self._need_one()
        self._check()
        told, kept_from = 0, None
        for target in telling.targets:
            archive = self._archives.at(target.account_id)
            if isinstance(archive, str):
                kept_from = archive
                continue
            told += self._publish(archive, target, telling)
            self._archives.worked()
        if kept_from is not None:
            raise RetryLater(kept_from)
        return told

    def _publish(self, archive: Archive, target: Target, telling: Telling) -> bool:
        account, client = archive.account, archive.client
        wanted = self._wish(account, telling.spoken)
        if wanted is None:
            return False
        try:
            # Whoever reads Immich may have seen that our words are not there any more.
            found = check_one(self._database, client, account, target, self._clock())
            self._heed(found.libraries)
            outcome = publish(
                self._database,
                client,
                account,
                target,
                telling.asset_id,
                wanted,
                self._pace,
                self._clock,
            )
        except Blocked:
            raise
        except (RetryLater, Faulty) as error:
            raise self._trouble(error, telling.asset_id) from error
        self._faults.pop(telling.asset_id, None)
        if outcome in ("gone", "not to be written"):
            log.info("publish: asset %d: %s in Immich (%s)", telling.asset_id, outcome, target.uuid)
        return outcome == "written"

    def _wish(self, account: Account, spoken: Spoken) -> Wish | None:
        return wish(spoken, allowed.writable(account, self._wanted))

    def _trouble(self, error: Exception, asset_id: int | None = None) -> Exception:
        """Return what a server's failure means: it blocks the stage, and no photo is to blame.

        Unless it is the same photo again and again: then the others go on without it.
        """
        if self._stop.is_set() or isinstance(error, BrokenOff):
            return BrokenOff("it goes on where it was broken off")
        if asset_id is not None and isinstance(error, Faulty):
            self._faults[asset_id] += 1
            if self._faults[asset_id] > PATIENCE:
                return error
        return Blocked(str(error), error.after_s if isinstance(error, ServerBusy) else None)

    def _check(self) -> None:
        """Look now and then at what was written a while ago.

        Raises:
            Blocked: There is a library in which all of it is in vain.
        """
        now = time.monotonic()
        if now < self._check_at:
            return
        self._check_at = now + CHECK_EVERY_S
        in_vain: list[str] = []
        for archive in self._archives.open():
            try:
                found = check_written(
                    self._config,
                    self._database,
                    archive.client,
                    archive.account,
                    self._clock(),
                    CHECKS,
                    self._stop.is_set,
                )
            except RetryLater as error:
                raise self._trouble(error) from error
            in_vain += found.libraries
        self._heed(in_vain)

    def _heed(self, in_vain: Collection[str]) -> None:
        """Raise `Blocked` if it was just found that all is in vain in some library."""
        if in_vain:
            raise Blocked(
                f"in {len(in_vain)} of its libraries nothing is written any more: {WIPED}",
                1.0 if self._is_anything_due() else IN_VAIN_S,
            )

    def _is_anything_due(self) -> bool:
        with self._database.read() as session:
            return session.scalar(select(self.due().limit(1).exists()), at(self._clock())) or False


class Pace:
    """Lets so many go in a minute, evenly; the first at once."""

    def __init__(
        self, per_min: int, stop: threading.Event, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._gap_s = 60 / per_min
        self._next_at = 0.0
        self._stop, self._clock = stop, clock

    def __call__(self) -> None:
        """Wait for one's turn.

        Raises:
            BrokenOff: The run is to end.
        """
        if self._stop.wait(max(0.0, self._next_at - self._clock())):
            raise BrokenOff("it goes on where it was broken off")
        self._next_at = self._clock() + self._gap_s
