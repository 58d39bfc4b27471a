"""The accounts that are connected, as plain values."""

import json

from sqlalchemy.orm import Session

from mediaindex.clients.immich_shapes import Version
from mediaindex.errors import ConfigError
from mediaindex.immich.account import Account, PathPair
from mediaindex.store import immich_accounts
from mediaindex.store.immich_tables import ImmichAccountRow


def accounts(session: Session) -> list[Account]:
    """Return every account, the one connected first coming first."""
    return [account_of(row) for row in immich_accounts.accounts(session)]


def account_of(row: ImmichAccountRow) -> Account:
    """Return an account as it is stored."""
    return Account(
        id=row.id,
        url=row.url,
        web_url=row.web_url,
        user_id=row.user_id,
        user_name=row.user_name,
        key_file=row.key_file,
        version=version_of(row.version),
        permissions=None if row.permissions is None else frozenset(json.loads(row.permissions)),
        paths=tuple(PathPair(theirs, ours) for theirs, ours in json.loads(row.path_map)),
    )


def version_of(text: str) -> Version:
    """Return a version as it is stored."""
    return Version(*map(int, text.split(".")))


def named(session: Session, wanted: str) -> Account:
    """Return the account of this person or address.

    Raises:
        ConfigError: There is none, or more than one.
    """
    known = accounts(session)
    url = wanted.rstrip("/").removesuffix("/api")
    found = [one for one in known if wanted == one.user_name or url == one.url]
    if len(found) == 1:
        return found[0]
    names = ", ".join(f"{one.user_name} ({one.url})" for one in known) or "none"
    if not found:
        raise ConfigError(f"there is no account {wanted!r}; connected: {names}")
    raise ConfigError(f"{wanted!r} is several accounts; name one of: {names}")
