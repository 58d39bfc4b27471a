"""The archives that we write to: who they are now, and what may be done there now.

Accounts come and go while a daemon runs, keys are changed, and Immich is brought up to date: what
was true when the work began is asked for again and again.
"""

import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from mediaindex.clients.immich import ImmichClient
from mediaindex.config import Config
from mediaindex.errors import ConfigError, Faulty, RetryLater
from mediaindex.immich import allowed
from mediaindex.immich.account import Account
from mediaindex.immich.accounts import accounts
from mediaindex.store.database import Database

ASKED_EVERY = timedelta(minutes=10)
"""At least so often, while it writes, Immich is asked again what it is and what our key may do."""

PAUSE = timedelta(seconds=15)
"""And whenever nothing was written for so long: no Immich becomes a newer one more quickly."""

OpenClient = Callable[[Config, Account], ImmichClient]


@dataclass(frozen=True)
class Archive:
    """One that may be written to."""

    account: Account
    client: ImmichClient


class Archives:
    """All that are connected; safe from any thread."""

    def __init__(
        self,
        config: Config,
        database: Database,
        opener: OpenClient,
        clock: Callable[[], datetime],
    ) -> None:
        """Contact nothing yet.

        Args:
            config: With something in `immich.write`.
            database: It knows the accounts.
            opener: Makes the client of an account.
            clock: The time, UTC.
        """
        self._config, self._database = config, database
        self._opener, self._clock = opener, clock
        self._wanted = config.settings.immich.write
        self._stored: dict[int, Account] = {}
        self._accounts: dict[int, Account] = {}
        self._clients: dict[int, ImmichClient] = {}
        self._unreached: dict[int, str] = {}
        self._lock, self._is_closed = threading.Lock(), False
        self._asked_at = self._worked_at = clock()
        self.reread()

    @property
    def known(self) -> tuple[int, ...]:
        """The ids of all."""
        return tuple(self._accounts)

    @property
    def permitted(self) -> tuple[int, ...]:
        """The ids of those that may be written to, as far as is known without asking."""
        known = list(self._accounts.values())
        return tuple(one.id for one in known if allowed.why_not(one, self._wanted) is None)

    def reread(self) -> None:
        """Take in what changed in the database: an account came, went, or was connected anew."""
        with self._database.read() as session:
            stored = {account.id: account for account in accounts(session)}
        with self._lock:
            before, self._stored = self._stored, stored
            now = dict(self._accounts)
            for account_id in before.keys() | stored.keys():
                old, new = before.get(account_id), stored.get(account_id)
                if old == new:
                    continue
                if old is None or new is None or _way(old) != _way(new):
                    self._let_go(account_id)
                now.pop(account_id, None)
                if new is not None:
                    now[account_id] = new
            self._accounts = dict(sorted(now.items()))

    def ask(self) -> None:
        """Ask each Immich what it is and what our key may do there; none that fails is raised."""
        self._asked_at = self._worked_at = self._clock()
        self._unreached.clear()
        for account_id in self.known:
            self._reach(account_id)

    def ask_again(self) -> None:
        """Do so if it was long ago, or if nothing was written for a while; also of who is new."""
        self.reread()
        now, nothing = self._clock(), timedelta(0)
        is_fresh = nothing <= now - self._asked_at < ASKED_EVERY
        if not is_fresh or not nothing <= now - self._worked_at < PAUSE:
            self.ask()
        for account_id in self.known:
            if account_id not in self._clients and account_id not in self._unreached:
                self._reach(account_id)

    def worked(self) -> None:
        """Note that something was written, or tried, just now."""
        self._worked_at = self._clock()

    def open(self) -> list[Archive]:
        """Return those that can be written to now."""
        return [one for one in map(self.at, self.known) if isinstance(one, Archive)]

    def at(self, account_id: int) -> Archive | str:
        """Return one, or why it cannot be written to now, for people."""
        account, client = self._accounts.get(account_id), self._clients.get(account_id)
        if account is None:
            return "this account was disconnected"
        why = allowed.why_not(account, self._wanted) or self._unreached.get(account_id)
        if why is not None or client is None:
            return why or "its Immich was not asked yet"
        return Archive(account, client)

    def why_none(self) -> str:
        """Return why none can be written to, for people."""
        told = dict.fromkeys(why for why in map(self.at, self.known) if isinstance(why, str))
        return "; ".join(told) or "no Immich is connected"

    def close(self) -> None:
        """Break off every request; nothing goes out any more."""
        self._is_closed = True
        for client in list(self._clients.values()):
            client.close()

    def _reach(self, account_id: int) -> None:
        """Open a client for an account, and learn what its key and its server can do now."""
        account = self._accounts.get(account_id)
        if account is None or self._is_closed:
            return
        try:
            client = self._clients.get(account_id) or self._opener(self._config, account)
            self._clients[account_id] = client
            account = self._renewed(account, allowed.refreshed(account, client))
            if allowed.why_not(account, self._wanted) is None:
                allowed.check_is_same(account, client)
        except (RetryLater, Faulty, ConfigError) as error:
            self._let_go(account_id)
            self._unreached[account_id] = str(error)

    def _renewed(self, before: Account, account: Account) -> Account:
        """Take in and store what an account's Immich said, and return the account."""
        with self._lock:
            if account == before or self._accounts.get(account.id) != before:
                return account  # connected anew meanwhile: the next look is at that
            self._accounts[account.id] = account
        with self._database.write() as session:
            allowed.remember(session, account)
        return account

    def _let_go(self, account_id: int) -> None:
        self._unreached.pop(account_id, None)
        client = self._clients.pop(account_id, None)
        if client is not None:
            client.close()


def _way(account: Account) -> Collection[str]:
    """Return what a client is made of."""
    return account.url, account.key_file, account.user_id
