"""Whether a photo that vanished is locked in Immich: asked before a person has it shown again."""

from collections.abc import Sequence
from contextlib import closing
from typing import Literal

from mediaindex.clients import wire
from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import EVERYTHING
from mediaindex.config import Config
from mediaindex.errors import MediaIndexError
from mediaindex.immich.account import Account, open_client
from mediaindex.immich.accounts import accounts
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import Kept, kept_by_account
from mediaindex.store.immich_words import standings
from mediaindex.store.withheld import LOCKED

ASKED_WITHIN_S = 30.0

UPLOAD = "asset.upload"
"""The permission with which Immich tells which photos it holds; nothing is uploaded."""

Said = Literal["locked", "not locked", "unknown"]


def may_tell(account: Account) -> bool:
    """Return whether an account's key lets Immich tell what is locked."""
    return bool({EVERYTHING, UPLOAD} & (account.permissions or frozenset()))


def is_locked_there(config: Config, database: Database, asset_id: int) -> Said:
    """Ask Immich whether an asset of ours that it does not show any more is still held there.

    Args:
        config: The settings in force.
        database: The store; only read from.
        asset_id: The asset.

    Returns:
        `locked`: some account holds it and does not show it; `not locked`: none does, or it never
        vanished; `unknown`: no key may ask that, it is somebody else's, or Immich is off.
    """
    with database.read() as session:
        found = kept_by_account(session, asset_id)
        known = [one for one in accounts(session) if one.id in found]
        is_withheld = standings(session, [asset_id]).get(asset_id, (None, False))[0] == LOCKED
    said = {_of_account(config, one, found[one.id]) for one in known}
    if "locked" in said:
        return "locked"
    if "unknown" in said or (is_withheld and not said):
        return "unknown"
    return "not locked"


def _of_account(config: Config, account: Account, rows: Sequence[Kept]) -> Said:
    gone = [row for row in rows if row.vanished_at is not None and not row.is_shown]
    own = [row for row in gone if row.owner_id == account.user_id]
    try:
        if own and may_tell(account):
            with closing(open_client(config, account)) as client, wire.within(ASKED_WITHIN_S):
                if _is_held_unseen(client, own):
                    return "locked"
            return "unknown" if len(own) < len(gone) else "not locked"
    except MediaIndexError:
        return "unknown"  # it is off, or its key is not what it was
    return "unknown" if gone else "not locked"


def _is_held_unseen(client: ImmichClient, rows: Sequence[Kept]) -> bool:
    held = client.holds([row.checksum for row in rows])
    return any(client.asset(uuid) is None for uuid in held.values())
