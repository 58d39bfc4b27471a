"""Our own files changed since Immich was read: what matched nothing may match now, and the reverse.

Nothing is asked of Immich for it.
"""

from collections.abc import Sequence
from typing import cast

from sqlalchemy.orm import Session

from mediaindex.immich.account import Account
from mediaindex.immich.paging import match_paths
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import (
    Row,
    assets_locked_for_something,
    change_rows,
    strays,
    unmatched,
)

BATCH = 1000


def rematch(database: Database, account: Account, changed: Seen) -> int:
    """Match anew what our own files have changed; returns how many match now that did not.

    Args:
        database: The store.
        account: The account.
        changed: The assets of ours of which something else is known are put in.
    """
    changed.update(_follow(database, account))
    matched, after_id = 0, 0
    while True:
        with database.read() as session:
            rows = unmatched(session, account.id, after_id, BATCH)
            fresh = _fresh(session, account, rows)
        if not rows:
            return matched
        after_id = rows[-1][0]
        if fresh:
            with database.write() as session:
                fresh = _fresh(session, account, rows)  # in this very state of our files
                change_rows(session, fresh)
                ids = {row["asset_id"] for row in fresh} - {None}
                changed.update(settle(session, cast("set[int]", ids)))
                matched += len(ids)


def _fresh(
    session: Session, account: Account, rows: Sequence[tuple[int, str, int | None]]
) -> list[Row]:
    """Return what is to be changed of rows that match nothing."""
    found = match_paths(session, {str(id_): path for id_, path, _ in rows}, account.paths)
    fresh: list[Row] = []
    for id_, _, file_id in rows:
        lies = found.get(str(id_))
        if lies is not None and (lies.asset_id, lies.file_id) != (None, file_id):
            by = None if lies.asset_id is None else "path"
            match = {"asset_id": lies.asset_id, "file_id": lies.file_id, "matched_by": by}
            fresh.append({"id": id_, **match})
    return fresh


def _follow(database: Database, account: Account) -> set[int]:
    """Let go of what a file held before it changed, and take what it holds now.

    What stayed locked as its file changed is looked at again: Immich may show it by now.
    """
    with database.read() as session:
        if not strays(session, account.id) and not assets_locked_for_something(session):
            return set()
    with database.write() as session:
        astray = strays(session, account.id)
        changes = [{"id": id_, "asset_id": now, "matched_by": "path"} for id_, _, now in astray]
        change_rows(session, changes)
        both = {asset for _, before, now in astray for asset in (before, now)} - {None}
        both |= {*assets_locked_for_something(session)}
        return settle(session, cast("set[int]", both))
