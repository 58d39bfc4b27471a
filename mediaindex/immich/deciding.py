"""What a person decides: to disconnect, what it means that photos vanished, to show one."""

from datetime import datetime

from mediaindex.immich.paging import vanish
from mediaindex.immich.telling import settle
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import accounts, count_held_back, drop_account
from mediaindex.store.immich_assets import (
    assets_locked_for_nothing,
    change_rows,
    drop_rows,
    gone,
    kept_of_asset,
    kept_of_files,
    some_of_account,
)

BATCH = 1000


def disconnect(database: Database, account_id: int) -> None:
    """Forget an account; its words, favourites and what is withheld for it go with it.

    Nothing is asked of Immich, and what we wrote there stays. In pieces, so that others get to
    write; whoever breaks it off can do it again.
    """
    while True:
        with database.write() as session:
            rows = some_of_account(session, account_id, BATCH)
            if not rows:
                drop_account(session, account_id)
                break
            drop_rows(session, [row_id for row_id, _ in rows])
            settle(session, {id_ for _, id_ in rows if id_ is not None}, unlock=True)
    with database.write() as session:
        if not accounts(session):
            settle(session, assets_locked_for_nothing(session), unlock=True)


def confirm(database: Database, account_id: int, now: datetime, *, deleted: bool) -> int:
    """Say what it means that so many photos vanished at once; returns how many.

    Args:
        database: The store.
        account_id: The account.
        now: The time.
        deleted: They are not in Immich any more: its facts on them are forgotten, and they are
            shown. Else they count as locked until Immich shows them, whatever else it says.
    """
    with database.read() as session:
        missed = [row for row in gone(session, account_id) if row.missed_in is not None]
    for start in range(0, len(missed), BATCH):
        some = missed[start : start + BATCH]
        with database.write() as session:
            if deleted:
                drop_rows(session, [row.id for row in some])
            else:
                vanish(session, some, now, confirmed=True)
            settle(session, {row.asset_id for row in some if row.asset_id}, unlock=deleted)
    with database.write() as session:
        count_held_back(session, account_id)
    return len(missed)


def show(database: Database, asset_id: int) -> bool:
    """Show an asset that vanished from Immich, and remember that a person said so.

    Returns:
        False: it did not vanish, or is withheld for another reason too.
    """
    with database.write() as session:
        rows = kept_of_asset(session, asset_id)
        # And what its file was when it vanished: its bytes may be others since.
        rows += [row for row in kept_of_files(session, asset_id) if row not in rows]
        hidden = [row for row in rows if row.vanished_at is not None]
        change_rows(session, [{"id": row.id, "is_shown": True} for row in hidden])
        return bool(settle(session, [asset_id], unlock=True))
