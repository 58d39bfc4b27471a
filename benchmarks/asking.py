"""Whole questions to a warm program: the processor's time and the wall's, one thread and eight.

python benchmarks/asking.py --n 10000 100000
"""

import argparse
import itertools
import shutil
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import text
from vectors import CHANCE

from mediaindex import parts
from mediaindex.asking import Asker
from mediaindex.config import Config, load_config
from mediaindex.embedders.colour import ColourEmbedder
from mediaindex.pipeline.serving import Serving, take_over
from mediaindex.pipeline.sync import Sync
from mediaindex.search.asked import Asked
from mediaindex.search.calibration import refresh_calibration
from mediaindex.store.database import Database
from mediaindex.store.embeddings import open_space

FOLDERS, PLACES, TURNS = 100, 300, 40
COLOUR = ColourEmbedder()

QUESTIONS = {
    "words": ("red", "blue night", "green and white", "dark brown"),
    "a name": ("trip 17", "img 00042", "red trip"),
    "filter": ("after:2019", "kind:photo date:2003", "rating:4"),
    "both": ("red after:2019", "blue night in Town 7", "white rating:3"),
    "a folder": ('red in:"042 trip"',),
}


def fill(database: Database, count: int) -> None:
    """Write `count` photos of all colours, with names, dates, stars and places."""
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    with database.write() as session:
        space = open_space(session, COLOUR.model_id, "picture", COLOUR.dim)
        take_over(session, Serving("colour", "colour", COLOUR.model_id), datetime.now(UTC))
        raw = session.connection().connection.driver_connection
        assert raw is not None
        raw.execute(
            "INSERT INTO library (id, name, root, added_at, sweep_no) VALUES (1, 'b', '/b', ?, 0)",
            (now,),
        )
        raw.executemany(
            "INSERT INTO folder (id, library_id, path, seen_sweep) VALUES (?, 1, ?, 0)",
            [(i + 1, f"{i:03} trip") for i in range(FOLDERS)],
        )
        others = "\n".join(f"Other name {i} of it" for i in range(20))
        raw.executemany(
            "INSERT INTO place VALUES"
            " (?, ?, NULL, 'Portugal', 'PT', ?, ?, 9000, 'Europe/Lisbon', ?)",
            [(i + 1, f"Town {i}", 30 + i / 30, -9 + i / 40, others) for i in range(PLACES)],
        )
    for start in range(1, count + 1, 20_000):
        ids = range(start, min(start + 20_000, count + 1))
        shares = CHANCE.dirichlet(np.full(COLOUR.dim, 0.3), len(ids))
        blobs = (shares / np.linalg.norm(shares, axis=1, keepdims=True)).astype("<f2")
        with database.write() as session:
            raw = session.connection().connection.driver_connection
            assert raw is not None
            raw.executemany(
                "INSERT INTO asset (id, sha256, kind, format, size_bytes, added_at, taken_local,"
                " rating, place_id) VALUES (?, ?, 'photo', 'jpeg', 1, ?, ?, ?, ?)",
                [
                    (i, f"{i:064}", now, f"{2000 + i % 25}-07-04 12:00:00", i % 6, i % PLACES + 1)
                    for i in ids
                ],
            )
            raw.executemany(
                "INSERT INTO file (folder_id, name, size_bytes, mtime_ns, role, kind, asset_id,"
                " found_at) VALUES (?, ?, 1, 1, 'media', 'photo', ?, ?)",
                [(i % FOLDERS + 1, f"IMG_{i:05}.jpg", i, now) for i in ids],
            )
            raw.executemany("INSERT INTO moment VALUES (?, ?, 0, 0, 0)", [(i, i) for i in ids])
            raw.executemany(
                "INSERT INTO document (asset_id, person, names, place, facts, machine, seen)"
                " VALUES (?, '', ?, ?, 'Canon EOS', '', '')",
                [(i, f"{i % FOLDERS:03} trip/IMG_{i:05}.jpg", f"Town {i % PLACES}") for i in ids],
            )
            raw.executemany(
                "INSERT INTO embedding VALUES (?, ?, ?, 0, ?)",
                [(i, space.id, i, blob.tobytes()) for i, blob in zip(ids, blobs, strict=True)],
            )
    with database.write() as session:
        session.execute(text("ANALYZE"))


def measure(asker: Asker, words: tuple[str, ...], threads: int) -> tuple[float, float, float]:
    """Return p50 and p99 in ms of the wall, and the mean of the processor's time for a question."""
    today = datetime.now(UTC).date()
    for each in words:
        asker.ask(Asked(each), today)
    times: list[float] = []

    def ask() -> None:
        for question in itertools.islice(itertools.cycle(words), TURNS):
            began = time.perf_counter()
            asker.ask(Asked(question), today)
            times.append(1000 * (time.perf_counter() - began))

    askers = [threading.Thread(target=ask) for _ in range(threads)]
    before = time.process_time()
    for each_one in askers:
        each_one.start()
    for each_one in askers:
        each_one.join()
    used = 1000 * (time.process_time() - before) / len(times)
    p50, p99 = np.percentile(times, [50, 99])
    return float(p50), float(p99), used


def made(folder: Path, count: int) -> Config:
    """Make a library of `count` moments in `folder`, indexed, and return its settings."""
    environ = {
        "MEDIAINDEX_STATE_DIR": str(folder / "state"),
        "MEDIAINDEX_CACHE_DIR": str(folder / "cache"),
    }
    config = load_config(None, environ)
    database = parts.store(config)
    fill(database, count)
    indexes = parts.indexes_to_ask(config, database)
    Sync(database, indexes.all(), indexes.facets).repair()
    refresh_calibration(database, COLOUR, lambda _: None)
    database.close()
    return config


def search(count: int) -> None:
    """Print how long questions take in a library of `count` moments."""
    folder = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    config = made(folder, count)
    database = parts.store(config)
    indexes = parts.indexes_to_ask(config, database)
    asker = Asker(config, database, indexes)
    for name, words in QUESTIONS.items():
        for threads in (1, 8):
            p50, p99, used = measure(asker, words, threads)
            print(f"| {count:,} | {name} | {threads} | {p50:.1f} | {p99:.1f} | {used:.1f} |")
    asker.close()
    indexes.close()
    database.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000])
    chosen = parser.parse_args()
    print("| moments | question | threads | p50 ms | p99 ms | processor ms |")
    print("|---|---|---|---|---|---|")
    for count in chosen.n:
        search(count)
