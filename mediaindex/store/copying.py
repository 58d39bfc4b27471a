"""Copy a database while it is in use: complete, checked and on the disk, or not at all."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from mediaindex.errors import RetryLater, StoreError

PART = ".part"
"""How the name of a copy ends that is not complete."""

STEP_PAGES = 2048
"""So much is copied between two looks at whether it shall go on: 8 MB, some 10 ms."""

SPARE_BYTES = 32_000_000
"""So much has to stay free beside a copy."""

OnStep = Callable[[int, int], None]


def copy_database(
    path: Path,
    target: Path,
    on_step: OnStep = lambda _done, _of: None,
    adapt: Callable[[sqlite3.Connection], None] | None = None,
) -> None:
    """Copy the database at `path` to `target`, which appears by renaming.

    All of the copy is of one moment. A reader's snapshot is held for it: writers go on and wait for
    nothing, and what they write does not make it begin anew. The copy is one file that nobody but
    the owner may read, without a WAL, and SQLite has looked through it.

    Args:
        path: The database; only read.
        target: Where the copy shall lie; one that is there is replaced.
        on_step: Told how many pages are copied, and of how many; what it raises ends the copy.
        adapt: Changes the copy before it takes its place.

    Raises:
        RetryLater: There is no room, it cannot be written, or another process is writing it.
        StoreError: The database cannot be read, or is damaged.
    """
    check_room(path, target.parent)
    partial = target.with_name(target.name + PART)
    with _ours(partial):
        try:
            _copy(path, partial, on_step)
            _forget_wal(partial)
            check_sound(partial, shown=path)
            if adapt is not None:
                with closing(_private(partial)) as connection:
                    adapt(connection)
            _sync(partial)
            partial.replace(target)
            _sync(target.parent)
        except OSError as error:
            raise RetryLater(f"{target} cannot be written: {error.strerror}") from error


def check_room(path: Path, folder: Path) -> None:
    """Check that a copy of the database at `path` fits into `folder`.

    Raises:
        RetryLater: It does not, or the folder is not there.
    """
    wal = path.with_name(path.name + "-wal")
    wanted = sum(part.stat().st_size for part in (path, wal) if part.exists())
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise RetryLater(f"{folder} cannot be used: {error.strerror}") from error
    if free < wanted + SPARE_BYTES:
        raise RetryLater(
            f"a copy needs {(wanted + SPARE_BYTES) / 1e6:,.0f} MB, and {folder} has "
            f"{free / 1e6:,.0f} MB free"
        )


def check_sound(file: Path, shown: Path | None = None) -> None:
    """Look through a database that lies still, and check that it is sound.

    Args:
        file: The database; nobody has it open.
        shown: What the error names in its place.

    Raises:
        StoreError: It is damaged, or no database.
    """
    name = shown or file
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro&immutable=1", uri=True)) as copy:
            (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        raise StoreError(f"{name} cannot be read as a database: {error}") from error
    if found != "ok":
        raise StoreError(f"{name} is damaged: {' '.join(str(found).split())}")


def sweep_parts(folder: Path, pattern: str) -> list[Path]:
    """Remove incomplete copies that killed processes left behind; return them."""
    swept = []
    for partial in sorted(folder.glob(pattern + PART)):
        with suppress(OSError, RetryLater), _ours(partial):
            partial.unlink()
            swept.append(partial)
    return swept


def error_kind(error: sqlite3.Error) -> int:
    """Return SQLite's code of an error, without what tells it in more detail."""
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF


@contextmanager
def _ours(partial: Path) -> Iterator[None]:
    """Hold a partial file, anew and empty; on an error it goes.

    Raises:
        RetryLater: A process that is alive writes it, or it cannot be written.
    """
    try:
        file = os.open(partial, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RetryLater(f"{partial} cannot be written: {error.strerror}") from error
    try:
        if not _is_free(file, partial):
            raise RetryLater(f"another process is writing {partial}")
        os.ftruncate(file, 0)
        try:
            yield
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    finally:
        os.close(file)


def _is_free(file: int, partial: Path) -> bool:
    """Lock an open partial file; False if somebody has it, or has just made a copy of it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks; two at once are very unlikely
        return True
    return partial.exists() and os.path.samestat(os.fstat(file), partial.stat())


def _copy(path: Path, partial: Path, on_step: OnStep) -> None:
    def told(_status: int, remaining: int, total: int) -> None:
        on_step(total - remaining, total)

    try:
        with (
            closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True)) as source,
            closing(_private(partial)) as copy,
        ):
            source.isolation_level = None
            # Without a snapshot held, each commit of another connection begins the copy anew.
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM sqlite_master").fetchone()
            source.backup(copy, pages=STEP_PAGES, progress=told)
    except sqlite3.DatabaseError as error:
        if error_kind(error) in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_BUSY,
            sqlite3.SQLITE_READONLY,
        ):
            raise RetryLater(f"{path} cannot be copied to {partial.parent}: {error}") from error
        raise StoreError(f"{path} cannot be read as a database: {error}") from error


def _private(partial: Path) -> sqlite3.Connection:
    """Open a file that is ours alone: without locks, which many a network folder lacks."""
    connection = sqlite3.connect(f"{partial.as_uri()}?vfs=unix-none", uri=True)
    # If it is not complete it does not count, so nothing guards it on its way.
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def _forget_wal(partial: Path) -> None:
    """Say in the header that there is no WAL: the copy can be read where nothing can be written."""
    with partial.open("r+b") as file:
        file.seek(18)  # "file format write version" and "read version"; 1 is without
        file.write(b"\1\1")


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(file)
    finally:
        os.close(file)
