"""Databases that cannot be used are refused with what to do; nothing of them is touched."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mediaindex.care.backup import back_up
from mediaindex.care.integrity import check_at_start, look_through, note_sound
from mediaindex.errors import StoreError
from mediaindex.store.database import Database, open_database
from tests.caring import config_in, scribble
from tests.conftest import NOW

DIE = """
import os, sys
from pathlib import Path
from sqlalchemy import text
from mediaindex.store.database import open_database
database = open_database(Path(sys.argv[1]))
for number in range(200):
    with database.write() as session:
        session.execute(text(f"INSERT INTO setting VALUES ('n{number}', hex(randomblob(3000)))"))
os.kill(os.getpid(), 9)
"""


def die_while_writing(path: Path) -> None:
    subprocess.run([sys.executable, "-c", DIE, str(path)], check=False)
    assert path.with_name(path.name + "-wal").stat().st_size > 0


def fill(database: Database) -> None:
    with database.write() as session:
        for number in range(300):
            row = f"INSERT INTO setting VALUES ('row {number}', hex(randomblob(2000)))"
            session.execute(text(row))


def test_database_is_looked_through_once_a_week(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)
    database.close()

    assert check_at_start(config, NOW).looked_because is not None
    note_sound(database, NOW)
    database.close()
    assert check_at_start(config, NOW + timedelta(days=6)).looked_because is None
    assert check_at_start(config, NOW + timedelta(days=7)).looked_because is not None
    assert check_at_start(config, NOW - timedelta(days=1)).looked_because is not None


def test_weekly_look_remembers_that_it_was_done(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)

    assert look_through(config, database, NOW).looked_because is not None
    assert look_through(config, database, NOW + timedelta(days=1)).looked_because is None


def test_end_that_was_not_in_order_is_seen(database: Database, tmp_path: Path) -> None:
    note_sound(database, NOW)
    database.close()
    die_while_writing(database.path)

    verdict = check_at_start(config_in(tmp_path), NOW)

    assert verdict.looked_because == "the last run did not end in order"


def test_damage_is_refused_and_the_way_back_named(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)
    fill(database)
    made = back_up(config, NOW).made
    database.close()
    scribble(database.path, 100 * 4096, 40 * 4096)
    before = database.path.read_bytes()

    with pytest.raises(StoreError, match=r"damaged|malformed") as raised:
        check_at_start(config, NOW)

    assert f"mediaindex restore {made.path}" in str(raised.value)
    assert database.path.read_bytes() == before


def test_damage_is_found_while_the_database_is_in_use(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)
    fill(database)
    with database.bare() as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    scribble(database.path, 100 * 4096, 40 * 4096)

    with pytest.raises(StoreError, match="there is no backup in"):
        look_through(config, database, NOW)


def test_torn_wal_loses_what_it_held_and_no_more(database: Database, tmp_path: Path) -> None:
    database.close()
    die_while_writing(database.path)
    wal = database.path.with_name(database.path.name + "-wal")
    scribble(wal, 32 + 2 * (24 + 4096))  # behind its header and two frames

    check_at_start(config_in(tmp_path), NOW)

    opened = open_database(database.path)
    with opened.read() as session:
        count = session.execute(text("SELECT count(*) FROM setting")).scalar_one()
        assert session.execute(text("PRAGMA integrity_check")).scalar_one() == "ok"
    opened.close()
    assert count < 200


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"only words " * 1000, "not a database"), (b"SQLite format 3\0", "not a")],
    ids=["empty", "no database", "cut off"],
)
def test_what_is_no_database_is_refused_where_there_are_backups(
    content: bytes, said: str, database: Database, tmp_path: Path
) -> None:
    config = config_in(tmp_path)
    back_up(config, NOW)
    database.close()
    database.path.write_bytes(content)

    with pytest.raises(StoreError, match=said) as raised:
        check_at_start(config, NOW)

    assert "mediaindex restore" in str(raised.value)
    assert database.path.read_bytes() == content


def test_newer_database_is_refused(database: Database, tmp_path: Path) -> None:
    database.close()
    with closing(sqlite3.connect(database.path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match="newer mediaindex"):
        check_at_start(config_in(tmp_path), NOW)


def test_first_start_has_nothing_to_check(tmp_path: Path) -> None:
    verdict = check_at_start(config_in(tmp_path), NOW)

    assert (verdict.looked_because, verdict.note) == (None, None)


def test_database_that_is_gone_is_noted_where_there_are_backups(
    database: Database, tmp_path: Path
) -> None:
    config = config_in(tmp_path)
    back_up(config, NOW)
    database.close()
    database.path.unlink()

    assert "mediaindex restore" in (check_at_start(config, NOW).note or "")


def test_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    config.state_dir.write_text("in the way")

    with pytest.raises(StoreError, match="is not a folder"):
        check_at_start(config, NOW)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_that_cannot_be_written_is_refused(database: Database, tmp_path: Path) -> None:
    database.path.parent.chmod(0o500)
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            check_at_start(config_in(tmp_path), NOW)
    finally:
        database.path.parent.chmod(0o700)
