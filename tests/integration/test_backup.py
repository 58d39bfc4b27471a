"""Copies of a database in use: consistent, complete or not there, and only as many as wanted."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from mediaindex.care.backup import back_up, backups, last_backup
from mediaindex.errors import ConfigError, RetryLater, StoreError
from mediaindex.store.copying import SPARE_BYTES, check_sound, copy_database
from mediaindex.store.database import Database
from tests.caring import config_in, scribble
from tests.conftest import NOW
from tests.daemons import until

WRITE_FOR_EVER = """
import sys
from pathlib import Path
from sqlalchemy import text
from mediaindex.store.database import open_database
database = open_database(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    with database.write() as session:
        for name in ("left", "right"):
            told = f"INSERT OR REPLACE INTO setting VALUES ('{name}', '{number}')"
            session.execute(text(told))
        row = f"INSERT INTO setting VALUES ('n{number}', hex(randomblob(2000)))"
        session.execute(text(row))
    print(number, flush=True)
"""

COPY_FOR_EVER = """
import sys
from pathlib import Path
from mediaindex.store import copying
copying.STEP_PAGES = 8
print("begun", flush=True)
number = 0
while True:
    number += 1
    copying.copy_database(Path(sys.argv[1]), Path(sys.argv[2]) / f"{number:06}.db")
"""


def fill(database: Database, rows: int) -> None:
    with database.write() as session:
        for number in range(rows):
            row = f"INSERT INTO setting VALUES ('row {number}', hex(randomblob(2000)))"
            session.execute(text(row))


def value(path: Path, query: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchone()[0]


@pytest.fixture
def writer(database: Database) -> Iterator["subprocess.Popen[str]"]:
    """A process that writes as fast as it can."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITE_FOR_EVER, str(database.path)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "1\n"
    yield process
    process.kill()
    process.stdout.close()
    process.wait()


def test_backup_while_somebody_writes_is_of_one_moment(
    database: Database, writer: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    fill(database, 2000)
    looks = 0

    def written() -> object:
        return value(database.path, "SELECT value FROM setting WHERE name = 'left'")

    def look(_done: int, _of: int) -> None:
        """See that the writer gets on while the copy is being made."""
        nonlocal looks
        looks += 1
        before = written()
        until(lambda: written() != before)

    for number in range(3):
        copy = tmp_path / f"{number}.db"
        copy_database(database.path, copy, look)
        left, right = (
            value(copy, f"SELECT value FROM setting WHERE name = '{name}'")
            for name in ("left", "right")
        )
        assert left == right
        count = "SELECT count(*) FROM setting WHERE name GLOB 'n[0-9]*'"
        assert value(copy, count) == int(str(left))
        assert value(copy, "PRAGMA integrity_check") == "ok"
    assert looks >= 3


def test_backup_is_one_file_for_its_owner_that_needs_no_other(
    database: Database, tmp_path: Path
) -> None:
    fill(database, 10)

    made = back_up(config_in(tmp_path), NOW).made

    assert made.path.name == "mediaindex-20261121T120000Z.db"
    assert made.path.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in made.path.parent.iterdir()] == [made.path.name]
    made.path.parent.chmod(0o500)
    assert value(made.path, "SELECT count(*) FROM setting") == 10
    assert last_backup(made.path.parent) == made
    made.path.parent.chmod(0o700)


def test_oldest_of_too_many_go_and_nothing_else(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path, {"MEDIAINDEX__BACKUP__KEEP": "2"})
    folder = config.backup_dir
    folder.mkdir()
    others = ["mediaindex-before the move.db", "notes.txt", "mediaindex-20200101T000000Z.db.gz"]
    for name in others:
        (folder / name).touch()

    for day in range(4):
        back_up(config, NOW + timedelta(days=day))

    assert [backup.made_at.day for backup in backups(folder)] == [24, 23]
    assert {path.name for path in folder.iterdir()} >= set(others)


def test_clock_that_jumps_back_costs_no_new_backup(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path, {"MEDIAINDEX__BACKUP__KEEP": "1"})
    back_up(config, NOW)

    made = back_up(config, NOW - timedelta(days=900)).made

    assert [backup.path for backup in backups(config.backup_dir)] == [made.path]


def test_two_in_one_second_are_two(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)

    assert back_up(config, NOW).made.path != back_up(config, NOW).made.path


def test_damaged_database_pushes_out_no_good_backup(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path, {"MEDIAINDEX__BACKUP__KEEP": "1"})
    fill(database, 200)
    good = back_up(config, NOW).made
    database.close()
    scribble(database.path, 100 * 4096, 40 * 4096)

    with pytest.raises(StoreError, match=r"damaged|malformed"):
        back_up(config, NOW + timedelta(days=1))

    assert [path.name for path in config.backup_dir.iterdir()] == [good.path.name]
    check_sound(good.path)


def test_empty_database_is_no_reason_for_a_backup(tmp_path: Path) -> None:
    config = config_in(tmp_path)
    config.state_dir.mkdir()
    config.database_path.touch()

    with pytest.raises(StoreError, match="nothing to back up"):
        back_up(config, NOW)


def test_another_place_is_written_once_and_never_tidied(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path, {"MEDIAINDEX__BACKUP__KEEP": "1"})
    folder = tmp_path / "stick"
    folder.mkdir()

    for _ in range(2):
        back_up(config, NOW, target=folder)
    back_up(config, NOW, target=folder / "mine.db")

    assert len(list(folder.iterdir())) == 3
    with pytest.raises(ConfigError, match="is there already"):
        back_up(config, NOW, target=folder / "mine.db")
    with pytest.raises(ConfigError, match="no folder"):
        back_up(config, NOW, target=tmp_path / "gone" / "mine.db")


def test_killed_at_any_moment_leaves_whole_copies_only(database: Database, tmp_path: Path) -> None:
    fill(database, 1500)
    folder = tmp_path / "copies"
    folder.mkdir()
    for wait_s in (0.0, 0.01, 0.03, 0.05, 0.08):
        process = subprocess.Popen(
            [sys.executable, "-c", COPY_FOR_EVER, str(database.path), str(folder)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(wait_s)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()

        for copy in folder.glob("*.db"):
            check_sound(copy)
            assert value(copy, "SELECT count(*) FROM setting") == 1500


def test_half_a_backup_of_a_dead_process_goes_and_a_living_ones_stays(
    database: Database, tmp_path: Path
) -> None:
    config = config_in(tmp_path)
    config.backup_dir.mkdir()
    dead = config.backup_dir / "mediaindex-20261120T120000Z.db.part"
    dead.write_bytes(b"half")
    inside: list[str] = []

    def meanwhile(_done: int, _of: int) -> None:
        with pytest.raises(RetryLater, match="another process"):
            copy_database(database.path, config.backup_dir / "mine.db")
        inside.append("tried")

    copy_database(database.path, config.backup_dir / "mine.db", meanwhile)
    back_up(config, NOW)

    assert inside
    assert not dead.exists()


def test_backup_that_is_stopped_leaves_nothing(database: Database, tmp_path: Path) -> None:
    config = config_in(tmp_path)

    def stop(_note: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(config, NOW, stop)

    assert list(config.backup_dir.iterdir()) == []


FULL = """
import os, subprocess, sys
from pathlib import Path
from mediaindex.errors import RetryLater
from mediaindex.store import copying
database, folder = Path(sys.argv[1]), Path(sys.argv[2])
size = database.stat().st_size
subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size + 40_000_000}", "tmpfs", folder],
    check=True)
copying.copy_database(database, folder / "good.db")
for spare in (copying.SPARE_BYTES, -10 ** 9):
    # At first it is seen beforehand, then only when the disk is full.
    copying.SPARE_BYTES = spare
    (folder / "ballast").write_bytes(bytes(os.statvfs(folder).f_bavail * 4096 - size // 2))
    try:
        copying.copy_database(database, folder / "bad.db")
        sys.exit("it fitted")
    except RetryLater as error:
        print(error)
    (folder / "ballast").unlink()
    assert [path.name for path in folder.iterdir()] == ["good.db"], list(folder.iterdir())
copying.check_sound(folder / "good.db")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_full_disk_costs_nothing_that_is_there(database: Database, tmp_path: Path) -> None:
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mount namespace can be made here")
    fill(database, 1500)
    database.close()
    folder = tmp_path / "disk"
    folder.mkdir()

    done = subprocess.run(
        ["unshare", "-m", sys.executable, "-c", FULL, str(database.path), str(folder)],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    beforehand, at_last = done.stdout.splitlines()
    assert "MB free" in beforehand
    assert "full" in at_last or "No space" in at_last
    assert SPARE_BYTES > 0
