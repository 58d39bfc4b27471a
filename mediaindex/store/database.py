"""Open the SQLite file that holds the truth: pragmas, migrations, and who may write."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from stat import S_ISREG
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.orm import Session
from sqlalchemy.pool import QueuePool

from mediaindex.errors import StoreError
from mediaindex.store.columns import folded
from mediaindex.store.copying import copy_database
from mediaindex.store.named import says
from mediaindex.store.writers import Writers

SCHEMA = "0007"
"""The newest migration. A database at it is opened without loading Alembic."""

BUSY_TIMEOUT_MS = 30_000

INCREMENTAL = 2
"""What `PRAGMA auto_vacuum` says of a file that gives room back in steps."""


class Database:
    """One SQLite file; sessions to read and to write it. Safe from any thread."""

    def __init__(self, path: Path, engine: Engine) -> None:
        self.path = path
        self._reading = engine
        self._writing = engine.execution_options(writes=True)
        self._writers = Writers()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one state of the file and changes nothing."""
        with Session(self._reading, autoflush=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session that holds the write lock; commits at the end, rolls back on an error."""
        with (
            self._writers.turn(BUSY_TIMEOUT_MS / 1000),
            Session(self._writing, expire_on_commit=False) as session,
            session.begin(),
        ):
            yield session

    @contextmanager
    def bare(self, wait_s: float = BUSY_TIMEOUT_MS / 1000) -> Iterator[sqlite3.Connection]:
        """Give a connection in no transaction, for what SQLite does in none: VACUUM, checkpoints.

        Args:
            wait_s: So long it waits for a lock that another holds.
        """
        with closing(sqlite3.connect(self.path, timeout=wait_s)) as connection:
            _set_up(connection, None)
            connection.execute(f"PRAGMA busy_timeout = {int(wait_s * 1000)}")
            yield connection

    def close(self) -> None:
        """Close every connection."""
        self._reading.dispose()


def open_database(path: Path) -> Database:
    """Open the database at `path`, made or migrated to the newest schema first.

    An older database is copied beside itself (`.before-...`) before it is migrated. It is for its
    owner alone: it tells of all photos where and when they were taken.

    Raises:
        RetryLater: It is older, and there is no room for the copy.
        StoreError: The file is no database, is damaged, was made by a newer mediaindex, or cannot
            be written.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _keep_private(path)
    version = schema_of(path)
    if version != SCHEMA:
        _migrate(path, version)
    return Database(path, _engine(path))


def schema_of(path: Path) -> str | None:
    """Return the version of a database's schema, None where nothing was ever stored in it.

    Raises:
        StoreError: It is no database, is damaged, or is another program's.
    """
    try:
        return _version(path)
    except sqlite3.DatabaseError as error:
        raise StoreError(
            f"{path} cannot be read as a database: {error}; for what can be done: mediaindex repair"
        ) from error


def _keep_private(path: Path) -> None:
    """Make the file if there is none, and let nobody but its owner read what older versions made.

    SQLite gives the WAL beside it the same mode.
    """
    with suppress(OSError):  # whoever cannot write here is told so by SQLite
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        for file in path.parent.glob(f"{path.name}*"):
            found = file.lstat()
            if S_ISREG(found.st_mode) and found.st_mode & 0o077 and found.st_uid == os.geteuid():
                file.chmod(0o600)


def _engine(path: Path) -> Engine:
    engine = create_engine(
        "sqlite://",
        # Not a URL: a path may hold any character.
        creator=lambda: sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_MS / 1000, check_same_thread=False
        ),
        poolclass=QueuePool,
        # As many as ask: whoever may ask is bounded elsewhere, and nobody is turned away here. The
        # one used last is taken first, so that few grow a cache of pages.
        pool_size=8,
        max_overflow=-1,
        pool_use_lifo=True,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: sqlite3.Connection, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's hook
    # The driver's own BEGIN comes too late (at the first write); _begin sends it instead.
    connection.isolation_level = None
    connection.create_function("folded", 1, folded, deterministic=True)
    connection.create_function("says", 2, says, deterministic=True)
    # Of a file that is new, or vacuumed next: room can be given back in steps. Said again of one
    # that does so already it would wait for whoever writes, and so would every first reader.
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    for pragma in (
        "journal_mode = WAL",
        # A power cut may lose the last commits, never the file; lost results are made again.
        "synchronous = NORMAL",
        "foreign_keys = ON",
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        # For each connection; the kernel keeps the rest of the file for all of them.
        "cache_size = -16384",
        # Mapped, a fault of the disk would end the daemon with SIGBUS, and no error.
        "mmap_size = 0",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    # A writer that began by reading would fail at its first write if another wrote in between.
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _version(path: Path) -> str | None:
    if not path.exists() or path.stat().st_size == 0:
        return None
    with closing(sqlite3.connect(path, timeout=BUSY_TIMEOUT_MS / 1000)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if not names:
            return None
        if "alembic_version" not in names:
            raise StoreError(f"{path} is a database, but not one of mediaindex")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _migrate(path: Path, version: str | None) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_migrations()))
    if version is not None:
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        if version not in known:
            raise StoreError(
                f"{path} was made by a newer mediaindex (schema {version}, this one knows up to "
                f"{SCHEMA}); install that version again, or restore an older backup (mediaindex "
                "restore --list)"
            )
        if not _is_copied(path):
            copy_database(path, path.with_name(f"{path.name}.before-{SCHEMA}-{_stamp()}"))
    engine = _engine(path)
    try:
        # All of it or nothing, wherever it is killed; who comes second waits and finds it done.
        with engine.execution_options(writes=True).begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    finally:
        engine.dispose()


def _migrations() -> Path:
    """Return the folder of migrations: inside an installed package, beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def _is_copied(path: Path) -> bool:
    """Return whether a copy was made since the last change: a migration failed, and is tried again.

    Else a service that is started anew after each failure would fill the disk with copies.
    """
    files = [path, path.with_name(f"{path.name}-wal")]
    changed = max(file.stat().st_mtime_ns for file in files if file.exists())
    copies = path.parent.glob(f"{path.name}.before-{SCHEMA}-*Z")
    return any(copy.stat().st_mtime_ns > changed for copy in copies)


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
