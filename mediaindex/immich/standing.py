"""How each account of Immich stands, as `immich status` shows it and as programs read it."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from sqlalchemy.orm import Session

from mediaindex.clients.immich_versions import NEWEST
from mediaindex.immich.accounts import account_of, version_of
from mediaindex.immich.asked_locked import may_tell
from mediaindex.immich.writing import WIPED
from mediaindex.store import immich, immich_accounts, immich_written
from mediaindex.store.columns import shown
from mediaindex.store.database import Database
from mediaindex.store.immich_tables import ImmichAccountRow


def standing(database: Database, *, vanished: bool = False) -> dict[str, Any]:
    """Return all accounts, oldest first, each with its numbers; the README has their shape.

    Args:
        database: The store; only read from.
        vanished: Name what vanished from each, too.
    """
    with database.read() as session:
        found = [_account(session, row) for row in immich_accounts.accounts(session)]
        if vanished:
            _name_vanished(session, found)
        given_up = [_library(session, id_) for id_ in immich_written.libraries_in_vain(session)]
        left_alone = Counter(reason for _, reason in immich_written.troubles(session))
    return {"version": 1, "accounts": found, "given_up": given_up, "left_alone": dict(left_alone)}


def is_writable(version: str) -> bool:
    """Return whether a server is none newer than what we know; a newer one is only read."""
    return version_of(version) <= NEWEST


def _account(session: Session, row: ImmichAccountRow) -> dict[str, Any]:
    counts = asdict(immich.counts(session, row.id))
    own_locked = counts.pop("own_locked")
    return {
        "id": row.id,
        "person": row.user_name,
        "url": row.url,
        "web_url": row.web_url,
        "version": row.version,
        "writable": is_writable(row.version),
        "connected_at": row.connected_at,
        "read_at": row.read_at,
        "full_at": row.full_at,
        "matched": counts["by_path"] + counts["by_checksum"],
        **counts,
        "surely_locked": own_locked if may_tell(account_of(row)) else 0,
        "held_back": row.held_back,
        "trouble": row.trouble,
    }


def _library(session: Session, library_id: str) -> dict[str, str | None]:
    folder = immich_written.folder_of_library(session, library_id)
    return {"library": library_id or None, "folder": folder, "reason": WIPED}


def _name_vanished(session: Session, accounts: list[dict[str, Any]]) -> None:
    gone = [one for one in immich.vanished(session) if not one.is_shown]
    for account in accounts:
        account["vanished_paths"] = [
            shown(one.paths[0]) for one in gone if one.account_id == account["id"] and one.paths
        ]
