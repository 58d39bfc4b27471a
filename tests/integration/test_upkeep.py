"""Weekly upkeep, what is left over, and upgrades of databases that hold something."""

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text

from mediaindex.care.leftovers import leftovers, remove
from mediaindex.care.upkeep import keep_up, vacuum
from mediaindex.errors import StoreError
from mediaindex.store import mending
from mediaindex.store.copying import check_sound
from mediaindex.store.database import SCHEMA, Database, open_database
from tests.caring import config_in, scribble
from tests.conftest import NOW

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
ID = "a" * 32


def fill(database: Database) -> None:
    with database.write() as session:
        for number in range(600):
            row = f"INSERT INTO setting VALUES ('row {number}', hex(randomblob(2000)))"
            session.execute(text(row))


def empty(database: Database) -> None:
    with database.write() as session:
        session.execute(text("DELETE FROM setting WHERE name LIKE 'row %' AND name <> 'row 599'"))


def test_database_gives_back_room_in_steps(database: Database, tmp_path: Path) -> None:
    fill(database)
    empty(database)
    size = database.path.stat().st_size

    report = keep_up(config_in(tmp_path), database, NOW, pause=lambda _s: None)

    assert (report.notes, database.path.stat().st_size) == ((), size - report.freed_bytes)
    assert report.freed_bytes > size / 2
    with database.read() as session:
        assert mending.room(session).free_bytes == 0
    assert keep_up(config_in(tmp_path), database, NOW, pause=lambda _s: None).freed_bytes == 0


def test_older_database_is_left_to_repair_and_then_gives_back_too(
    database: Database, tmp_path: Path
) -> None:
    with database.bare() as connection:
        connection.executescript("PRAGMA auto_vacuum = NONE; VACUUM")
    fill(database)
    empty(database)

    (note,) = keep_up(config_in(tmp_path), database, NOW, pause=lambda _s: None).notes
    assert "mediaindex repair" in note
    assert vacuum(database)

    with database.read() as session:
        room = mending.room(session)
    assert (room.free_bytes, room.in_steps) == (0, True)
    fill_again = keep_up(config_in(tmp_path), database, NOW, pause=lambda _s: None)
    assert fill_again.notes == ()


def test_reader_in_the_way_puts_the_wal_off(database: Database, tmp_path: Path) -> None:
    with database.read() as reader:
        reader.execute(text("SELECT count(*) FROM setting")).scalar()
        fill(database)

        notes = keep_up(config_in(tmp_path), database, NOW, pause=lambda _s: None).notes

    assert [note for note in notes if "WAL" in note]


def test_words_are_found_after_a_merge(database: Database, tmp_path: Path) -> None:
    for number in range(40):
        with database.write() as session:
            asset = "INSERT INTO asset (id, sha256, kind, format, size_bytes, added_at) VALUES"
            session.execute(text(f"{asset} ({number}, '{number}', 'photo', 'j', 1, '2026-01-01')"))
            row = "INSERT INTO document (asset_id, person, names, place, facts, machine) VALUES"
            session.execute(text(f"{row} ({number}, 'a boat', '', '', '', '')"))

    keep_up(config_in(tmp_path), database, NOW, pause=lambda _s: None)

    with database.read() as session:
        query = "SELECT count(*) FROM fulltext WHERE fulltext MATCH 'boat'"
        assert session.execute(text(query)).scalar() == 40
    assert mending.is_fulltext_sound(database)


@pytest.fixture
def aged(database: Database, tmp_path: Path) -> dict[str, Path]:
    """One of each thing that may be left over, long ago."""
    state, cache = tmp_path / "state", tmp_path / "cache"
    (state / "backups").mkdir()
    made = {
        "part": state / "backups" / "mediaindex-20260101T000000Z.db.part",
        "restored": state / "mediaindex.db.restored",
        "replaced": state / "mediaindex.db.replaced-20260101T000000Z",
        "preview": cache / "previews" / "ab" / ".part-xyz",
        "broken": cache / "index" / ID / "chroma.broken-20260101T000000Z" / "file",
        "other": cache / "index" / ("b" * 32) / "exact" / "file",
        "strange": cache / "index" / "mine" / "file",
    }
    for month in (1, 2, 3, 4):
        made[f"before {month}"] = state / f"mediaindex.db.before-0005-20260{month}01T000000Z"
    for number, path in enumerate(made.values()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"left")
        at = (NOW - timedelta(days=200 - number)).timestamp()
        os.utime(path, (at, at))
        if path.name == "file":
            os.utime(path.parent, (at, at))
    return made


def test_only_what_nobody_misses_goes_by_itself(
    database: Database, aged: dict[str, Path], tmp_path: Path
) -> None:
    found = leftovers(config_in(tmp_path), ID, NOW)

    for left in found:
        if left.fate == "goes":
            assert remove(left), left

    gone = {name for name, path in aged.items() if not path.exists()}
    assert gone == {"part", "restored", "preview", "broken", "before 1", "before 2"}
    asked = {left.path.name for left in found if left.fate == "asked"}
    assert asked == {"b" * 32}


