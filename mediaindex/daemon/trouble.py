"""What hinders the work, in words for people."""

import sqlite3

from sqlalchemy.exc import SQLAlchemyError


def told(error: BaseException) -> str:
    """Return what went wrong; of the store, what went wrong first."""
    if isinstance(error, SQLAlchemyError | sqlite3.Error):
        return f"the database cannot be used now: {_first(error)}"
    return str(error)


def _first(error: BaseException) -> BaseException:
    """Follow an error of the store to the one that it began with.

    Where the disk is full SQLite undoes all of a transaction by itself; that a part of it cannot be
    undone any more is what is raised in the end.
    """
    while isinstance(error.__context__, SQLAlchemyError | sqlite3.Error):
        error = error.__context__
    return error
