"""New libraries, and those that become one."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from mediaindex.store.tables import FolderRow, LibraryRow


def add_library(session: Session, name: str, root: Path, now: datetime) -> LibraryRow:
    """Add a library; a name that is taken gets a number behind it."""
    taken = set(session.scalars(select(LibraryRow.name)))
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    library = LibraryRow(name=free, root=str(root), added_at=now)
    session.add(library)
    session.flush()
    return library


def roots_on_disk(path: Path) -> list[Path]:
    """Return the roots of the libraries in a database that is not opened, nor changed in any way.

    None where it is not there, or cannot be read: whoever opens it says what is wrong with it.
    """
    if not path.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("SELECT root FROM library").fetchall()
    except (sqlite3.DatabaseError, OSError):
        return []
    return [Path(os.fsdecode(root)) for (root,) in rows]


def widen_library(session: Session, inside: Sequence[LibraryRow], root: Path) -> LibraryRow:
    """Make one library of `root` out of those whose roots lie in it; nothing known is lost."""
    kept, *others = inside
    moved: list[tuple[str, int]] = []
    for library in inside:
        prefix = Path(library.root).relative_to(root).as_posix()
        known = select(FolderRow.path, FolderRow.id).where(FolderRow.library_id == library.id)
        moved += [(f"{prefix}/{path}".rstrip("/"), id_) for path, id_ in session.execute(known)]
    # The longest first: paths only grow, so who bears a path has left it when another gets it.
    moved.sort(key=lambda folder: len(folder[0]), reverse=True)
    rows = [{"id": id_, "path": path, "library_id": kept.id} for path, id_ in moved]
    if rows:
        session.execute(update(FolderRow), rows)
    for library in others:
        session.delete(library)
    kept.root = str(root)
    # No folder may seem to be seen by a sweep that is yet to come.
    kept.sweep_no = max(library.sweep_no for library in inside)
    session.flush()
    return kept
