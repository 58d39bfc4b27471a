"""Libraries, their folders, and the files in them."""

import os
import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    LargeBinary,
    Select,
    bindparam,
    cast,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

from mediaindex.store.filters import Filter, lies_within
from mediaindex.store.ids import THESE, each, these
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow, PairRow

Role = Literal["media", "sidecar"]

ANYTHING = Filter()

FILTERS = 64
"""So many filters' statements are kept: to build one takes longer than to run it."""


@dataclass(frozen=True)
class KnownFile:
    """A file as the last sweep left it."""

    id: int
    size_bytes: int
    mtime_ns: int
    role: str
    asset_id: int | None
    missing: bool


@dataclass(frozen=True)
class Lying:
    """Where a file lies, and how it was when it was last seen; None: that does not matter."""

    path: Path
    size_bytes: int | None = None
    mtime_ns: int | None = None


def libraries(session: Session) -> Sequence[LibraryRow]:
    """Return every library, oldest first."""
    return session.scalars(select(LibraryRow).order_by(LibraryRow.id)).all()


def begin_sweep(session: Session, library_id: int) -> int:
    """Return the number of a new sweep of the library, which rows seen in it will carry."""
    library = session.get_one(LibraryRow, library_id)
    library.sweep_no += 1
    session.flush()
    return library.sweep_no


def end_sweep(session: Session, library_id: int, now: datetime) -> None:
    """Note that a full sweep of the library ended."""
    session.get_one(LibraryRow, library_id).swept_at = now


def set_offline(session: Session, library_id: int, reason: str | None) -> None:
    """Note why the library's root cannot be trusted; None: it can again."""
    session.get_one(LibraryRow, library_id).offline_reason = reason


def trust(session: Session, library_id: int, identity: str | None) -> bool:
    """Note that the library's root can be trusted, and what it is mounted from.

    Returns:
        Whether it could not before.
    """
    library = session.get_one(LibraryRow, library_id)
    is_back = library.offline_reason is not None
    library.offline_reason, library.identity = None, identity
    return is_back


def hold_back(session: Session, library_id: int, count: int) -> None:
    """Note how many files seem to be gone and wait for a person to confirm it."""
    session.get_one(LibraryRow, library_id).held_back = count


def known_folder(session: Session, library_id: int, path: str) -> tuple[int, dict[str, KnownFile]]:
    """Return a folder's id, made if new, and the files known in it by name."""
    folder_id = session.scalar(
        select(FolderRow.id).where(FolderRow.library_id == library_id, FolderRow.path == path)
    )
    if folder_id is None:
        folder = FolderRow(library_id=library_id, path=path, seen_sweep=0)
        session.add(folder)
        session.flush()
        return folder.id, {}
    columns = (FileRow.id, FileRow.size_bytes, FileRow.mtime_ns, FileRow.role, FileRow.asset_id)
    rows = session.execute(
        select(FileRow.name, *columns, FileRow.missing_since.is_not(None)).where(
            FileRow.folder_id == folder_id
        )
    )
    return folder_id, {row[0]: KnownFile(*row[1:]) for row in rows}


def names_there(session: Session, folder_id: int) -> Sequence[str]:
    """Return the names of the files of a folder that are there."""
    query = select(FileRow.name).where(FileRow.folder_id == folder_id)
    return session.scalars(query.where(FileRow.missing_since.is_(None))).all()


def folders_of(session: Session, file_ids: Collection[int]) -> Sequence[int]:
    """Return the ids of the folders that these files lie in."""
    query = select(FileRow.folder_id).where(FileRow.id.in_(each(file_ids)))
    return session.scalars(query.distinct()).all()


def see_folders(session: Session, folder_ids: Collection[int], sweep_no: int) -> None:
    """Note that a sweep looked at these folders."""
    session.execute(
        update(FolderRow)
        # A later sweep, of a part, may have been there meanwhile.
        .where(FolderRow.id.in_(each(folder_ids)), FolderRow.seen_sweep < sweep_no)
        .values(seen_sweep=sweep_no)
    )


def see_below(session: Session, library_id: int, path: str, sweep_no: int) -> None:
    """Note that a sweep could not look into `path`: nothing in or below it counts as gone."""
    session.execute(
        update(FolderRow)
        .where(
            FolderRow.library_id == library_id,
            FolderRow.seen_sweep < sweep_no,
            _in_or_below(path),
        )
        .values(seen_sweep=sweep_no)
    )


