"""An Immich that is known, at another address: tell it from a second one."""

from contextlib import closing

from mediaindex.clients import wire
from mediaindex.clients.immich import ImmichClient
from mediaindex.config import Config
from mediaindex.errors import ConfigError, Faulty, RetryLater
from mediaindex.immich.account import Account, open_client
from mediaindex.immich.accounts import accounts
from mediaindex.immich.connecting import Met
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import kept_by_uuid

ASKED_FOR = 3
"""So many photos are asked for at the old address."""


def former(config: Config, database: Database, met: Met) -> Account | None:
    """Return the account that is the one met, at the address where it was before; None: none is.

    It is if the old address is not there any more, or if the same photos are at both: two accounts
    of one archive would write over each other, and what was written could not be taken out again.

    Args:
        config: The settings in force.
        database: The store; only read from.
        met: Who was met at the new address.
    """
    with database.read() as session:
        known = accounts(session)
    same = [one for one in known if one.user_id == met.user.id]
    if any(one.url == met.url for one in same):
        return None
    return next((one for one in same if _is_former(config, database, met, one)), None)


def _is_former(config: Config, database: Database, met: Met, account: Account) -> bool:
    uuids = [asset.id for asset in met.sample]
    with database.read() as session:
        if kept_by_uuid(session, account.id, uuids):
            return True
    try:
        with (
            closing(open_client(config, account)) as client,
            wire.within(config.settings.immich.time_limit_s),
        ):
            return client.me().id != met.user.id or _has_any(client, uuids)
    except (RetryLater, Faulty, ConfigError):
        return True


def _has_any(client: ImmichClient, uuids: list[str]) -> bool:
    """Return whether the same photos are here, too; none at all are the same."""
    asked = uuids[:ASKED_FOR]
    return not asked or any(client.asset(uuid) is not None for uuid in asked)
