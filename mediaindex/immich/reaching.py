"""A client for each account, as it stands now, and the reason where there is none."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_versions import NEWEST
from mediaindex.clients.wire import within
from mediaindex.config import Config
from mediaindex.errors import ConfigError, Faulty, RetryLater
from mediaindex.immich import allowed
from mediaindex.immich.account import Account
from mediaindex.immich.patience import patiently


@dataclass(frozen=True)
class Hindrance:
    """Why nothing can be done with an account now, or nothing more."""

    account: Account
    #: For people.
    reason: str


@contextmanager
def reached(
    config: Config, known: Sequence[Account], opener: Callable[[Config, Account], ImmichClient]
) -> Iterator[tuple[dict[int, tuple[Account, ImmichClient]], list[Hindrance]]]:
    """Give each account's client, and the account with its version and permissions of now.

    And those whose Immich is not there, or refuses the key.
    """
    with ExitStack() as stack:
        stack.enter_context(within(config.settings.immich.time_limit_s))
        clients, hindered = {}, []
        for account in known:
            try:
                client = opener(config, account)
                stack.callback(client.close)
                patiently(partial(allowed.check_is_same, account, client), lambda: False)
                now = patiently(partial(allowed.refreshed, account, client), lambda: False)
            except (RetryLater, Faulty, ConfigError) as error:
                hindered.append(Hindrance(account, str(error)))
                continue
            clients[account.id] = now, client
        yield clients, hindered


def is_unknown(account: Account) -> bool:
    """Return whether an account's Immich is newer than what is known."""
    return account.version > NEWEST
