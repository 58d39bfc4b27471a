"""How long looking after a database takes, and how long a writer waits meanwhile.

python benchmarks/care.py --moments 100000
"""

import argparse
import hashlib
import random
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import text

from mediaindex.care.backup import back_up
from mediaindex.care.integrity import damage
from mediaindex.care.upkeep import keep_up, vacuum
from mediaindex.config import Config, load_config
from mediaindex.media.previews import PreviewStore
from mediaindex.store import mending
from mediaindex.store.database import Database, open_database

WORDS = "beach dog sunset party mountain lake child kitchen car street snow boat tree bird".split()
DIM = 512


def fill(path: Path, count: int) -> None:
    """Fill a new database with photos that have captions and vectors of both kinds."""
    chance = random.Random(1)
    ids = range(1, count + 1)
    then = "2026-01-01 00:00:00"

    def said() -> str:
        return " ".join(chance.choices(WORDS, k=40))

    with closing(sqlite3.connect(path)) as connection, connection:

        def put(row: str, values: Iterable[tuple[object, ...]]) -> None:
            connection.executemany(f"INSERT INTO {row}", values)

        put("library (id, name, root, added_at, sweep_no) VALUES (1, 'p', '/p', ?, 1)", [(then,)])
        put("folder VALUES (?, 1, ?, 1)", ((number, f"f{number}") for number in range(500)))
        put("space VALUES (?, 'm', ?, 512)", [(1, "picture"), (2, "caption")])
        put(
            "asset (id, sha256, kind, format, size_bytes, added_at, has_motion) "
            f"VALUES (?, ?, 'photo', 'jpeg', 1, '{then}', 0)",
            ((key, hashlib.sha256(str(key).encode()).hexdigest()) for key in ids),
        )
        put(
            "file (id, folder_id, name, size_bytes, mtime_ns, role, kind, asset_id, found_at) "
            f"VALUES (?, ?, ?, 1, 1, 'media', 'photo', ?, '{then}')",
            ((key, key % 500, f"IMG_{key}.jpg", key) for key in ids),
        )
        put("moment VALUES (?, ?, 0, 0, 0)", ((key, key) for key in ids))
        put(
            "document (asset_id, moment_id, person, names, place, facts, machine, seen) "
            "VALUES (?, ?, '', ?, '', '', ?, '')",
            ((key, key, f"IMG_{key}.jpg", said()) for key in ids),
        )
        for stage in ("probe", "decode", "embed", "caption", "embed_text"):
            put(f"result VALUES (?, '{stage}', 'v', '{then}')", ((key,) for key in ids))
        for space in (1, 2):
            row = f"embedding (space_id, moment_id, ordinal, vector) VALUES ({space}, ?, 0, ?)"
            put(row, ((key, chance.randbytes(2 * DIM)) for key in ids))
        connection.execute("DELETE FROM index_change")
        connection.execute("DELETE FROM asset_change")


class Writer:
    """Writes as fast as it can, and notes how long it waited at most."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write)
        self._longest_s = 0.0
        self._written = threading.Semaphore(0)
        self._thread.start()

    def _write(self) -> None:
        while not self._stop.is_set():
            began = time.perf_counter()
            with self._database.write() as session:
                session.execute(text("INSERT OR REPLACE INTO setting VALUES ('x', '1')"))
            self._longest_s = max(self._longest_s, time.perf_counter() - began)
            self._written.release()
            time.sleep(0.005)

    def longest_s(self) -> float:
        """Return the longest wait since it was asked last, one that goes on now included."""
        while self._written.acquire(blocking=False):
            pass
        self._written.acquire()
        longest, self._longest_s = self._longest_s, 0.0
        return longest

    def end(self) -> None:
        self._stop.set()
        self._thread.join()


def measure(config: Config, database: Database) -> None:
    writer = Writer(database)

    def timed(what: str, work: Callable[[], object]) -> None:
        writer.longest_s()
        began = time.perf_counter()
        work()
        took = time.perf_counter() - began
        print(f"| {what} | {took:.2f} | {writer.longest_s():.2f} |", flush=True)

    now = datetime.now(UTC)
    print("| what | seconds | a writer waits at most |\n|---|---|---|")
    try:
        timed("quick_check", lambda: damage(database.path))
        timed("backup, checked and on the disk", lambda: back_up(config, now))
        timed("full text: compare (repair)", lambda: mending.is_fulltext_sound(database))
        timed("full text: rebuild (repair)", lambda: mending.rebuild_fulltext(database))
        timed("upkeep", lambda: keep_up(config, database, now))
        with database.write() as session:
            session.execute(text("DELETE FROM embedding WHERE id % 2 = 0"))
            session.execute(text("DELETE FROM index_change"))
        timed("upkeep that gives room back", lambda: keep_up(config, database, now))
        timed("VACUUM (repair)", lambda: vacuum(database))
    finally:
        writer.end()


def list_previews(folder: Path, count: int) -> None:
    store = PreviewStore(folder)
    for number in range(count):
        path = store.path(hashlib.sha256(str(number).encode()).hexdigest(), 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture")
    began = time.perf_counter()
    found = sum(1 for _ in store.kept())
    print(f"| listing {found:,} previews | {time.perf_counter() - began:.2f} | |")


def main(count: int) -> None:
    with tempfile.TemporaryDirectory(prefix="mediaindex-benchmark-") as home:
        (Path(home) / "config.yaml").touch()
        folders = {"MEDIAINDEX_STATE_DIR": f"{home}/state", "MEDIAINDEX_CACHE_DIR": f"{home}/cache"}
        config = load_config(Path(home) / "config.yaml", folders)
        open_database(config.database_path).close()
        fill(config.database_path, count)
        print(f"{count:,} moments, {config.database_path.stat().st_size / 1e6:,.0f} MB\n")
        database = open_database(config.database_path)
        try:
            measure(config, database)
        finally:
            database.close()
        list_previews(config.cache_dir / "previews", count)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--moments", type=int, default=100_000)
    main(parser.parse_args().moments)
