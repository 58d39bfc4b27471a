"""Rows of vectors with their keys, in files that survive `kill -9` at any moment.

A space's folder has one generation in it: a numbered folder of files that only grow, one a column.
A row is on disk before its key, so the number of keys says how many rows count. A row is removed by
overwriting its key with `GONE`; `compact` writes the others as the next generation, which counts
from the moment it gets its number.
"""

import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mediaindex.types import Keys, Vectors
from mediaindex.vectors.patch import put_records

Codes = npt.NDArray[np.int8]

GONE = -1
"""The key of a row that was removed."""

KEYS = "keys.i64"

COLUMNS = {"vectors.f32": "<f4", "codes.i8": "i1", "scales.f32": "<f4", KEYS: "<i8"}
"""The files in the order they are written, and the type of their values; the keys come last."""

ONE_A_ROW = frozenset({"scales.f32", KEYS})
"""Columns of one value a row; the others have one a dimension."""

FULL_SCALE = 127
"""The largest value of a code."""

COPIED_ROWS = 8192


@dataclass(frozen=True)
class Rows:
    """What is mapped of one generation; a removal shows in `keys` at once, whoever does it."""

    #: `GONE` where a row was removed.
    keys: Keys
    vectors: Vectors
    #: int8 (n, dim): the vectors in steps of `scales`, `FULL_SCALE` of them for a row's largest
    #: value. A quarter of the bytes, and what is compared first.
    codes: Codes
    #: float32 (n,); NaN where a vector is not finite.
    scales: Vectors
    #: 0 where nothing was ever written.
    generation: int
    #: Inode of the keys and sizes of all files. What is mapped keeps its inode, so no other file
    #: can have got the same.
    state: tuple[int, ...]


def encode(vectors: Vectors) -> tuple[Codes, Vectors]:
    """Return vectors as int8 codes (n, dim) and the step of each row, float32 (n,)."""
    largest = np.abs(vectors).max(axis=1, initial=0.0)
    scales = np.where(np.isfinite(largest), largest / FULL_SCALE, np.nan).astype(np.float32)
    steps = np.where(scales > 0, scales, np.float32(np.inf))[:, None]
    return np.rint(np.nan_to_num(vectors / steps)).astype(np.int8), scales


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
                none = np.empty((0, dim), np.float32)
                return Rows(np.empty(0, np.int64), none, *encode(none), generation, ())


def is_lost(known: Rows, now: Rows) -> bool:
    """Return whether what was mapped was taken away by somebody, and `now` is what there is."""
    if not known.state:  # nothing was: the first rows may have been half written
        return False
    if now.generation != known.generation:
        return now.generation < known.generation
    return known.state[:1] != now.state[:1]


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
    put_records(path, places, np.full(len(places), GONE, dtype=np.int64))


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
    with ExitStack() as stack:
        # By the folder that is open: another may take its name at any time, and columns of two
        # would make rows that never were.
        at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        stack.callback(os.close, at)
        # Keys first: what they count has its row in the files that are looked at next.
        keys_at = os.stat(KEYS, dir_fd=at)
        sizes = [os.stat(name, dir_fd=at).st_size for name in COLUMNS]
        state = (keys_at.st_ino, *sizes)
        if known is not None and known.state == state:
            return known
        # The shortest counts: a kill leaves rows without keys, a power cut may leave any.
        whole = min(
            size // _row_bytes(name, dim) for name, size in zip(COLUMNS, sizes, strict=True)
        )
        if whole == 0:
            raise FileNotFoundError(folder)
        vectors, codes, scales, keys = (
            np.memmap(
                stack.enter_context(open(os.open(name, os.O_RDONLY, dir_fd=at), "rb")),  # noqa: PTH123 - by the open folder
                kind,
                "r",
                shape=(whole,) if name in ONE_A_ROW else (whole, dim),
            )
            for name, kind in COLUMNS.items()
        )
    return Rows(keys, vectors, codes, scales, generation, state)


def _append(folder: Path, keys: Keys, vectors: Vectors) -> None:
    dim = vectors.shape[1]
    columns = zip(COLUMNS.items(), (vectors, *encode(vectors), keys), strict=True)
    with ExitStack() as stack:
        files = {name: stack.enter_context((folder / name).open("ab")) for name in COLUMNS}
        whole = min(file.tell() // _row_bytes(name, dim) for name, file in files.items())
        for (name, kind), values in columns:
            files[name].truncate(whole * _row_bytes(name, dim))
            files[name].write(np.ascontiguousarray(values, dtype=kind).data)
            files[name].flush()
            os.fdatasync(files[name].fileno())


def _row_bytes(name: str, dim: int) -> int:
    return np.dtype(COLUMNS[name]).itemsize * (1 if name in ONE_A_ROW else dim)
