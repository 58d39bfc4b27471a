"""The thread that reads Immich when it is time, and holds nobody up."""

import logging
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from mediaindex.config import Config
from mediaindex.daemon.events import Events
from mediaindex.daemon.priority import stand_back
from mediaindex.daemon.service import ImmichState
from mediaindex.daemon.trouble import told
from mediaindex.errors import MediaIndexError
from mediaindex.immich.reading import read_all
from mediaindex.store import immich_accounts
from mediaindex.store.database import Database

log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""What Immich tells of within so long is one reading."""

GAP_S = 10.0
"""So long it is left alone after a reading, however much it tells."""

FULL_AT_LEAST = timedelta(hours=36)
"""A machine that sleeps at night reads all of it by day, as late as this."""


class Beside:
    """Reads all accounts whenever somebody wants it, one reading at a time. Safe from any thread.

    Nothing is contacted while no account is connected.
    """

    def __init__(
        self, config: Config, database: Database, on_read: Callable[[], None], events: Events
    ) -> None:
        """Prepare it; nothing is read yet.

        Args:
            config: The settings in force.
            database: The store.
            on_read: Called after each reading: there may be work.
            events: Told of each reading's end.
        """
        self._config, self._database = config, database
        self._on_read, self._events = on_read, events
        self._changed = threading.Condition()
        self._stop = threading.Event()
        #: When the next reading is wanted (monotonic); None: none is.
        self._at: float | None = None
        self._wants_full = False
        self._ended_at = -GAP_S
        self._state = ImmichState()
        self._thread = threading.Thread(target=self._loop, name="immich", daemon=True)

    def start(self) -> None:
        """Begin, with a reading of what changed since the last one ended."""
        self.read_soon()
        self._thread.start()

    def stop(self) -> None:
        """Break off what is being read; it goes on another time. Returns at once."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()

    def join(self, limit_s: float) -> bool:
        """Wait until it has ended; False if it has not within `limit_s`."""
        if self._thread.ident is None:
            return True  # it was never started
        self._thread.join(limit_s)
        return not self._thread.is_alive()

    def renew(self, config: Config) -> None:
        """Go by these settings from the next reading on."""
        self._config = config

    def read_soon(self, *, full: bool = False) -> int:
        """Have it read at once; returns the number that this reading will have."""
        with self._changed:
            self._want(time.monotonic(), full=full)
            return self._state.begun + 1

    def hear(self) -> None:
        """Immich told us that something changed; there may be a thousand such words a minute."""
        with self._changed:
            self._want(max(time.monotonic() + SETTLE_S, self._ended_at + GAP_S))

    def state(self) -> ImmichState:
        """Return what it does now."""
        return self._state

    def _want(self, at: float, *, full: bool = False) -> None:
        self._at = at if self._at is None else min(self._at, at)
        self._wants_full |= full
        self._changed.notify_all()

    def _loop(self) -> None:
        stand_back()
        while self._wait():
            with self._changed:
                full, self._at, self._wants_full = self._wants_full, None, False
                self._tell(is_reading=True, begun=self._state.begun + 1)
            trouble = self._read(full=full)
            with self._changed:
                self._ended_at = time.monotonic()
                self._tell(is_reading=False, doing=None, ended=self._state.begun, trouble=trouble)
            self._events.tell("immich", readings=self._state.ended, trouble=trouble)

    def _wait(self) -> bool:
        """Wait until a reading is wanted; False: it is to end."""
        with self._changed:
            while not self._stop.is_set():
                left_s = None if self._at is None else self._at - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return True
                self._changed.wait(left_s)
        return False

    def _read(self, *, full: bool) -> str | None:
        """Read; returns why that could not be done, and logs it once and not every ten minutes."""
        try:
            trouble = self._read_all(full=full)
        except (MediaIndexError, SQLAlchemyError, sqlite3.Error, OSError) as error:
            trouble = told(error)
        except Exception as error:  # the thread's main: a bug of ours must not end the daemon
            log.exception("immich was not read")
            return f"a fault of mediaindex: {error!r}; the log has more"
        if trouble is not None and trouble != self._state.trouble:
            log.warning("immich: %s", trouble)
        return trouble

    def _read_all(self, *, full: bool) -> str | None:
        config, now = self._config, datetime.now(UTC)
        with self._database.read() as session:
            known = [account.full_at for account in immich_accounts.accounts(session)]
        if not known:
            return None
        if config.settings.immich.full_cron is not None:
            full |= any(is_overdue(full_at, now) for full_at in known)
        reads = read_all(
            config,
            self._database,
            partial(datetime.now, UTC),
            full=full,
            stop=self._stop,
            on_progress=self._on_progress,
        )
        self._tell(reads=tuple(reads))
        self._on_read()
        return self._trouble_of_accounts()

    def _trouble_of_accounts(self) -> str | None:
        with self._database.read() as session:
            rows = immich_accounts.accounts(session)
            return "; ".join(row.trouble for row in rows if row.trouble) or None

    def _on_progress(self, met: int, matched: int) -> None:
        self._tell(doing=progress(met, matched))

    def _tell(self, **changes: Any) -> None:  # noqa: ANN401 - of `ImmichState`
        self._state = replace(self._state, **changes)


def progress(met: int, matched: int) -> str:
    """Return for people how far a reading is."""
    return f"{met:,} photos and videos read, {matched:,} of them here"


def is_overdue(full_at: datetime | None, now: datetime) -> bool:
    """Return whether an account was not read in full for so long that the clock is not waited for.

    Never is none of it: the first reading is a full one by itself.
    """
    return full_at is not None and now - full_at > FULL_AT_LEAST
