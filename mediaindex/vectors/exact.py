"""An exact index: vectors in a memory-mapped file, compared one with all.

As quick as a graph up to some hundred thousand vectors, misses nothing, and takes filters for free.

A space is a folder with two files that only grow: `vectors.f32` (rows of float32) and `keys.i64`. A
row is written before its key, so the number of keys says how many rows count, also after a kill at
any moment. A removed row's key is overwritten with `GONE`; when a quarter of all rows is gone, the
files are written anew beside the old ones and renamed.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediaindex.errors import RetryLater
from mediaindex.types import Keys, Near, Space, Vectors
from mediaindex.vectors import nothing_near

GONE = -1
"""The key of a row that was removed."""

CHUNK_ROWS = 65_536
"""Rows compared at once: 128 MiB at 512 dimensions, so that memory does not grow with the file."""

GATHER_SHARE = 0.2
"""Up to this share of rows, picking them out beats comparing all (see benchmarks/RESULTS.md)."""

WASTE_SHARE = 0.25
WASTE_ROWS = 1024


@dataclass
class _Rows:
    """What is mapped of a space."""

    keys: Keys
    vectors: Vectors
    #: What the files were when they were mapped: (inode, size) of the keys.
    state: tuple[int, int]
    alive: int


class ExactIndex:
    """Vectors in files, one folder a space. One writer; any number of readers, also elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mapped: dict[str, _Rows] = {}

    def add(self, space: Space, keys: Keys, vectors: Vectors) -> None:
        """Store vectors under keys; see `VectorIndex.add`.

        Raises:
            RetryLater: The files cannot be written.
        """
        if len(keys) == 0:
            return
        # Of a key that comes twice, the last counts.
        last = len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1]
        keys, vectors = keys[np.sort(last)], vectors[np.sort(last)]
        self.remove(space, keys)
        home = self._home(space)
        try:
            home.mkdir(parents=True, exist_ok=True)
            _append(home, space.dim, keys, vectors)
        except OSError as error:
            raise RetryLater(f"the index in {home} cannot be written: {error.strerror}") from error

    def remove(self, space: Space, keys: Keys) -> None:
        """Forget keys; see `VectorIndex.remove`.

        Raises:
            RetryLater: The files cannot be written.
        """
        rows = self._rows(space)
        places = np.flatnonzero(np.isin(rows.keys, keys[keys != GONE]))
        if len(places) == 0:
            return
        home = self._home(space)
        try:
            with (home / "keys.i64").open("r+b") as file:
                for place in places.tolist():
                    file.seek(place * 8)
                    file.write(np.int64(GONE).tobytes())
            self._mapped.pop(_name(space), None)
            rows = self._rows(space)
            wasted = len(rows.keys) - rows.alive
            if wasted > max(WASTE_ROWS, WASTE_SHARE * len(rows.keys)):
                self._compact(space, rows)
        except OSError as error:
            raise RetryLater(f"the index in {home} cannot be written: {error.strerror}") from error

    def nearest(self, space: Space, query: Vectors, limit: int, among: Keys | None = None) -> Near:
        """Return the nearest, best first, of equals the lower key; see `VectorIndex.nearest`."""
        rows = self._rows(space)
        if limit < 1 or rows.alive == 0 or (among is not None and len(among) == 0):
            return nothing_near()
        places = None if among is None else np.flatnonzero(np.isin(rows.keys, among))
        if places is not None and len(places) <= GATHER_SHARE * len(rows.keys):
            keys, scores = rows.keys[places], _compare(rows.vectors, query, places)
        else:
            keys, scores = rows.keys, _compare(rows.vectors, query, None)
            counts = keys != GONE
            if places is not None:
                wanted = np.zeros(len(keys), dtype=bool)
                wanted[places] = True
                counts &= wanted
            scores = np.where(counts, scores, np.float32(-np.inf))
        return _best(keys, scores, limit)

    def count(self, space: Space) -> int:
        """Return how many vectors a space holds."""
        return self._rows(space).alive

    def drop(self, space: Space) -> None:
        """Forget a space."""
        self._mapped.pop(_name(space), None)
        home = self._home(space)
        # Keys first: without them the vectors are nothing.
        for name in ("keys.i64", "vectors.f32"):
            (home / name).unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the mapped files."""
        self._mapped.clear()

    def _home(self, space: Space) -> Path:
        return self._folder / _name(space)

    def _rows(self, space: Space) -> _Rows:
        """Map what is on disk now; kept as long as nobody writes."""
        home, name = self._home(space), _name(space)
        try:
            found = (home / "keys.i64").stat()
        except OSError:
            return _Rows(_no_keys(), np.empty((0, space.dim), np.float32), (0, 0), 0)
        state = (found.st_ino, found.st_mtime_ns)
        known = self._mapped.get(name)
        if known is not None and known.state == state:
            return known
        keys = np.fromfile(home / "keys.i64", dtype=np.int64)
        vectors = _map(home / "vectors.f32", space.dim)
        # A kill between rows and keys leaves rows that count for nothing; the other way round
        # is what a power cut may leave.
        whole = min(len(keys), len(vectors))
        keys = keys[:whole]
        rows = _Rows(keys, vectors[:whole], state, int(np.count_nonzero(keys != GONE)))
        self._mapped[name] = rows
        return rows

    def _compact(self, space: Space, rows: _Rows) -> None:
        home = self._home(space)
        places = np.flatnonzero(rows.keys != GONE)
        fresh = home.with_name(home.name + ".new")
        fresh.mkdir(exist_ok=True)
        for name in ("keys.i64", "vectors.f32"):
            (fresh / name).unlink(missing_ok=True)
        for part in _parts(places):
            _append(fresh, space.dim, rows.keys[part], rows.vectors[part])
        # Without keys the old rows count for nothing, and a kill here means a rebuild.
        (home / "keys.i64").unlink()
        (fresh / "vectors.f32").replace(home / "vectors.f32")
        (fresh / "keys.i64").replace(home / "keys.i64")
        fresh.rmdir()
        self._mapped.pop(_name(space), None)


def build(folder: Path) -> ExactIndex:
    """Open the index in `folder`, which is made with the first vector."""
    return ExactIndex(folder)


def _name(space: Space) -> str:
    told = f"{space.model_id}\0{space.kind}\0{space.dim}"
    return f"{space.kind}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


def _append(home: Path, dim: int, keys: Keys, vectors: Vectors) -> None:
    """Write rows, then keys, right behind the whole rows there are."""
    row_bytes = dim * 4
    with (home / "vectors.f32").open("ab") as rows, (home / "keys.i64").open("ab") as names:
        whole = min(rows.tell() // row_bytes, names.tell() // 8)
        rows.truncate(whole * row_bytes)
        names.truncate(whole * 8)
        rows.write(np.ascontiguousarray(vectors, dtype="<f4").tobytes())
        rows.flush()
        os.fdatasync(rows.fileno())
        names.write(np.ascontiguousarray(keys, dtype="<i8").tobytes())


def _map(path: Path, dim: int) -> Vectors:
    try:
        size = path.stat().st_size // (dim * 4)
    except FileNotFoundError:
        size = 0
    if size == 0:
        return np.empty((0, dim), dtype=np.float32)
    return np.memmap(path, dtype=np.float32, mode="r", shape=(size, dim))


def _compare(vectors: Vectors, query: Vectors, places: "Keys | None") -> Vectors:
    """Return the cosines of all rows, or of those at `places`, float32 (n,)."""
    if places is None:
        scores = np.empty(len(vectors), dtype=np.float32)
        for start in range(0, len(vectors), CHUNK_ROWS):
            np.dot(
                vectors[start : start + CHUNK_ROWS],
                query,
                out=scores[start : start + CHUNK_ROWS],
            )
        return scores
    found = [vectors[part] @ query for part in _parts(places)]
    return np.concatenate(found) if found else np.empty(0, dtype=np.float32)


def _best(keys: Keys, scores: Vectors, limit: int) -> Near:
    scores = np.nan_to_num(scores, nan=-np.inf, neginf=-np.inf)
    if limit < len(scores):
        # Equals of the last that fit are taken too, so that ties fall the same way every time.
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        chosen = np.flatnonzero(scores >= least)
    else:
        chosen = np.arange(len(scores))
    chosen = chosen[np.isfinite(scores[chosen])]
    order = chosen[np.lexsort((keys[chosen], -scores[chosen]))][:limit]
    return Near(keys[order], scores[order])


def _parts(places: Keys) -> Iterator[Keys]:
    for start in range(0, len(places), CHUNK_ROWS):
        yield places[start : start + CHUNK_ROWS]


def _no_keys() -> Keys:
    return np.empty(0, dtype=np.int64)