def test_what_is_new_or_of_an_unknown_database_stays(
    database: Database, aged: dict[str, Path], tmp_path: Path
) -> None:
    for path in (aged["preview"], aged["broken"].parent, aged["before 1"], aged["before 2"]):
        os.utime(path, (NOW.timestamp(), NOW.timestamp()))

    found = {left.path: left.fate for left in leftovers(config_in(tmp_path), ID, NOW)}
    unknown = leftovers(config_in(tmp_path), None, NOW)

    assert aged["preview"] not in found
    assert found[aged["broken"].parent] == "asked"
    assert found[aged["before 1"]] == "stays"
    assert not [left for left in unknown if "index" in left.what]


def made_at(path: Path, schema: str) -> None:
    """Make a database as an older mediaindex left it, with a photo that is indexed."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, schema)
        for row in (
            "library (id, name, root, added_at, sweep_no) VALUES (1, 'p', '/p', '2026-01-01', 3)",
            "folder VALUES (1, 1, '', 3)",
            "asset (id, sha256, kind, format, size_bytes, added_at, has_motion) "
            "VALUES (1, 'a', 'photo', 'jpeg', 1, '2026-01-01', 0)",
            "file (id, folder_id, name, size_bytes, mtime_ns, role, asset_id, found_at) "
            "VALUES (1, 1, 'a.jpg', 1, 1, 'media', 1, '2026-01-01')",
            "moment VALUES (1, 1, 0, 0, 0)",
            "space VALUES (1, 'm', 'picture', 1)",
            "embedding VALUES (7, 1, 1, 0, x'0000')",
            "document (asset_id, person, names, place, facts, machine, seen) "
            "VALUES (1, 'my boat', 'a', '', '', '', '')",
            "setting VALUES ('database_id', '\"1\"')",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    engine.dispose()


Content = dict[str, list[dict[str, object]]]


def content(path: Path) -> Content:
    """Return all rows by table."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'alembic%'"
        tables = [name for (name,) in connection.execute(query)]
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]
            for table in tables
        }


def kept(path: Path, before: Content) -> Content:
    """Return what a database holds of the tables and columns that it had before."""
    after = content(path)
    return {
        table: [{name: row[name] for name in rows[0]} if rows else row for row in after[table]]
        for table, rows in before.items()
    }


def test_upgrade_keeps_everything_and_a_copy_of_it(tmp_path: Path) -> None:
    path = tmp_path / "mediaindex.db"
    made_at(path, "0004")
    before = content(path)

    open_database(path).close()

    assert kept(path, before) == before
    with closing(sqlite3.connect(path)) as connection:
        row = connection.execute("SELECT identity, held_back FROM library").fetchone()
    assert row == (None, 0)
    (copy,) = tmp_path.glob("*.before-*")
    check_sound(copy)
    assert content(copy) == before
    assert copy.stat().st_mode & 0o777 == 0o600


MIGRATE = """
import os, sys
from pathlib import Path
from mediaindex.store import copying, database
copying.STEP_PAGES = 1
original = copying._copy
def dies(path, partial, on_step):
    def step(done, of):
        if done >= of // 2:
            os.kill(os.getpid(), 9)
    original(path, partial, step)
copying._copy = dies
database.open_database(Path(sys.argv[1]))
"""


def test_copy_before_an_upgrade_is_whole_or_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "mediaindex.db"
    made_at(path, "0004")
    before = content(path)

    done = subprocess.run([sys.executable, "-c", MIGRATE, str(path)], check=False)

    assert done.returncode == -9
    assert [at.name for at in tmp_path.glob("*.before-*")] == [
        at.name for at in tmp_path.glob("*.part")
    ]
    assert content(path) == before
    open_database(path).close()
    assert kept(path, before) == before
    (copy,) = tmp_path.glob("*.before-*Z")
    check_sound(copy)


def test_upgrade_that_fails_again_and_again_makes_one_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mediaindex.db"
    made_at(path, "0004")
    # A column that is there already: the migration fails.
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("ALTER TABLE library ADD COLUMN identity TEXT")

    for _ in range(3):
        with pytest.raises(Exception, match="duplicate column"):
            open_database(path)

    assert len(list(tmp_path.glob("*.before-*"))) == 1


def test_damaged_database_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "mediaindex.db"
    made_at(path, "0004")
    scribble(path, 20 * 4096, 40 * 4096)
    shutil.copy(path, tmp_path / "as it was")

    with pytest.raises(StoreError):
        open_database(path)

    assert path.read_bytes() == (tmp_path / "as it was").read_bytes()
    assert SCHEMA > "0004"
