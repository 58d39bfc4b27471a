"""Look at a database without changing a byte of it, not even to migrate it."""

import json
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from mediaindex.errors import StoreError
from mediaindex.store.pauses import NAME


@dataclass(frozen=True)
class Checkup:
    """What a look at a database said."""

    #: SQLite's own words on the file; `ok` if it is sound.
    integrity: str
    #: None: nothing was ever stored in it.
    schema: str | None
    #: Name, root, and why it was offline in the last run, of each library.
    libraries: tuple[tuple[str, str, str | None], ...]
    #: The stages that a person paused.
    paused: tuple[str, ...] = ()


def check_up(path: Path) -> Checkup:
    """Return how the database at `path` does.

    Raises:
        StoreError: It cannot be opened, or is no database of mediaindex.
    """
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            integrity = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not names:
                return Checkup(integrity, None, ())
            version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            rows = connection.execute("SELECT name, root, offline_reason FROM library ORDER BY id")
            libraries = tuple((name, os.fsdecode(root), why) for name, root, why in rows)
            paused = _paused(connection) if "setting" in names else ()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{path} cannot be read as a database of mediaindex: {error}") from error
    return Checkup(integrity, version and str(version[0]), libraries, paused)


def schema_of(path: Path) -> str | None:
    """Return of which version the database at `path` is; None: that cannot be read."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            return str(connection.execute("SELECT version_num FROM alembic_version").fetchone()[0])
    except (sqlite3.Error, TypeError):
        return None


def _paused(connection: sqlite3.Connection) -> tuple[str, ...]:
    found = connection.execute("SELECT value FROM setting WHERE name = ?", (NAME,)).fetchone()
    return tuple(json.loads(found[0])) if found else ()
