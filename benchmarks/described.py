"""Search in a library in which every moment is described: what one more ranking costs.

python benchmarks/described.py --n 10000 100000
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
from vectors import CHANCE, DIM, clustered, fill

from mediaindex.config import SearchSettings
from mediaindex.pipeline.sync import Sync
from mediaindex.search.calibration import refresh_calibration
from mediaindex.search.engine import Engine
from mediaindex.search.parse import parse
from mediaindex.search.retrieve import Each
from mediaindex.store.database import Database, open_database
from mediaindex.store.embeddings import open_space
from mediaindex.types import RGB, Vectors
from mediaindex.vectors import load
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes

PIECES = 2
"""Vectors of one caption: its two sentences, and its tags with the setting."""

WORDS = [f"{a}{b}" for a in ("lo", "ba", "ki", "ru", "te") for b in ("mar", "sit", "don", "vel")]
WORDS += [f"{word}{end}" for word in WORDS for end in ("a", "et", "or", "ix", "um", "ar", "en")]
COMMON = (
    "person man woman standing sitting wearing table room white black red blue outdoors".split()
)
QUESTIONS = {
    "one rare word": "lomarix",
    "one common word": "person",
    "a sentence": "a man in a red {} standing at a table outdoors",
    "phrase": '"man standing"',
    "common word left out": "red {} -person",
    "sentence, --moments": "a man in a red {} standing at a table outdoors",
}


class Cheap:
    """Answers with a vector at once, so that encoding does not count."""

    model_id, dim, semantic = "benchmark", DIM, True

    def embed_images(self, images: list[RGB]) -> Vectors:
        """Return made vectors."""
        return clustered(len(images))

    def embed_texts(self, texts: list[str]) -> Vectors:
        """Return made vectors."""
        return clustered(len(texts))

    def split_text(self, text: str) -> list[str]:
        """Return the text as one piece."""
        return [text]


def describe(database: Database, count: int) -> None:
    """Give every moment of `fill` a caption of some 30 words, a tenth with text to be read."""
    with database.write() as session:
        space = open_space(session, "benchmark", "caption", DIM)
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
    share = 1 / np.arange(2, len(WORDS) + 2)
    for start in range(1, count + 1, 10_000):
        ids = range(start, min(start + 10_000, count + 1))
        blobs = clustered(len(ids) * PIECES).astype("<f2")
        rare = CHANCE.choice(WORDS, (len(ids), 20), p=share / share.sum())
        usual = CHANCE.choice(COMMON, (len(ids), 8))
        said = [f"A {' '.join(b)} {' '.join(a)}." for a, b in zip(rare, usual, strict=True)]
        with database.write() as session:
            raw = session.connection().connection.driver_connection
            assert raw is not None
            raw.executemany(
                "INSERT INTO caption (asset_id, moment_id, version, description, tags,"
                " text_in_image, setting, model, digest, prompt_version, server, duration_ms,"
                " made_at) VALUES (?, ?, '1', ?, '', '', '', 'm', '', '1', '', 1, ?)",
                [(i, i, words, now) for i, words in zip(ids, said, strict=True)],
            )
            raw.executemany(
                "INSERT INTO document (asset_id, moment_id, person, names, place, facts, machine,"
                " seen) VALUES (?, ?, '', '', '', '', ?, ?)",
                [
                    (i, i, words, words[:40] * (i % 10 == 0))
                    for i, words in zip(ids, said, strict=True)
                ],
            )
            raw.executemany(
                "INSERT INTO document (asset_id, person, names, place, facts, machine)"
                " VALUES (?, '', ?, '', 'Canon EOS', '')",
                [(i, f"{i % 100:03} trip/{i}.jpg") for i in ids],
            )
            raw.executemany(
                "INSERT INTO embedding (space_id, moment_id, ordinal, vector) VALUES (?, ?, ?, ?)",
                [
                    (space.id, i, piece, blobs[(i - start) * PIECES + piece].tobytes())
                    for i in ids
                    for piece in range(PIECES)
                ],
            )


def measure(engine: Engine, words: str, each: Each) -> tuple[float, float, float]:
    """Return p50 and p99 in ms of whole answers without encoding, and p50 of the CPU's time.

    On a machine that does other things too only the last tells.
    """
    times, used = [], []
    for number in range(33):
        query = parse(words.replace("{}", WORDS[number * 4]), datetime.now(UTC).date(), ())
        began, before = time.perf_counter(), time.process_time()
        engine.answer(query, None, 20, each)
        times.append(1000 * (time.perf_counter() - began))
        used.append(1000 * (time.process_time() - before))
    p50, p99 = np.percentile(times[3:], [50, 99])
    return float(p50), float(p99), float(np.percentile(used[3:], 50))


def search(count: int) -> None:
    """Print how long answers take before and after all is described."""
    folder = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    database = open_database(folder / "b.db")
    fill(database, count)
    exact, facets = load("exact", folder / "exact"), Facets(folder / "facets")
    for captions in ("no", "all"):
        if captions == "all":
            describe(database, count)
            with database.write() as session:
                session.execute(text("ANALYZE"))
        Sync(database, [exact], facets).repair()
        refresh_calibration(database, Cheap(), lambda _: None)
        indexes = Indexes(exact, facets, None, 0)
        engine = Engine(database, indexes, Cheap(), SearchSettings())
        for name, words in QUESTIONS.items():
            each: Each = "moment" if "--moments" in name else "asset"
            p50, p99, cpu = measure(engine, words, each)
            row = f"| {count:,} | {captions} | {name} | {p50:.0f} | {p99:.0f} | {cpu:.0f} |"
            print(row, flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"peak memory so far {peak:.0f} MiB", flush=True)
    exact.close()
    database.close()
    shutil.rmtree(folder)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, nargs="+", default=[10_000, 100_000])
    chosen = parser.parse_args()
    print("| moments | described | question | p50 ms | p99 ms | CPU p50 ms |")
    print("|---|---|---|---|---|---|")
    for count in chosen.n:
        search(count)
