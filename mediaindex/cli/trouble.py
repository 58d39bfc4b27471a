"""What the machine may do to any command, put for the person at the terminal."""

import logging
import os
import sqlite3
from collections.abc import Sequence

from mediaindex.cli.output import printable
from mediaindex.errors import MediaIndexError, QueryError, RetryLater, StoreError

log = logging.getLogger(__name__)


def translated(error: Exception, arguments: Sequence[str]) -> MediaIndexError | None:
    """Return an error of the disk, the database or the terminal as one of ours; None for a bug.

    Its traceback is logged at `debug`.

    Args:
        error: What ended the command.
        arguments: The command line; bytes that are no text are lone surrogates in it.
    """
    known = _known(error, arguments)
    if known is not None:
        log.debug("%s", known, exc_info=error)
    return known


def _known(error: Exception, arguments: Sequence[str]) -> MediaIndexError | None:
    cause = getattr(error, "orig", error)  # SQLAlchemy wraps those of SQLite
    if isinstance(cause, sqlite3.DatabaseError):
        return _of_database(cause)
    if isinstance(error, UnicodeEncodeError):
        bad = [printable(word) for word in arguments if not _is_text(word)]
        return QueryError(f"{bad[0]} is not valid UTF-8") if bad else None
    if isinstance(error, OSError) and error.strerror:
        name = "" if error.filename is None else f": {printable(os.fsdecode(error.filename))}"
        return MediaIndexError(f"{error.strerror}{name}")
    return None


def _of_database(error: sqlite3.DatabaseError) -> MediaIndexError | None:
    # The low byte is the kind of error; the rest of the number tells it in more detail.
    kind = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return RetryLater("another program keeps the database locked")
    # A statement that is wrong, or that breaks a constraint, is ours.
    if kind in (sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT, sqlite3.SQLITE_MISUSE):
        return None
    return StoreError(f"the database cannot be used: {error}")


def _is_text(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return False
    return True
