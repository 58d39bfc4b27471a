"""See, some time later, whether Immich still has what was written there.

From a library that it may only read Immich takes the file's own words again seconds or minutes
after it was told ours, and nothing of its API tells beforehand.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mediaindex.clients.immich import ImmichClient
from mediaindex.config import Config
from mediaindex.errors import Faulty
from mediaindex.immich.account import Account
from mediaindex.immich.writing import WIPED, Found, look, may_be_written
from mediaindex.store import immich_written
from mediaindex.store.database import Database
from mediaindex.store.immich_written import Target, Written

log = logging.getLogger(__name__)

CHECK_AFTER_S = 300.0
"""So long after it was written it is looked at again: Immich has read the file anew by then."""

MOST_WIPED = 2
"""So often it is written again; then the photo is left alone."""

MOST_FAILED = 3
"""If so many of one look cannot be seen, it is Immich that fares badly, and is let be."""

ENOUGH = 10
"""If nothing is left of so many in a row, the whole library is left alone."""


@dataclass
class Checked:
    """What a look at what was written found."""

    standing: int = 0
    wiped: int = 0
    #: Changed by somebody.
    changed: int = 0
    #: Libraries in which nothing more is written.
    libraries: tuple[str, ...] = ()


def check_written(
    config: Config,
    database: Database,
    client: ImmichClient,
    account: Account,
    now: datetime,
    limit: int = 100,
    is_over: Callable[[], bool] = lambda: False,
) -> Checked:
    """Look at what was written a while ago and not looked at since, and note what became of it.

    One that Immich fails to show is put off, so that it keeps no other from being looked at. What
    Immich threw away is due again, for the stage to write; after `MOST_WIPED` times, or where
    it happens to all of a library, it is left alone. Our own words are never changed.

    Args:
        config: The settings; with nothing to write, nothing is looked at.
        database: Written to in short transactions, so none may be open in this thread.
        client: Of the account; asked for one asset at a time.
        account: Whose archive.
        now: The time, UTC.
        limit: At most so many.
        is_over: Asked before each; True ends it.

    Raises:
        RetryLater: From the client; what was looked at before is noted.
    """
    checked, failed = Checked(), 0
    if not config.settings.immich.write:
        return checked
    with database.read() as session:
        before = now - timedelta(seconds=CHECK_AFTER_S)
        some = immich_written.unchecked(session, account.id, before, limit)
    for written in some:
        if is_over() or failed == MOST_FAILED:
            break
        try:
            _check(database, client, account, written, now, checked)
        except Faulty as error:
            failed += 1
            log.info("immich asset %s cannot be looked at now: %s", written.uuid, error)
            with database.write() as session:
                immich_written.put_off(session, written, now)
    return checked


def check_one(
    database: Database, client: ImmichClient, account: Account, target: Target, now: datetime
) -> Checked:
    """Look at what was written on one asset, if that was a while ago and nobody did since.

    Raises:
        RetryLater, Faulty: From the client.
    """
    checked = Checked()
    with database.read() as session:
        written = immich_written.find(session, target.account_id, target.uuid)
    if written is not None and _is_unchecked(written, now):
        _check(database, client, account, written, now, checked)
    return checked


def _is_unchecked(written: Written, now: datetime) -> bool:
    is_open = written.checked_at is None and written.trouble is None and written.digest != ""
    return is_open and written.written_at <= now - timedelta(seconds=CHECK_AFTER_S)


def _check(
    database: Database,
    client: ImmichClient,
    account: Account,
    written: Written,
    now: datetime,
    checked: Checked,
) -> None:
    asset = client.asset(written.uuid)
    if asset is None or not may_be_written(asset, account.user_id):
        found = Found()
    else:
        found = look(asset, written)
    with database.write() as session:
        _note(session, written, found, now, checked)


def _note(
    session: Session, written: Written, found: Found, now: datetime, checked: Checked
) -> None:
    if immich_written.find(session, written.account_id, written.uuid) != written:
        return  # it was written anew meanwhile
    if found.trouble is not None:
        checked.changed += 1
        immich_written.keep(session, replace(written, checked_at=now, trouble=found.trouble))
    elif not found.is_wiped:
        checked.standing += 1
        immich_written.keep(session, replace(written, checked_at=now, wiped=0))
    else:
        checked.wiped += 1
        _note_wiped(session, replace(written, checked_at=now, wiped=written.wiped + 1), checked)


def _note_wiped(session: Session, written: Written, checked: Checked) -> None:
    if written.wiped > MOST_WIPED:
        immich_written.keep(session, replace(written, trouble=WIPED))
        return
    immich_written.keep(session, replace(written, digest=""))
    if written.asset_id is not None:
        immich_written.publish_again(session, [written.asset_id])
    if not immich_written.lately_wiped(session, written.account_id, written.uuid, ENOUGH):
        return
    library = immich_written.library_of(session, written.account_id, written.uuid)
    if immich_written.give_up_library(session, library):
        checked.libraries += (library,)
        log.warning("immich library %s: %s", library or "of uploads", WIPED)
