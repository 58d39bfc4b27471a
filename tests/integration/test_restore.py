"""Restoring, killed before each thing that it does to a file."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from mediaindex.care.backup import back_up
from mediaindex.care.restore import restore
from mediaindex.errors import ConfigError, RetryLater, StoreError
from mediaindex.store import settings
from mediaindex.store.database import Database, open_database
from tests.caring import config_in
from tests.conftest import NOW

KILLED = """
import os, shutil, sqlite3, sys
from contextlib import closing
from pathlib import Path
from mediaindex.care.restore import restore
from mediaindex.store.copying import check_sound
from tests.caring import config_in
from tests.conftest import NOW

home = Path(sys.argv[1])
config = config_in(home)
state = config.state_dir
shutil.copytree(state, home / "first")
STEPS = ("os.link", "os.rename", "os.remove", "sqlite3.connect")

def restore_and_die(before):
    left = [before]
    def hook(event, _arguments):
        if event in STEPS:
            left[0] -= 1
            if left[0] < 0:
                os._exit(9)
    sys.addaudithook(hook)
    restore(config, None, NOW)
    os._exit(0)

for step in range(100):
    child = os.fork()
    if not child:
        restore_and_die(step)
    _, status = os.waitpid(child, 0)
    with closing(sqlite3.connect(config.database_path)) as connection:
        (told,) = connection.execute("SELECT value FROM setting WHERE name = 'told'").fetchone()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    print(step, told, flush=True)
    sets = [path for path in state.glob("*.replaced-*") if not path.name.endswith(("wal", "shm"))]
    if told == "before":
        assert sets, "the database that was there is lost"
    if status == 0:
        assert told == "before"
        sys.exit(0)
    shutil.rmtree(state)
    shutil.copytree(home / "first", state)
"""


def tell(database: Database, what: str) -> None:
    with database.write() as session:
        settings.database_id(session)
        session.execute(text(f"INSERT OR REPLACE INTO setting VALUES ('told', '{what}')"))


def told(path: Path) -> tuple[object, object]:
    with closing(open_database(path)) as opened, opened.read() as session:
        query = "SELECT value FROM setting WHERE name = 'told'"
        what = session.execute(text(query)).scalar()
        return what, settings.recall(session, settings.DATABASE_ID)


def test_killed_anywhere_it_is_the_old_or_the_new_and_nothing_is_lost(
    database: Database, tmp_path: Path
) -> None:
    tell(database, "before")
    back_up(config_in(tmp_path), NOW)
    tell(database, "after")
    database.close()

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    states = [line.split()[1] for line in done.stdout.splitlines()]
    assert states == sorted(states), "first the old, then the new"
    assert set(states) == {"after", "before"}


def test_what_comes_back_has_an_identity_of_its_own(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)
    tell(database, "before")
    back_up(config, NOW)
    database.close()
    _, old = told(database.path)

    done = restore(config, None, NOW)

    assert told(database.path) == ("before", None)
    assert done.set_aside is not None
    assert told(done.set_aside) == ("before", old)


def test_restore_into_an_empty_state(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)
    tell(database, "before")
    made = back_up(config, NOW, target=tmp_path / "mine.db").made
    database.close()
    database.path.unlink()

    assert restore(config, made.path, NOW).set_aside is None
    assert told(database.path)[0] == "before"


def test_program_that_has_the_database_open_is_in_the_way(
    database: Database, tmp_path: Path
) -> None:
    config = config_in(tmp_path)
    tell(database, "before")
    back_up(config, NOW)
    with database.read() as session:
        session.execute(text("SELECT count(*) FROM setting")).scalar()

        with pytest.raises(RetryLater, match="another program"):
            restore(config, None, NOW)

    assert list(database.path.parent.glob("*.replaced-*")) == []


def test_backup_that_is_not_there_is_named(tmp_path: Path) -> None:
    config = config_in(tmp_path)

    with pytest.raises(ConfigError, match="there is no backup"):
        restore(config, None, NOW)
    with pytest.raises(ConfigError, match="--list"):
        restore(config, Path("gone.db"), NOW)


def test_newer_backup_is_refused_before_anything_is_touched(
    database: Database, tmp_path: Path
) -> None:
    config = config_in(tmp_path)
    tell(database, "before")
    made = back_up(config, NOW).made.path
    tell(database, "after")
    database.close()
    with closing(sqlite3.connect(made)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match="newer mediaindex"):
        restore(config, None, NOW)

    assert told(database.path)[0] == "after"
