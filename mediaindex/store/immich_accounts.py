"""The archives in an Immich that were connected. Functions never commit: the caller does."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from mediaindex.store.immich_tables import ImmichAccountRow, ImmichAssetRow

ANEW = "1970-01-01T00:00:00.000Z"
"""As `read_until`: everything is to be read, as the server is another version than it was."""


def save_account(session: Session, account: ImmichAccountRow) -> int:
    """Store an archive that is connected, in place of the same as it was before; returns its id.

    What was read of it stays, and is read again in full.
    """
    known = session.scalar(
        select(ImmichAccountRow).filter_by(url=account.url, user_id=account.user_id)
    )
    if known is None:
        session.add(account)
        session.flush()
        return account.id
    for name in ("web_url", "user_name", "key_file", "version", "permissions", "path_map"):
        setattr(known, name, getattr(account, name))
    known.trouble = known.read_until = None
    session.flush()
    return known.id


def move_account(session: Session, account_id: int, url: str, web_url: str) -> None:
    """Have an account be asked at another address; browsers, too, unless they had one of theirs."""
    account = session.get_one(ImmichAccountRow, account_id)
    if account.web_url == account.url:
        account.web_url = web_url
    account.url = url
    session.flush()


def accounts(session: Session) -> Sequence[ImmichAccountRow]:
    """Return every account, the one connected first coming first."""
    return session.scalars(select(ImmichAccountRow).order_by(ImmichAccountRow.id)).all()


def user_ids(session: Session) -> dict[int, str]:
    """Return whose each account is, as Immich names them."""
    rows = session.execute(select(ImmichAccountRow.id, ImmichAccountRow.user_id))
    return {row.id: row.user_id for row in rows}


def find_account(session: Session, account_id: int) -> ImmichAccountRow | None:
    """Return an account."""
    return session.get(ImmichAccountRow, account_id)


def note_trouble(session: Session, account_id: int, trouble: str | None) -> None:
    """Note why an account cannot be read or written now; None: it can."""
    session.get_one(ImmichAccountRow, account_id).trouble = trouble


def note_version(session: Session, account_id: int, version: str, permissions: str | None) -> None:
    """Note what the server is and what the key may do (a JSON list), where that changed.

    What another version tells may be more, or less: all is read again then.
    """
    account = session.get_one(ImmichAccountRow, account_id)
    if account.version != version and account.read_until is not None:
        account.read_until = ANEW
    account.version, account.permissions = version, permissions


def begin_full(session: Session, account_id: int) -> int:
    """Return the number of a new full reading of an account."""
    account = session.get_one(ImmichAccountRow, account_id)
    account.full_no += 1
    session.flush()
    return account.full_no


def note_pages(session: Session, account_id: int, read_until: str | None) -> None:
    """Note from when on changes are asked for next."""
    account = session.get_one(ImmichAccountRow, account_id)
    account.read_until = read_until or account.read_until


def note_read(session: Session, account_id: int, now: datetime, *, full: bool) -> None:
    """Note that an account was read to the end."""
    account = session.get_one(ImmichAccountRow, account_id)
    account.read_at, account.trouble = now, None
    if full:
        account.full_at = now


def note_surplus(session: Session, account_id: int, surplus: int | None) -> None:
    """Note how many more photos Immich counts than we know; None: that is not known."""
    session.get_one(ImmichAccountRow, account_id).surplus = surplus


def drop_account(session: Session, account_id: int) -> None:
    """Forget an account and all that hangs on it; `immich.forgetting` takes its facts back."""
    session.execute(delete(ImmichAccountRow).where(ImmichAccountRow.id == account_id))


def count_held_back(session: Session, account_id: int) -> int:
    """Count what a person has to decide of, note it, and return it."""
    missed = (ImmichAssetRow.account_id == account_id, ImmichAssetRow.missed_in.is_not(None))
    count = session.scalar(select(func.count(ImmichAssetRow.id)).where(*missed)) or 0
    session.get_one(ImmichAccountRow, account_id).held_back = count
    return count


def is_held_back(session: Session, account_id: int) -> bool:
    """Return whether a person has to decide of anything in an account."""
    return session.get_one(ImmichAccountRow, account_id).held_back > 0
