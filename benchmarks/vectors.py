"""Search without encoding, and the rebuild of an index.

python benchmarks/vectors.py search --n 10000 100000 1000000
python benchmarks/vectors.py rebuild --n 100000
"""

import argparse
import resource
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import text

from mediaindex.pipeline.sync import Sync
from mediaindex.search.retrieve import nearest_moments
from mediaindex.store.database import Database, open_database
from mediaindex.store.embeddings import open_space
from mediaindex.store.filters import Dates, Filter
from mediaindex.types import Space, Vectors
from mediaindex.vectors import load
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes

DIM, CLUSTERS, QUESTIONS = 512, 2000, 60
FOLDERS = 100
CHANCE = np.random.default_rng(20261121)
CENTRES = CHANCE.standard_normal((CLUSTERS, DIM), dtype=np.float32)


def clustered(count: int) -> Vectors:
    """Return unit vectors around some thousand centres, as pictures of real things lie."""
    made = CENTRES[CHANCE.integers(0, CLUSTERS, count)]
    made = made + 0.7 * CHANCE.standard_normal((count, DIM), dtype=np.float32)
    unit: Vectors = made / np.linalg.norm(made, axis=1, keepdims=True)
    return unit


def fill(database: Database, count: int) -> Space:
    """Write `count` photos with a vector each, and stars so that 1, 10 and 50 % pass a filter."""
    with database.write() as session:
        space = open_space(session, "benchmark", "picture", DIM)
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
        session.execute(
            text(
                "INSERT INTO library (id, name, root, added_at, sweep_no)"
                f" VALUES (1, 'b', '/b', '{now}', 0)"
            )
        )
        for folder in range(FOLDERS):
            query = (
                "INSERT INTO folder (id, library_id, path, seen_sweep) VALUES (:id, 1, :path, 0)"
            )
            session.execute(text(query), {"id": folder + 1, "path": f"{folder:03} trip"})
    for start in range(1, count + 1, 20_000):
        ids = range(start, min(start + 20_000, count + 1))
        blobs = clustered(len(ids)).astype("<f2")
        with database.write() as session:
            raw = session.connection().connection.driver_connection
            assert raw is not None
            raw.executemany(
                "INSERT INTO asset (id, sha256, kind, format, size_bytes, added_at, taken_local,"
                " rating, camera_make) VALUES (?, ?, 'photo', 'jpeg', 1, ?, ?, ?, ?)",
                [
                    (i, f"{i:064}", now, f"{2000 + i % 25}-07-04 12:00:00", _stars(i), _camera(i))
                    for i in ids
                ],
            )
            raw.executemany(
                "INSERT INTO file (folder_id, name, size_bytes, mtime_ns, role, kind, asset_id,"
                " found_at) VALUES (?, ?, 1, 1, 'media', 'photo', ?, ?)",
                [(i % FOLDERS + 1, f"{i}.jpg", i, now) for i in ids],
            )
            raw.executemany("INSERT INTO moment VALUES (?, ?, 0, 0, 0)", [(i, i) for i in ids])
            raw.executemany(
                "INSERT INTO embedding VALUES (?, ?, ?, 0, ?)",
                [(i, space.id, i, blob.tobytes()) for i, blob in zip(ids, blobs, strict=True)],
            )
    return space


def _stars(number: int) -> int:
    return 5 if number % 100 == 0 else 4 if number % 10 == 0 else 3 if number % 2 == 0 else 0


def _camera(number: int) -> str:
    return "Canon" if number % 10 == 3 else "Apple"


def measure(
    database: Database, indexes: Indexes, space: Space, wanted: Filter
) -> tuple[float, float]:
    """Return p50 and p99 in ms of the whole retrieval of 200 hits, SQL included."""
    times = []
    with database.read() as session:
        for question in clustered(QUESTIONS):
            began = time.perf_counter()
            nearest_moments(session, indexes, space, question, wanted, 200)
            times.append(1000 * (time.perf_counter() - began))
    return float(np.percentile(times[3:], 50)), float(np.percentile(times[3:], 99))


def search(counts: list[int], chroma: bool) -> None:
    print("| moments | index | filter passes | p50 ms | p99 ms |\n|---|---|---|---|---|")
    for count in counts:
        folder = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
        database = open_database(folder / "b.db")
        space = fill(database, count)
        exact = load("exact", folder / "exact")
        made = [exact, load("chroma", folder / "chroma")] if chroma else [exact]
        began = time.monotonic()
        facets = Facets(folder / "facets")
        Sync(database, made, facets).repair()
        took = time.monotonic() - began
        for index in made:
            name = type(index).__name__.removesuffix("Index").lower()
            pair = Indexes(exact, facets, None if index is exact else index, 0)
            for passes, wanted in FILTERS.items():
                p50, p99 = measure(database, pair, space, wanted)
                print(f"| {count:,} | {name} | {passes} | {p50:.1f} | {p99:.1f} |", flush=True)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(f"filled and indexed in {took:.0f} s; peak memory so far {peak:.0f} MiB", flush=True)
        for index in made:
            index.close()
        database.close()
        shutil.rmtree(folder)


FILTERS = {
    "all": Filter(),
    "48 % (12 years)": Filter(dates=(Dates(datetime(2000, 1, 1), datetime(2012, 1, 1)),)),
    "12 % (3 years)": Filter(dates=(Dates(datetime(2000, 1, 1), datetime(2003, 1, 1)),)),
    "4 % (a year)": Filter(dates=(Dates(datetime(2004, 1, 1), datetime(2005, 1, 1)),)),
    "1 % (five stars)": Filter(rating=5),
    "1 % (a folder)": Filter(folders=("042*",)),
    "10 % (a camera)": Filter(cameras=("canon",)),
}


def rebuild(count: int) -> None:
    for name in ("exact", "chroma"):
        folder = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
        database = open_database(folder / "b.db")
        fill(database, count)
        with database.write() as session:
            session.execute(text("DELETE FROM index_change"))
        index = load(name, folder / name)
        began = time.monotonic()
        Sync(database, [index], Facets(folder / "facets")).repair()
        took = time.monotonic() - began
        used = sum(path.stat().st_size for path in (folder / name).rglob("*") if path.is_file())
        print(f"| {name} | {count:,} | {took:.1f} s | {used / 1e6:.0f} MB |", flush=True)
        index.close()
        database.close()
        shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("search", "rebuild"))
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--no-chroma", action="store_true", help="only the exact index")
    chosen = parser.parse_args()
    if chosen.what == "search":
        search(chosen.n, chroma=not chosen.no_chroma)
    else:
        rebuild(chosen.n[0])
