"""Bring a backup back. What is there now is set aside, never deleted."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mediaindex.care import OnNote, unheard
from mediaindex.care.alone import alone
from mediaindex.care.backup import STAMP, all_backups, backup_places
from mediaindex.config import Config
from mediaindex.errors import ConfigError, RetryLater, StoreError
from mediaindex.store.copying import copy_database, error_kind
from mediaindex.store.database import SCHEMA, open_database, schema_of
from mediaindex.store.settings import DATABASE_ID

BESIDE = ("", "-wal", "-shm")
"""How the names of a database's files end."""

BUSY_S = 5.0


@dataclass(frozen=True)
class Restored:
    """What a restore did."""

    file: Path
    #: Where the database that was there lies now; None: there was none.
    set_aside: Path | None
    #: The backup's schema; it was migrated if it is not `SCHEMA`.
    schema: str


def chosen(config: Config, file: Path | None) -> Path:
    """Return which backup is meant: a file, the name of one, or the newest.

    Raises:
        ConfigError: There is none.
    """
    known = all_backups(config)
    if file is None:
        if not known:
            raise ConfigError(f"there is no backup in {config.backup_dir}; name a file")
        return known[0].path
    for path in (file, *(folder / file for folder in backup_places(config))):
        if path.is_file():
            return path.resolve()
    raise ConfigError(f"there is no file {file}; mediaindex restore --list shows the backups")


def check_restorable(config: Config, file: Path | None) -> Path:
    """Return which backup is meant, if it could be restored now; for whoever asks a person first.

    Raises:
        AlreadyRunning, ConfigError, StoreError: As `restore`.
    """
    source = chosen(config, file)
    with alone(config):
        _schema_of_other(source, config.database_path)
    return source


def restore(
    config: Config, file: Path | None, now: datetime, on_note: OnNote = unheard
) -> Restored:
    """Put a backup in the place of the database.

    It is copied, looked through and given an identity of its own first, so that an index made since
    is never taken for its own: the next run or search builds a new one. What was added, moved or
    deleted since is found by the next sweep. Wherever this is killed, the database is the old or
    the new one, and can be restored once more.

    Args:
        config: The settings in force.
        file: A backup; None: the newest.
        now: The time, which names what is set aside.
        on_note: Told how far it is.

    Raises:
        AlreadyRunning: The daemon or a run is at work.
        ConfigError: There is no such file.
        RetryLater: There is no room, or another program has the database open.
        StoreError: The backup is damaged, no database of ours, or of a newer mediaindex.
    """
    source, present = chosen(config, file), config.database_path
    with alone(config):
        schema = _schema_of_other(source, present)
        fresh = present.with_name(f"{present.name}.restored")
        copy_database(source, fresh, _teller(on_note), adapt=_give_identity)
        _give_owner(fresh, config.state_dir)
        set_aside = _set_aside(present, now) if present.exists() else None
        if set_aside is None:
            _remove_stale(present)
        fresh.replace(present)
        on_note("bringing the database up to date")
        open_database(present).close()
    return Restored(source, set_aside, schema)


def _schema_of_other(source: Path, present: Path) -> str:
    """Return a backup's schema.

    Raises:
        ConfigError: It is the database that it would replace.
        StoreError: As `_schema`.
    """
    schema = _schema(source)
    if present.exists() and source.samefile(present):
        raise ConfigError(f"{source} is the database itself")
    return schema


def _schema(source: Path) -> str:
    """Return a backup's schema.

    Raises:
        StoreError: It is no database of ours, or of a newer mediaindex.
    """
    version = schema_of(source)
    if version is None:
        raise StoreError(f"{source} holds nothing that mediaindex stored")
    if version > SCHEMA:
        raise StoreError(
            f"{source} was made by a newer mediaindex (schema {version}, this one knows up to "
            f"{SCHEMA}); install that version, or restore an older backup"
        )
    return version


def _give_identity(copy: sqlite3.Connection) -> None:
    with copy:
        copy.execute("DELETE FROM setting WHERE name = ?", (DATABASE_ID,))


def _give_owner(fresh: Path, state_dir: Path) -> None:
    """Leave the database to the service's own user where root restores it."""
    if os.geteuid() == 0:
        owner = state_dir.stat()
        os.chown(fresh, owner.st_uid, owner.st_gid)


def _set_aside(present: Path, now: datetime) -> Path:
    """Give the database a second name, and let go of its WAL; the first is to be taken over."""
    aside = _free(present, now)
    if not _fold(present):
        # Damaged as it is, each of its files is kept before any goes.
        for end in BESIDE[1:]:
            with suppress(FileNotFoundError):
                os.link(f"{present}{end}", f"{aside}{end}")
    os.link(present, aside)
    _remove_stale(present)
    return aside


def _fold(present: Path) -> bool:
    """Bring what lies in the WAL into the file; False where it is too damaged for that.

    Raises:
        RetryLater: Another program has it open.
    """
    if present.stat().st_size == 0:
        return False  # opening it would delete the WAL
    try:
        with closing(sqlite3.connect(present, timeout=BUSY_S)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.DatabaseError as error:
        if error_kind(error) in (
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_LOCKED,
        ):
            raise RetryLater(f"another program has {present} open; end it first") from error
        return False
    return not Path(f"{present}-wal").exists()


def _remove_stale(present: Path) -> None:
    """Remove a WAL: beside another database it would be taken for that one's."""
    for end in BESIDE[1:]:
        Path(f"{present}{end}").unlink(missing_ok=True)


def _free(present: Path, now: datetime) -> Path:
    name = f"{present.name}.replaced-{now.astimezone(UTC):{STAMP}}"
    path, number = present.with_name(name), 1
    while path.exists():
        number += 1
        path = present.with_name(f"{name}-{number}")
    return path


def _teller(on_note: OnNote) -> Callable[[int, int], None]:
    def told(done: int, of: int) -> None:
        on_note(f"copying the backup: {done / max(of, 1):.0%}")

    return told
