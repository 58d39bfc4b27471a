"""Which accounts may be written to: what their keys allow, and whether we know their Immich."""

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy.orm import Session

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import EVERYTHING
from mediaindex.clients.immich_versions import NEWEST, abilities
from mediaindex.errors import ConfigError
from mediaindex.immich.account import Account
from mediaindex.store import immich_accounts

NEEDED = {
    "description": ("asset.read", "asset.update"),
    "tags": ("asset.read", "tag.create", "tag.asset"),
    "record": ("asset.read", "asset.update"),
}
"""Permissions by what is written."""


def why_not(account: Account, wanted: Collection[str]) -> str | None:
    """Return why an account cannot be written to, for people; None: it can.

    Args:
        account: With the version and permissions that hold now.
        wanted: `immich.write`.
    """
    able = abilities(account.version)
    if not able.writing:
        newer = account.version > NEWEST
        which = "newer" if newer else "older"
        remedy = "an update of mediaindex" if newer else "an update of Immich"
        return f"Immich {account.version} is {which} than what is known here; it takes {remedy}"
    if "record" in wanted and not able.records and len(wanted) == 1:
        return f"Immich {account.version} keeps no records of other programs; 2.5.0 and later do"
    lacking = _lacking(account.permissions, wanted)
    if lacking:
        names = ", ".join(lacking)
        return (
            f"the key of {account.user_name} ({account.key_file}) may not write: it lacks {names}; "
            "give it these in Immich, Account Settings, API Keys"
        )
    return None


def writable(account: Account, wanted: Collection[str]) -> frozenset[str]:
    """Return what of `immich.write` an account's Immich can take."""
    able = abilities(account.version)
    return frozenset(one for one in wanted if one != "record" or able.records)


def refreshed(account: Account, client: ImmichClient) -> Account:
    """Return an account with the version and permissions that hold now: both may change.

    Raises:
        RetryLater, Faulty: From the client.
    """
    return replace(account, version=client.version(), permissions=client.permissions())


def check_is_same(account: Account, client: ImmichClient) -> None:
    """See that the key is still of the person whose archive this is.

    With another's key their photos look as if they were gone, or somebody else's.

    Raises:
        ConfigError: It is another's.
        RetryLater, Faulty: From the client.
    """
    user = client.me()
    if user.id != account.user_id:
        raise ConfigError(
            f"the key in {account.key_file} is of {user.name}, and not of {account.user_name}: put "
            "theirs there, or connect again (mediaindex immich connect)"
        )


def remember(session: Session, account: Account) -> None:
    """Store the version and permissions of an account; the caller commits."""
    row = immich_accounts.find_account(session, account.id)
    if row is not None:
        row.version = str(account.version)
        row.permissions = _listed(account.permissions)


def _lacking(permissions: frozenset[str] | None, wanted: Collection[str]) -> Sequence[str]:
    if permissions is None or EVERYTHING in permissions:
        return ()
    needed = {name for one in wanted for name in NEEDED[one]}
    return sorted(needed - permissions)


def _listed(permissions: frozenset[str] | None) -> str | None:
    return None if permissions is None else json.dumps(sorted(permissions))
