"""Rows of vectors with their keys, in files that survive `kill -9` at any moment.

A space's folder has one generation in it: a numbered folder of two files that only grow,
`vectors.f32` (rows of float32) and `keys.i64`. A row is on disk before its key, so the number of
keys says how many rows count. A row is removed by overwriting its key with `GONE`; `compact` writes
the others as the next generation, which counts from the moment it gets its number.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediaindex.types import Keys, Vectors

GONE = -1
"""The key of a row that was removed."""

KEYS, VECTORS = "keys.i64", "vectors.f32"

COPIED_ROWS = 8192


@dataclass(frozen=True)
class Rows:
    """What is mapped of one generation; a removal shows in `keys` at once, whoever does it."""

    #: `GONE` where a row was removed.
    keys: Keys
    vectors: Vectors
    #: 0 where nothing was ever written.
    generation: int
    #: Inode of the keys and sizes of both files. What is mapped keeps its inode, so no other file
    #: can have got the same.
    state: tuple[int, int, int]


def read(home: Path, dim: int, known: Rows | None = None) -> Rows:
    """Map the rows of the space in `home`, or return `known` if nothing was added since.

    Raises:
        OSError: They cannot be read.
    """
    while True:
        generation = _newest(home)
        try:
            return _map(home / str(generation), dim, generation, known)
        except FileNotFoundError:
            # Either nothing was written yet, or the next generation has just taken the place.
            if _newest(home) == generation:
                no_keys, no_rows = np.empty(0, np.int64), np.empty((0, dim), np.float32)
                return Rows(no_keys, no_rows, generation, (0, 0, 0))


def append(home: Path, keys: Keys, vectors: Vectors) -> None:
    """Write rows, then keys, right behind the whole rows there are; on disk on return.

    Raises:
        OSError: They cannot be written; what was there before is still right.
    """
    generation = home / str(max(1, _newest(home)))
    generation.mkdir(parents=True, exist_ok=True)
    _append(generation, keys, vectors)


def strike_out(home: Path, rows: Rows, places: Keys) -> None:
    """Mark the rows at `places` as gone, for every reader and on disk.

    Raises:
        OSError: They cannot be written.
    """
    path = home / str(rows.generation) / KEYS
    keys = np.memmap(path, dtype=np.int64, mode="r+", shape=rows.keys.shape)
    keys[places] = GONE
    keys.flush()


def compact(home: Path, rows: Rows) -> None:
    """Give back the disk that removed rows take. Whoever has the old rows mapped can go on.

    Raises:
        OSError: There is no room, or it cannot be written; the old rows still count.
    """
    fresh = home / "next"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir()
    places = np.flatnonzero(rows.keys != GONE)
    for start in range(0, len(places), COPIED_ROWS):
        part = places[start : start + COPIED_ROWS]
        _append(fresh, rows.keys[part], rows.vectors[part])
    fresh.rename(home / str(rows.generation + 1))
    for older in home.iterdir():
        if older.name != str(rows.generation + 1):
            shutil.rmtree(older, ignore_errors=True)


def drop(home: Path) -> None:
    """Forget the space in `home`.

    Raises:
        OSError: It cannot be removed.
    """
    dropped = home.with_name(home.name + ".dropped")
    shutil.rmtree(dropped, ignore_errors=True)
    if home.exists():
        # As a whole and at once: a kill must not bring older rows back.
        home.rename(dropped)
        shutil.rmtree(dropped, ignore_errors=True)


def _newest(home: Path) -> int:
    try:
        return max((int(at.name) for at in home.iterdir() if at.name.isdecimal()), default=0)
    except FileNotFoundError:
        return 0


def _map(folder: Path, dim: int, generation: int, known: Rows | None) -> Rows:
    # Keys first: what they count has its row in the file that is looked at next.
    of_keys, of_vectors = (folder / KEYS).stat(), (folder / VECTORS).stat()
    state = (of_keys.st_ino, of_keys.st_size, of_vectors.st_size)
    if known is not None and known.state == state:
        return known
    # The shorter of the two counts: a kill leaves rows without keys, a power cut may leave either.
    whole = min(of_keys.st_size // 8, of_vectors.st_size // (dim * 4))
    if whole == 0:
        raise FileNotFoundError(folder)
    keys = np.memmap(folder / KEYS, dtype=np.int64, mode="r", shape=(whole,))
    vectors = np.memmap(folder / VECTORS, dtype=np.float32, mode="r", shape=(whole, dim))
    return Rows(keys, vectors, generation, state)


def _append(folder: Path, keys: Keys, vectors: Vectors) -> None:
    row_bytes = vectors.shape[1] * 4
    with (folder / VECTORS).open("ab") as rows, (folder / KEYS).open("ab") as names:
        whole = min(rows.tell() // row_bytes, names.tell() // 8)
        for file, data, size in (
            (rows, np.ascontiguousarray(vectors, dtype="<f4"), whole * row_bytes),
            (names, np.ascontiguousarray(keys, dtype="<i8"), whole * 8),
        ):
            file.truncate(size)
            file.write(data.data)
            file.flush()
            os.fdatasync(file.fileno())
