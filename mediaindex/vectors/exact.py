"""An exact index: vectors in memory-mapped files, compared one with all.

First by their int8 codes, a million in some 60 ms (benchmarks/RESULTS.md), then those that may be
among the nearest by their full values. It misses nothing, needs no memory of its own, and takes
filters for free.
"""

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from mediaindex.errors import RetryLater
from mediaindex.types import Keys, Near, Space, Vectors
from mediaindex.vectors import nothing_near, rows
from mediaindex.vectors.rows import GONE, Rows

CHUNK_ROWS = 65_536
"""Rows compared at once where all are."""

PICK_ROWS = 2048
"""Rows picked out at once: 1 MiB of codes at 512 dimensions stays in the processor's cache."""

PICK_SHARE = 0.3
"""Up to this share of rows, picking them out beats comparing all (see benchmarks/RESULTS.md)."""

DOUBT = 6 / np.sqrt(12)
"""How far a score by codes may be off, in steps: six standard deviations. An error of rounding has
one of 1 / sqrt(12) of a step, and a unit vector weighs the errors of all dimensions to one such."""

WASTE_SHARE = 0.25
WASTE_ROWS = 1024


class ExactIndex:
    """Vectors in files, one folder a space. One writer; any number of readers, also elsewhere."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mapped: dict[str, Rows] = {}
        self._mapping = threading.Lock()
        self._lost: set[str] = set()

    def add(self, space: Space, keys: Keys, vectors: Vectors) -> None:
        """Store vectors under keys; see `VectorIndex.add`.

        Raises:
            RetryLater: The files cannot be written.
        """
        if len(keys) == 0:
            return
        # Of a key that comes twice, the last counts.
        last = np.sort(len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1])
        self.remove(space, keys)
        with _trouble(self._home(space), "written"):
            rows.append(self._home(space), keys[last], vectors[last])

    def remove(self, space: Space, keys: Keys) -> None:
        """Forget keys; see `VectorIndex.remove`.

        Raises:
            RetryLater: The files cannot be written.
        """
        known = self._rows(space)
        places = np.flatnonzero(np.isin(known.keys, keys) & (known.keys != GONE))
        if len(places) == 0:
            return
        with _trouble(self._home(space), "written"):
            rows.strike_out(self._home(space), known, places)
            gone = np.count_nonzero(known.keys == GONE)
            if gone > max(WASTE_ROWS, WASTE_SHARE * len(known.keys)):
                rows.compact(self._home(space), known)

    def nearest(self, space: Space, query: Vectors, limit: int, among: Keys | None = None) -> Near:
        """Return the nearest, best first, of equals the lower key; see `VectorIndex.nearest`.

        Raises:
            RetryLater: The files cannot be read.
        """
        known = self._rows(space)
        keys = np.array(known.keys)  # A copy: the writer may strike some out meanwhile.
        counts = keys != GONE
        if among is not None:
            counts &= np.isin(keys, among)
        passing = int(np.count_nonzero(counts))
        if limit < 1 or passing == 0:
            return nothing_near()
        if passing <= PICK_SHARE * len(keys):
            places = np.flatnonzero(counts)
            rough, doubt = _rough_some(known, query, places)
            places = places[_promising(rough, doubt, limit)]
        else:
            rough, doubt = _rough_all(known, query)
            rough[~counts] = np.nan
            places = _promising(rough, doubt, limit)
        return _best(keys[places], _compare(known.vectors, query, places), limit)

    def count(self, space: Space) -> int:
        """Return how many vectors a space holds.

        Raises:
            RetryLater: The files cannot be read.
        """
        return int(np.count_nonzero(self._rows(space).keys != GONE))

    def differs(self, space: Space, batches: Iterable[tuple[Keys, Vectors]]) -> bool:
        """Return whether a space holds anything else than these vectors under these keys.

        Args:
            space: Where to look.
            batches: All that it should hold.
        """
        try:
            known = self._rows(space)
        except RetryLater:
            return True
        order = np.argsort(known.keys, kind="stable")
        counted = 0
        for keys, vectors in batches:
            places = np.searchsorted(known.keys, keys, sorter=order)
            if places[-1] >= len(order):
                return True
            at = order[places]
            codes, scales = rows.encode(vectors)
            if not (
                np.array_equal(known.keys[at], keys)
                and np.array_equal(known.vectors[at], vectors)
                and np.array_equal(known.codes[at], codes)
                and np.array_equal(known.scales[at], scales, equal_nan=True)
            ):
                return True
            counted += len(keys)
        return counted != np.count_nonzero(known.keys != GONE)

    def drop(self, space: Space) -> None:
        """Forget a space.

        Raises:
            RetryLater: The files cannot be removed.
        """
        with self._mapping, _trouble(self._home(space), "removed"):
            self._mapped.pop(_name(space), None)
            self._lost.discard(_name(space))
            rows.drop(self._home(space))

    def is_whole(self) -> bool:
        """Return False once files of a space have vanished; see `VectorIndex.is_whole`.

        Raises:
            RetryLater: The files cannot be read.
        """
        with self._mapping:
            for name, known in list(self._mapped.items()):
                self._read(name, known.vectors.shape[1])
            return not self._lost

    def close(self) -> None:
        """Let go of the mapped files."""
        self._mapped.clear()

    def _home(self, space: Space) -> Path:
        return self._folder / _name(space)

    def _rows(self, space: Space) -> Rows:
        with self._mapping:
            return self._read(_name(space), space.dim)

    def _read(self, name: str, dim: int) -> Rows:
        known = self._mapped.get(name)
        with _trouble(self._folder / name, "read"):
            found = rows.read(self._folder / name, dim, known)
        if known is not None and found is not known and rows.is_lost(known, found):
            self._lost.add(name)
        self._mapped[name] = found
        return found


def build(folder: Path) -> ExactIndex:
    """Open the index in `folder`, which is made with the first vector."""
    return ExactIndex(folder)


def _name(space: Space) -> str:
    told = f"{space.model_id}\0{space.kind}\0{space.dim}"
    return f"{space.kind}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"


@contextmanager
def _trouble(home: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        raise RetryLater(f"the index in {home} cannot be {what}: {said}") from error


def _rough_all(known: Rows, query: Vectors) -> tuple[Vectors, Vectors]:
    """Return about the cosine of each row, and by how much it may be off, float32 (n,) each."""
    code, step = rows.encode(query[None, :])
    scores = np.empty(len(known.keys), dtype=np.float32)
    for start in range(0, len(scores), CHUNK_ROWS):
        part = slice(start, start + CHUNK_ROWS)
        scores[part] = _dots(code, known.codes[part])
    return _in_units(scores, np.asarray(known.scales), step)


def _rough_some(known: Rows, query: Vectors, places: Keys) -> tuple[Vectors, Vectors]:
    """Do as `_rough_all` for the rows at `places`."""
    code, step = rows.encode(query[None, :])
    scores = np.empty(len(places), dtype=np.float32)
    picked = np.empty((PICK_ROWS, len(query)), dtype=np.int8)
    for start in range(0, len(places), PICK_ROWS):
        part = places[start : start + PICK_ROWS]
        # `clip` lets numpy write into `out` directly; no place is out of range.
        np.take(known.codes, part, axis=0, out=picked[: len(part)], mode="clip")
        scores[start : start + len(part)] = _dots(code, picked[: len(part)])
    return _in_units(scores, known.scales[places], step)


def _dots(code: rows.Codes, codes: rows.Codes) -> Vectors:
    import numkong

    dots: Vectors = np.asarray(numkong.cdist(code, codes, "dot"), dtype=np.float32)[0]
    return dots


def _in_units(scores: Vectors, scales: Vectors, step: Vectors) -> tuple[Vectors, Vectors]:
    return scores * scales * step, np.float32(DOUBT) * np.sqrt(scales * scales + step * step)


def _promising(rough: Vectors, doubt: Vectors, limit: int) -> Keys:
    """Return the places of all rows that may be among the `limit` nearest."""
    least = np.fmax(rough - doubt, np.float32(-np.inf))  # NaN is no score
    if limit < len(rough):
        least = np.partition(least, len(rough) - limit)[len(rough) - limit :]
    return np.flatnonzero(rough + doubt >= least.min())


def _compare(vectors: Vectors, query: Vectors, places: Keys) -> Vectors:
    """Return the cosine of each row at `places`, float32 (n,)."""
    scores = np.empty(len(places), dtype=np.float32)
    for start in range(0, len(places), PICK_ROWS):
        part = slice(start, start + PICK_ROWS)
        np.dot(vectors[places[part]], query, out=scores[part])
    return scores


def _best(keys: Keys, scores: Vectors, limit: int) -> Near:
    """Return the `limit` best; NaN is no score."""
    scores = np.where(np.isfinite(scores), scores, np.float32(-np.inf))
    if limit < len(scores):
        # Equals of the last that fits are taken too, so that ties fall the same way every time.
        least = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        chosen = np.flatnonzero(scores >= least)
    else:
        chosen = np.arange(len(scores))
    chosen = chosen[np.isfinite(scores[chosen])]
    order = chosen[np.lexsort((keys[chosen], -scores[chosen]))][:limit]
    return Near(keys[order], scores[order])
