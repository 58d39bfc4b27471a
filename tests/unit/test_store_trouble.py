from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from mediaindex.daemon.trouble import told
from mediaindex.store.database import Database, open_database


def test_a_full_disk_is_told_and_not_what_came_of_it(tmp_path: Path) -> None:
    """SQLite undoes the whole transaction then, and the part that we undo is not there any more."""
    database = open_database(tmp_path / "mediaindex.db")

    with pytest.raises(OperationalError, match="no such savepoint") as caught:
        _write_too_much(database)
    database.close()

    assert told(caught.value) == "the database cannot be used now: database or disk is full"


def test_what_is_no_trouble_of_the_store_says_it_itself() -> None:
    assert told(OSError(5, "Input/output error")) == "[Errno 5] Input/output error"


def _write_too_much(database: Database) -> None:
    with database.write() as session:
        pages = session.scalar(text("PRAGMA page_count"))
        session.execute(text(f"PRAGMA max_page_count = {pages + 10}"))
        with session.begin_nested():
            session.execute(text("CREATE TABLE big (content)"))
            session.execute(text("INSERT INTO big VALUES (zeroblob(1000000))"))
