"""A big library out of a small one: what was indexed is written again and again, under new names.

The files are links to the same bytes, so that a sweep finds them all; the database says that each
has its own content, and vectors beside those that it has.
"""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np

from mediaindex.store.columns import folded

MOST_LINKS = 60_000

SHIFTED = {
    "asset": ("id", "companion_of_id"),
    "file": ("id", "asset_id"),
    "moment": ("id", "asset_id"),
    "result": ("asset_id",),
    "words": ("id", "asset_id"),
    "document": ("id", "asset_id", "moment_id"),
}
"""Tables to be copied, in order, with the columns that are ids of what is copied too."""


def multiply(database: Path, root: Path, copies: int) -> None:
    """Write all that is known of the library's top folder `copies` times more, each into a folder.

    Args:
        database: The SQLite file; nobody else has it open.
        root: The library's folder.
        copies: How often, fewer than a file may have links.
    """
    assert copies < MOST_LINKS, "a file has no more links than that"
    names = [path.name for path in root.iterdir() if path.is_file()]
    with closing(sqlite3.connect(database)) as connection:
        connection.create_function("folded", 1, folded, deterministic=True)
        vectors = connection.execute("SELECT space_id, moment_id, ordinal, vector FROM embedding")
        seen = vectors.fetchall()
        # As close as ids of a real library lie: what filters compare is kept by id.
        step = max(_last_id(connection, table) for table in ("folder", *SHIFTED))
        for number in range(1, copies + 1):
            with connection:
                _copy_rows(connection, number, step)
                _copy_vectors(connection, seen, number, step)
            folder = root / f"copy {number:04}"
            folder.mkdir()
            for name in names:
                os.link(root / name, folder / name)


def _last_id(connection: sqlite3.Connection, table: str) -> int:
    key = SHIFTED.get(table, ("id",))[0]
    ((last,),) = connection.execute(f"SELECT coalesce(max({key}), 0) FROM {table}")
    return int(last)


def _copy_rows(connection: sqlite3.Connection, number: int, step: int) -> None:
    by = number * step
    folder = "INSERT INTO folder SELECT id + ?, library_id, ?, seen_sweep FROM folder WHERE id <= ?"
    connection.execute(folder, (by, f"copy {number:04}", step))
    for table, shifted in SHIFTED.items():
        columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        taken = {name: name for name in columns} | {name: f"{name} + {by}" for name in shifted}
        if table == "asset":
            taken["sha256"] = f"printf('%064x', id + {by})"
        if table == "file":
            taken["folder_id"] = f"folder_id + {by}"
        key = shifted[0]
        connection.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) "
            f"SELECT {', '.join(taken[name] for name in columns)} FROM {table} "
            f"WHERE {key} <= {step}"
        )


def _copy_vectors(
    connection: sqlite3.Connection,
    seen: list[tuple[int, int, int, bytes]],
    number: int,
    step: int,
) -> None:
    chance = np.random.default_rng(number)
    rows = []
    for space_id, moment_id, ordinal, vector in seen:
        values = np.frombuffer(vector, dtype="<f2").astype(np.float32)
        values = values + 0.02 * chance.standard_normal(len(values), dtype=np.float32)
        values /= np.linalg.norm(values)
        blob = values.astype("<f2").tobytes()
        rows.append((space_id, moment_id + number * step, ordinal, blob))
    query = "INSERT INTO embedding (space_id, moment_id, ordinal, vector) VALUES (?, ?, ?, ?)"
    connection.executemany(query, rows)
