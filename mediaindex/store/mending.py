"""What can be put right inside the database: words, links, leases; and the room it wastes."""

import sqlite3
from dataclasses import dataclass

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import Session

from mediaindex.store.database import Database
from mediaindex.store.tables import JobRow

# With a rank, FTS5 also compares with the table that it indexes.
_CHECK = text("INSERT INTO fulltext (fulltext, rank) VALUES ('integrity-check', 1)")
_REBUILD = text("INSERT INTO fulltext (fulltext) VALUES ('rebuild')")
_MERGE = text("INSERT INTO fulltext (fulltext, rank) VALUES ('merge', :pages)")

MERGED_PAGES = 500
"""So much of the full text is merged in one step."""


@dataclass(frozen=True)
class Room:
    """How much of the file holds nothing."""

    size_bytes: int
    free_bytes: int
    #: Whether it can be given back in steps.
    in_steps: bool

    @property
    def free_share(self) -> float:
        """The share of the file that holds nothing, 0 to 1."""
        return self.free_bytes / max(self.size_bytes, 1)


def is_fulltext_sound(database: Database) -> bool:
    """Return whether the full text is in order and in line with the documents."""
    try:
        with database.write() as session:
            session.execute(_CHECK)
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.OperationalError):
            raise
        return False
    return True


def rebuild_fulltext(database: Database) -> None:
    """Make the full text anew from the documents; nobody else can write meanwhile."""
    with database.write() as session:
        session.execute(_REBUILD)


def merge_fulltext(session: Session, *, begins: bool = False) -> bool:
    """Merge a part of the full text, so that a search reads less; True if there is more.

    Args:
        session: A session that may write.
        begins: It is the first step of a full merge.
    """
    connection = session.connection()
    before = _changes(connection)
    connection.execute(_MERGE, {"pages": -MERGED_PAGES if begins else MERGED_PAGES})
    return _changes(connection) - before >= 2  # as FTS5's manual has it


def broken_links(session: Session) -> list[tuple[str, int | None, str]]:
    """Return rows that point to rows that are not there: table, row, and where to."""
    found = session.execute(text("PRAGMA foreign_key_check"))
    return [(table, rowid, parent) for table, rowid, parent, _ in found]


def mend_links(session: Session) -> int:
    """Delete the rows of `broken_links`; what they held is made again. Returns how many."""
    mended = 0
    # A row that goes may take along others.
    while broken := [(table, rowid) for table, rowid, _ in broken_links(session) if rowid]:
        for table, rowid in broken:
            session.execute(text(f'DELETE FROM "{table}" WHERE rowid = :rowid'), {"rowid": rowid})
        mended += len(broken)
    return mended


def count_leases(session: Session) -> int:
    """Return how many jobs are leased."""
    query = select(func.count()).select_from(JobRow).where(JobRow.state == "leased")
    return session.scalar(query) or 0


def room(session: Session) -> Room:
    """Return how much of the database's file holds nothing."""

    def ask(pragma: str) -> int:
        return int(session.execute(text(f"PRAGMA {pragma}")).scalar_one())

    page_bytes = ask("page_size")
    return Room(
        ask("page_count") * page_bytes,
        ask("freelist_count") * page_bytes,
        in_steps=ask("auto_vacuum") == 2,
    )


def _changes(connection: Connection) -> int:
    raw = connection.connection.driver_connection
    return raw.total_changes if isinstance(raw, sqlite3.Connection) else 0