def add_files(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Add files that were never seen; each a mapping of `FileRow`'s columns."""
    if rows:
        session.execute(insert(FileRow), rows)


def find_again(session: Session, file_ids: Collection[int]) -> None:
    """Note that missing files are back, unchanged."""
    session.execute(
        update(FileRow).where(FileRow.id.in_(each(file_ids))).values(missing_since=None)
    )


def miss_files(session: Session, file_ids: Collection[int], now: datetime) -> None:
    """Note that files are gone; what is known of their assets stays."""
    session.execute(update(FileRow).where(FileRow.id.in_(each(file_ids))).values(missing_since=now))


def files_of_unseen_folders(
    session: Session, library_id: int, sweep_no: int, below: str
) -> Sequence[int]:
    """Return the ids of present files in folders, in or below `below`, that the sweep never met."""
    return session.scalars(
        select(FileRow.id)
        .join(FolderRow)
        .where(
            FolderRow.library_id == library_id,
            FolderRow.seen_sweep < sweep_no,
            _in_or_below(below),
            FileRow.missing_since.is_(None),
        )
    ).all()


def has_present(session: Session, library_id: int) -> bool:
    """Return True if any file of the library is there, as far as is known."""
    query = (
        select(FileRow.id)
        .join(FolderRow)
        .where(FolderRow.library_id == library_id, FileRow.missing_since.is_(None))
    )
    return session.scalar(query.limit(1)) is not None


def count_missing_since(session: Session, library_id: int, since: datetime) -> int:
    """Return how many files of the library were found gone after `since`."""
    return (
        session.scalar(
            select(func.count(FileRow.id))
            .join(FolderRow)
            .where(FolderRow.library_id == library_id, FileRow.missing_since > since)
        )
        or 0
    )


def sample(session: Session, library_id: int, most: int) -> list[tuple[str, int]]:
    """Return up to `most` files that should be there, spread over the library's folders.

    Each as its path from the root and its size in bytes.
    """
    step = max(1, count_present(session, library_id) // most)
    number = func.row_number().over(order_by=(FileRow.folder_id, FileRow.id)).label("number")
    every = (
        select(FolderRow.path, FileRow.name, FileRow.size_bytes, number)
        .join(FolderRow)
        .where(FolderRow.library_id == library_id, FileRow.missing_since.is_(None))
        .subquery()
    )
    query = select(every.c.path, every.c.name, every.c.size_bytes)
    query = query.where((every.c.number - 1) % step == 0).limit(most)
    return [(f"{path}/{name}".lstrip("/"), size) for path, name, size in session.execute(query)]


def count_present(session: Session, library_id: int) -> int:
    """Return how many files of the library are there, as far as is known."""
    return (
        session.scalar(
            select(func.count(FileRow.id))
            .join(FolderRow)
            .where(FolderRow.library_id == library_id, FileRow.missing_since.is_(None))
        )
        or 0
    )


def find_file(session: Session, path: Path) -> FileRow | None:
    """Return the file known at an absolute path, missing or not."""
    for library in libraries(session):
        if path.parent.is_relative_to(library.root):
            folder = path.parent.relative_to(library.root).as_posix()
            return session.scalar(
                select(FileRow)
                .join(FolderRow)
                .where(
                    FolderRow.library_id == library.id,
                    FolderRow.path == ("" if folder == "." else folder),
                    FileRow.name == path.name,
                )
            )
    return None


def path_of(session: Session, file_id: int) -> Path:
    """Return where a file lies (or lay)."""
    return Path(*session.connection().execute(_PATH, {"file": file_id}).one())


_PATH = (
    select(LibraryRow.root, FolderRow.path, FileRow.name)
    .select_from(FileRow)
    .join(FolderRow)
    .join(LibraryRow)
    .where(FileRow.id == bindparam("file"))
)


def paths_of_asset(session: Session, asset_id: int, *, missing: bool = False) -> list[Path]:
    """Return where an asset's files lie, oldest known first; missing ones too if asked for.

    Those of a library that is offline come last, and a server that is gone is not waited for.
    """
    query = _FILES_OF_ASSET
    if not missing:
        query = query.where(FileRow.missing_since.is_(None))
    return [Path(*row) for row in session.execute(query, {"asset": asset_id})]


def files_to_read(session: Session, asset_id: int) -> tuple[Lying, ...]:
    """Return where an asset's bytes can be read, in the order of `paths_of_asset`.

    A file that changed since somebody looked into it may hold any others, and is left out. So may
    one that changes before it is read: it is not as it was then.
    """
    rows = session.connection().execute(_TO_READ, {"asset": asset_id})
    return tuple(Lying(Path(*parts), size, mtime) for *parts, size, mtime in rows)


_FILES_OF_ASSET = (
    select(LibraryRow.root, FolderRow.path, FileRow.name)
    .select_from(FileRow)
    .join(FolderRow)
    .join(LibraryRow)
    .where(FileRow.asset_id == bindparam("asset"))
    .order_by(LibraryRow.offline_reason.is_not(None), FileRow.id)
)
_TO_READ = _FILES_OF_ASSET.where(
    FileRow.missing_since.is_(None), FileRow.kind.is_not(None)
).add_columns(FileRow.size_bytes, FileRow.mtime_ns)


def paths_of_assets(
    session: Session, asset_ids: Collection[int], wanted: Filter = ANYTHING
) -> dict[int, list[str]]:
    """Return where each asset's files lie, oldest known first; the missing ones where all are.

    Those in the folders and libraries that the filter asks for come before the others.
    """
    lying = _lying_first(Filter(folders=wanted.folders, libraries=wanted.libraries))
    there: dict[int, list[str]] = {}
    missing: dict[int, list[str]] = {}
    for asset_id, is_there, *parts in session.connection().execute(lying, these(asset_ids)):
        found = there if is_there else missing
        # Not by way of a `Path`, which takes ten times as long.
        found.setdefault(asset_id, []).append(posixpath.join(*parts))
    return missing | there


@lru_cache(FILTERS)
def _lying_first(wanted: Filter) -> Select[*tuple[Any, ...]]:
    return (
        select(
            FileRow.asset_id,
            FileRow.missing_since.is_(None),
            LibraryRow.root,
            FolderRow.path,
            FileRow.name,
        )
        .select_from(FileRow)
        .join(FolderRow)
        .join(LibraryRow)
        .where(FileRow.asset_id.in_(THESE))
        .order_by(lies_within(wanted).desc(), FileRow.id)
    )


def sidecars_of_asset(session: Session, asset_id: int) -> list[Path]:
    """Return the sidecars that lie beside an asset's files."""
    rows = session.connection().execute(_SIDECARS, {"asset": asset_id})
    return [Path(*row) for row in rows]


_OF_ASSET = select(FileRow.id).where(FileRow.asset_id == bindparam("asset"))
_SIDECARS = (
    select(LibraryRow.root, FolderRow.path, FileRow.name)
    .select_from(FileRow)
    .join(FolderRow)
    .join(LibraryRow)
    .where(
        FileRow.id.in_(
            select(PairRow.file_id).where(
                PairRow.kind == "sidecar", PairRow.owner_id.in_(_OF_ASSET)
            )
        ),
        FileRow.missing_since.is_(None),
    )
    .order_by(FileRow.id)
)


def settle_assets(
    session: Session, now: datetime, asset_ids: Collection[int] | None = None
) -> None:
    """Bring `missing_since` of these assets, or of all, in line with their files.

    The caller commits.
    """
    there = (
        select(FileRow.id)
        .where(FileRow.asset_id == AssetRow.id, FileRow.missing_since.is_(None))
        .exists()
    )
    which = true() if asset_ids is None else AssetRow.id.in_(each(asset_ids))
    session.execute(
        update(AssetRow)
        .where(which, AssetRow.missing_since.is_(None), ~there)
        .values(missing_since=now)
    )
    session.execute(
        update(AssetRow)
        .where(which, AssetRow.missing_since.is_not(None), there)
        .values(missing_since=None)
    )


def _in_or_below(path: str) -> ColumnElement[bool]:
    if not path:
        return true()
    # By bytes: LIKE takes capitals for small letters, and a path that is not UTF-8 is no text.
    start = os.fsencode(path + "/")
    inside = func.substr(cast(FolderRow.path, LargeBinary), 1, len(start)) == start
    return or_(FolderRow.path == path, inside)
