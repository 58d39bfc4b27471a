"""What Immich knows -> our store, one account after the other.

A page is asked for first and stored then, in one short transaction: nobody waits for Immich with
the database locked. A reading that ends early leaves what it stored; nothing counts as gone by it,
and the next one begins again where changes are asked from.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from mediaindex.clients import wire
from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import Wanted
from mediaindex.clients.immich_versions import abilities
from mediaindex.config import Config
from mediaindex.errors import BrokenOff, ConfigError, Gone, Lacking, MediaIndexError
from mediaindex.immich.account import Account, open_client
from mediaindex.immich.accounts import account_of
from mediaindex.immich.checking import check_written
from mediaindex.immich.checksums import match_by_content
from mediaindex.immich.counting import Counting
from mediaindex.immich.ending import broken_off
from mediaindex.immich.groups import Groups
from mediaindex.immich.paging import store_page
from mediaindex.immich.reread import rematch
from mediaindex.immich.seen import Seen
from mediaindex.immich.texts import read_texts
from mediaindex.immich.vanished import Vanishing
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import (
    ANEW,
    accounts,
    begin_full,
    find_account,
    is_held_back,
    note_pages,
    note_read,
    note_trouble,
    note_version,
)
from mediaindex.store.lock import immich_lock

log = logging.getLogger(__name__)

OVERLAP = timedelta(minutes=1)
"""So much before the last change is asked for again: what Immich changes at once it does not tell
at once."""

CLOCKS = timedelta(days=1)
"""Nothing changed so much after what the clocks say: a date that is later still is wrong."""

PAGE = 1000
"""Assets of one request and of one transaction; Immich gives no more."""

LOOKED_AT = 100
"""So many of those that we wrote on are looked at after a reading."""

Progress = Callable[[int, int], None]
"""Is told how many were met, and how many of them are ours."""


@dataclass(frozen=True)
class Read:
    """What a reading of one account came to."""

    account_id: int
    #: Whose it is.
    name: str
    is_full: bool
    #: Assets of Immich's that it told of, and how many of them are ours.
    met: int
    matched: int
    #: Assets of ours of which something else is known now.
    changed: int
    #: Those that cannot be read any more, and those of which a person has to decide.
    vanished: int
    held_back: int
    requests: int


def read(
    config: Config,
    database: Database,
    account_id: int,
    now: datetime,
    *,
    full: bool,
    stop: threading.Event,
    on_progress: Progress = lambda done, matched: None,
) -> Read:
    """Read what changed in one account; all of it if `full`, or if it never was read to its end.

    Args:
        config: The settings in force.
        database: The store.
        account_id: The account.
        now: The time.
        full: Everything, and what is not met any more is looked into.
        stop: Ends it early.
        on_progress: Told after each page.

    Raises:
        AlreadyRunning: Another reading goes on.
        BrokenOff: `stop` was set.
        ConfigError: There is no such account, its key cannot be used, or is another person's now.
        RetryLater: Immich is not there, is busy, or the key lacks a permission.
        Faulty: Immich answered something wrong.
    """
    with immich_lock(config.state_dir):
        return _read(config, database, account_id, now, full, stop, on_progress)


def read_all(
    config: Config,
    database: Database,
    clock: Callable[[], datetime],
    *,
    full: bool,
    stop: threading.Event,
    on_progress: Progress = lambda done, matched: None,
) -> list[Read]:
    """Read every account; see `read`. Whatever is wrong with one is noted, and the next one read.

    Returns:
        What came of those that could be read; fewer where `stop` was set.

    Raises:
        AlreadyRunning: Another reading goes on.
    """
    done = []
    with immich_lock(config.state_dir):
        with database.read() as session:
            ids = [row.id for row in accounts(session)]
        for account_id in ids:
            try:
                done.append(_read(config, database, account_id, clock(), full, stop, on_progress))
            except BrokenOff:
                break
            except MediaIndexError as error:
                log.info("immich account=%d was not read: %s", account_id, error)
                with database.write() as session:
                    note_trouble(session, account_id, str(error))
    return done


def _read(
    config: Config,
    database: Database,
    account_id: int,
    now: datetime,
    full: bool,
    stop: threading.Event,
    on_progress: Progress,
) -> Read:
    with database.read() as session:
        row = find_account(session, account_id)
        if row is None:
            raise ConfigError(f"there is no account {account_id} of Immich")
        account, since = account_of(row), row.read_until
        is_first = row.full_at is None
        anew = since is None and not is_first  # it was connected again
    client = open_client(config, account)
    with broken_off(client, stop), wire.within(config.settings.immich.time_limit_s):
        reading = _Reading(database, client, account, now, stop, on_progress)
        full = full or is_first or since == ANEW
        done = reading.run(None if full else since, is_first=is_first, anew=anew)
        _look_at_written(config, database, client, account, now, stop)
        return done


def _look_at_written(
    config: Config,
    database: Database,
    client: ImmichClient,
    account: Account,
    now: datetime,
    stop: threading.Event,
) -> None:
    """See what became of our words, also while there is nothing to write; it hinders no reading."""
    try:
        check_written(config, database, client, account, now, LOOKED_AT, stop.is_set)
    except MediaIndexError as error:
        if stop.is_set():
            return  # it was cut
        log.info("immich account=%d what was written was not seen: %s", account.id, error)
        with database.write() as session:
            note_trouble(session, account.id, f"what was written there cannot be seen: {error}")


class _Reading:
    """One reading of one account."""

    def __init__(
        self,
        database: Database,
        client: ImmichClient,
        account: Account,
        now: datetime,
        stop: threading.Event,
        on_progress: Progress,
    ) -> None:
        self._database, self._client, self._account = database, client, account
        self._now, self._stop, self._on_progress = now, stop, on_progress
        self._seen, self._changed = Seen(), Seen()
        self._newest: datetime | None = None
        self._met = self._matched = 0

    def run(self, since: str | None, *, is_first: bool, anew: bool) -> Read:
        """Read what changed since a time of Immich's; None: everything.

        Args:
            since: The time.
            is_first: Nothing of this account was read to its end yet.
            anew: Its folders may be others of ours than they were.
        """
        is_full = self._greet(since)
        counting = Counting(self._database, self._client, self._account, self._check)
        if not is_full:
            self._pages(since, anew=False)
            is_full = counting.is_less()
        vanished = held_back = 0
        if is_full:
            vanished, held_back = self._all(counting, anew=anew)
        self._matched += rematch(self._database, self._account, self._changed)
        self._groups(full=is_full)
        self._matched += match_by_content(
            self._database, self._account.id, self._changed, self._check
        )
        if not is_first:
            self._texts()
        with self._database.write() as session:
            note_read(session, self._account.id, self._now, full=is_full)
        return Read(
            account_id=self._account.id,
            name=self._account.user_name,
            is_full=is_full,
            met=self._met,
            matched=self._matched,
            changed=len(self._changed),
            vanished=vanished,
            held_back=held_back,
            requests=self._client.requests,
        )

    def _greet(self, since: str | None) -> bool:
        """See that the key is still the same person's, and what the server can do now.

        Returns:
            Whether everything is to be read: since ever, from another version, or since a time that
            is yet to come.
        """
        self._check()
        user = self._client.me()
        if user.id != self._account.user_id:
            raise ConfigError(
                f"the key in {self._account.key_file} is {user.name}'s, and was "
                f"{self._account.user_name}'s when it was connected; put that one back, or "
                "connect this one with: mediaindex immich connect"
            )
        version = self._client.version()
        if since and version == self._account.version and self._time(since):
            return False
        may = self._client.permissions()
        self._account = replace(self._account, version=version, permissions=may)
        told = None if may is None else json.dumps(sorted(may))
        with self._database.write() as session:
            note_version(session, self._account.id, str(version), told)
        return True

    def _number(self) -> int:
        with self._database.write() as session:
            return begin_full(session, self._account.id)

    def _pages(self, since: str | None, *, anew: bool) -> None:
        """Store every page; only when all were, changes are asked for from later on."""
        began_s = time.monotonic()
        self._check()
        for page in self._client.pages(Wanted(updated_after=since, trashed=True), PAGE):
            with self._database.write() as session:
                account = self._account
                stored = store_page(session, account.id, account.paths, page, anew=anew)
            for row_id in stored.row_ids:
                self._seen.add(row_id)
            self._met += len(page)
            self._matched += stored.matched
            self._changed.update(stored.changed)
            for asset in page:
                at = self._time(asset.updated_at)
                if at is not None and (self._newest is None or at > self._newest):
                    self._newest = at
            self._on_progress(self._met, self._matched)
            self._check()
        if self._newest is None:
            return
        # What changed while the pages were read may be older than the newest that was met.
        took = timedelta(seconds=time.monotonic() - began_s)
        until = (self._newest - OVERLAP - took).isoformat(timespec="milliseconds")
        with self._database.write() as session:
            note_pages(session, self._account.id, until.replace("+00:00", "Z"))

    def _time(self, told: str) -> datetime | None:
        """Return what a time of Immich's is; None: none, or one that is yet to come."""
        try:
            at = datetime.fromisoformat(told)
        except ValueError:
            return None
        latest = max(self._now, self._client.told_at or self._now) + CLOCKS
        return at if at.tzinfo is not None and at <= latest else None

    def _all(self, counting: Counting, *, anew: bool) -> tuple[int, int]:
        """Read everything; returns how much vanished, and of how much a person has to decide."""
        self._seen, self._met, self._matched = Seen(), 0, 0  # what changed is met again
        counting.begin_full()
        number = self._number()
        self._pages(None, anew=anew)
        looking = Vanishing(
            self._database, self._client, self._account, self._now, self._changed, self._check
        )
        held_back = looking.look(self._seen, number)
        counting.end_full(looking.decided)
        return looking.vanished, held_back

    def _groups(self, *, full: bool) -> None:
        """Read albums and tags, as far as the key may."""
        account = self._account
        with self._database.read() as session:
            keeps = is_held_back(session, account.id)
        groups = Groups(
            self._database, self._client, account.id, account.user_id, self._changed, keeps=keeps
        )
        steps: list[Callable[[], None]] = [partial(groups.read_albums, self._check, full=full)]
        if full:
            steps.append(partial(groups.read_tags, self._check))
        for step in steps:
            try:
                step()
            except (Lacking, Gone) as error:
                log.info("immich account=%d groups were not read: %s", self._account.id, error)

    def _texts(self) -> None:
        if not abilities(self._account.version).ocr:
            return
        try:
            read_texts(self._database, self._client, self._account.id, self._changed, self._check)
        except Lacking as error:
            log.info("immich account=%d texts were not read: %s", self._account.id, error)

    def _check(self) -> None:
        if self._stop.is_set():
            raise BrokenOff("the reading of Immich was ended; the next one goes on")
