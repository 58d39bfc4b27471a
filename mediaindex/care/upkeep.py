"""What a database needs every week so that it stays quick and small.

All is done in steps, between which whoever waits to write comes first. At 100,000 moments (430 MB)
no step holds the write lock longer than a few tenths of a second (benchmarks/RESULTS.md).
"""

import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from mediaindex.care import OnNote, unheard
from mediaindex.care.leftovers import leftovers, remove
from mediaindex.config import Config
from mediaindex.store import mending, settings
from mediaindex.store.copying import SPARE_BYTES
from mediaindex.store.database import Database

MOST_FREE_SHARE = 0.25
"""With more of its file free, a database is made smaller."""

STEP_PAGES = 1000
"""So many pages are given back in one step."""

BREATH_S = 0.05
"""So long others may take the write lock between two steps."""

MOST_S = 300.0
"""So long one kind of work may take; the next week goes on."""

WAIT_S = 0.5
"""So long a checkpoint waits for readers, and writers for it."""


@dataclass(frozen=True)
class UpkeepReport:
    """What upkeep did."""

    #: How much the database's file became smaller.
    freed_bytes: int
    #: How much that was left over was removed beside it.
    removed_bytes: int
    #: What was put off, and why; for people.
    notes: tuple[str, ...] = ()


def keep_up(
    config: Config,
    database: Database,
    now: datetime,
    on_note: OnNote = unheard,
    clock: Callable[[], float] = time.monotonic,
    pause: Callable[[float], None] = time.sleep,
) -> UpkeepReport:
    """Do what is due every week; others may read and write meanwhile.

    Args:
        config: The settings in force.
        database: The store.
        now: The time.
        on_note: Told what is done.
        clock: Tells how long something takes.
        pause: Waits, between two steps.
    """
    on_note("merging the full text")
    _merge(database, clock, pause)
    with database.bare() as connection:
        connection.execute("PRAGMA analysis_limit = 400")
        connection.execute("PRAGMA optimize")
    notes = []
    with database.read() as session:
        before = mending.room(session)
        known = settings.recall(session, settings.DATABASE_ID)
    if before.free_share > MOST_FREE_SHARE:
        if before.in_steps:
            on_note("making the database smaller")
            _give_back(database, clock, pause)
        else:
            notes.append(
                f"{before.free_bytes / 1e6:,.0f} MB of the database hold nothing; with the daemon "
                "stopped, mediaindex repair gives them back"
            )
    if not _checkpoint(database):
        notes.append("the WAL is in use and was not folded in; the next time does it")
    with database.read() as session:
        after = mending.room(session)
    gone = [left for left in leftovers(config, known, now) if left.fate == "goes" and remove(left)]
    return UpkeepReport(
        before.size_bytes - after.size_bytes,
        sum(left.size_bytes for left in gone),
        tuple(notes),
    )


def vacuum(database: Database) -> bool:
    """Give back all free room at once; for the one who works alone. False if the disk is too full.

    From then on it can be given back in steps.
    """
    with database.read() as session:
        now = mending.room(session)
    # The new file, and the WAL through which it comes, may each take what is not free.
    wanted = 2 * (now.size_bytes - now.free_bytes) + SPARE_BYTES
    if shutil.disk_usage(database.path.parent).free < wanted:
        return False
    with database.bare() as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return True


def _merge(database: Database, clock: Callable[[], float], pause: Callable[[float], None]) -> None:
    until = clock() + MOST_S
    more, begins = True, True
    while more and clock() < until:
        with database.write() as session:
            more = mending.merge_fulltext(session, begins=begins)
        begins = False
        pause(BREATH_S)


def _give_back(
    database: Database, clock: Callable[[], float], pause: Callable[[float], None]
) -> None:
    until = clock() + MOST_S
    with database.bare() as connection:
        while clock() < until:
            # It gives a row without columns for each page, and `execute` asks only for the first.
            connection.executescript(f"PRAGMA incremental_vacuum({STEP_PAGES})")
            if not connection.execute("PRAGMA freelist_count").fetchone()[0]:
                return
            pause(BREATH_S)


def _checkpoint(database: Database) -> bool:
    with database.bare(WAIT_S) as connection:
        try:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        except sqlite3.OperationalError:
            return False
    return not busy
