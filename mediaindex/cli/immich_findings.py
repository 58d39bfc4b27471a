"""What `mediaindex doctor` finds of the Immich beside us: is it there, and may we still read it?"""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

from mediaindex.cli.finding import Finding
from mediaindex.cli.output import counted, printable
from mediaindex.clients import wire
from mediaindex.clients.immich_versions import NEWEST, OLDEST
from mediaindex.config import Config
from mediaindex.errors import MediaIndexError
from mediaindex.immich.account import Account, is_readable_by_others, open_client
from mediaindex.immich.accounts import accounts
from mediaindex.immich.clock import ahead_s
from mediaindex.immich.permissions import lacking
from mediaindex.store import immich
from mediaindex.store.checkup import schema_of
from mediaindex.store.database import SCHEMA, open_database
from mediaindex.store.immich import Counts
from mediaindex.store.immich_accounts import find_account
from mediaindex.store.immich_tables import ImmichAccountRow

ASKED_WITHIN_S = 10.0

STALE = timedelta(days=3)

CLOCKS_AGREE_S = 120.0

FEW_MATCH = 0.5


def examine_immich(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what is found of each account; nothing where none is connected.

    Args:
        config: The settings in force.
        now: UTC.
    """
    section = config.settings.immich
    has_secret = section.webhook_secret or section.webhook_secret_file
    if has_secret and config.settings.serve.listen is None:
        said = "a webhook's secret is set, and nobody reaches the hook: serve.listen opens no TCP"
        yield Finding("Immich", "note", said)
    for account, counts, full_at in _known(config):
        what = f"Immich of {printable(account.user_name)}"
        for state, said in (*_there(config, account, now), *_read(account, counts, full_at, now)):
            yield Finding(what, state, said)


def _known(config: Config) -> list[tuple[Account, Counts, datetime | None]]:
    """Return the accounts with their numbers, and when all of each was last read."""
    path = config.database_path
    if not path.exists() or schema_of(path) != SCHEMA:  # opening it would bring it up to date
        return []
    database = open_database(path)
    try:
        with database.read() as session:
            return [
                (one, immich.counts(session, one.id), _full_at(find_account(session, one.id)))
                for one in accounts(session)
            ]
    finally:
        database.close()


def _full_at(row: ImmichAccountRow | None) -> datetime | None:
    return None if row is None else row.full_at


def _there(config: Config, account: Account, now: datetime) -> Iterator[tuple[str, str]]:
    """Yield what the server says itself: its version, what the key may do, its clock."""
    if is_readable_by_others(account.key_file):
        yield "note", f"every user of this machine can read its key: chmod 600 {account.key_file}"
    try:
        with closing(open_client(config, account)) as client, wire.within(ASKED_WITHIN_S):
            version, permissions = client.version(), client.permissions()
            user = client.me()
            ahead = ahead_s(client, now)
    except MediaIndexError as error:
        yield "bad", str(error)
        return
    if user.id != account.user_id:
        yield "bad", f"its key is that of {printable(user.name)} now; connect again"
    elif version < OLDEST:
        yield "bad", f"{version} at {account.url} is older than {OLDEST}, the oldest that is known"
    elif version > NEWEST:
        yield "note", f"{version} at {account.url} is newer than what is known, and only read"
    else:
        yield "ok", f"{version} at {account.url}"
    for use in lacking(permissions, config.settings.immich):
        state = "bad" if use.is_needed else "note"
        yield state, f"its key lacks {use.permission}: {use.what_for}"
    if ahead is not None and abs(ahead) > CLOCKS_AGREE_S:
        which = "ahead of" if ahead > 0 else "behind"
        minutes = counted(round(abs(ahead) / 60), "minute")
        yield "note", f"its clock is {minutes} {which} this machine's"


def _read(
    account: Account, counts: Counts, full_at: datetime | None, now: datetime
) -> Iterator[tuple[str, str]]:
    """Yield how reading it went, and whether its folders are ours yet."""
    if full_at is None:
        yield "note", "it was not read to the end yet; mediaindex immich sync"
        return
    if now - full_at > STALE:
        yield "note", f"all of it was last read {(now - full_at).days} days ago (immich.full_cron)"
    matched = counts.by_path + counts.by_checksum
    said = f"{matched:,} of its {counts.assets:,} photos and videos are here"
    if counts.assets and matched < FEW_MATCH * counts.assets:
        again = f"mediaindex immich connect {account.url} --key-file {account.key_file}"
        yield "note", f"{said}; to look for its folders again: {again}"
    else:
        yield "ok", said
