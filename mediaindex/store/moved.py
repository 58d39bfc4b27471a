"""Files that lie elsewhere than they did: which may have moved, and what is known comes along."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import PurePath

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.orm import Session

from mediaindex.store.ids import each
from mediaindex.store.tables import FileRow, FolderRow, JobRow

PATIENT = ("leased", "waiting")
"""What a job of a file that moved may be that tried to read it where it was."""


@dataclass(frozen=True)
class Spot:
    """Where a file lies, and how it looks from outside."""

    id: int
    #: Relative to the library's root.
    folder: str
    name: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class Move:
    """What a file's move means for others."""

    file_id: int
    #: What it was before it was known for this one.
    replaced_id: int
    #: The folders that it left and came to.
    folder_ids: tuple[int, int]
    is_renamed: bool


def last_file(session: Session) -> int:
    """Return the id that no file of now is above."""
    return session.scalar(select(func.max(FileRow.id))) or 0


def spots(session: Session, file_ids: Collection[int]) -> Iterator[Spot]:
    """Yield where these files lie."""
    yield from _spots(session, _query(FileRow.id.in_(each(file_ids))))


def gone_since(session: Session, library_id: int, since: datetime) -> Iterator[Spot]:
    """Yield where the files lay that were found gone after `since`."""
    yield from _spots(session, _query(_of(library_id), FileRow.missing_since > since))


def found_since(
    session: Session, library_id: int, since: datetime, above_id: int | None = None
) -> Iterator[Spot]:
    """Yield where the files lie that are new since then, the newest first.

    Args:
        session: An open session; only read from.
        library_id: The library.
        since: Files that were found earlier are left out.
        above_id: So are those up to this id; None: none are.
    """
    there = [_of(library_id), FileRow.missing_since.is_(None)]
    if above_id is not None:
        there.append(FileRow.id > above_id)
    query = _query(*there).add_columns(FileRow.found_at).order_by(FileRow.id.desc())
    for row in session.execute(query.execution_options(yield_per=1000)):
        # Ids grow with time: what comes now is older still.
        if row[-1] < since:
            return
        yield Spot(*row[:-1])


def move_files(session: Session, pairs: Sequence[tuple[int, int]]) -> list[Move]:
    """Let files that are gone lie where others were found, with all that is known of them.

    The others are forgotten. Left alone are those that a look into them said already to be others.

    Args:
        session: An open session; the caller commits, and sets the pairs of the folders.
        pairs: Ids: of the file that is gone, and of the one that was found. None twice.

    Returns:
        What was done.
    """
    rows = _rows(session, [id_ for pair in pairs for id_ in pair])
    done = [
        (rows[old], rows[new])
        for old, new in pairs
        if old in rows and new in rows and _may_be_one(rows[old], rows[new])
    ]
    if not done:
        return []
    old_ids = [old.id for old, _ in done]
    session.execute(delete(FileRow).where(FileRow.id.in_(each([new.id for _, new in done]))))
    session.execute(
        update(FileRow),
        [
            {"id": old.id, "folder_id": new.folder_id, "name": new.name, "missing_since": None}
            for old, new in done
        ],
    )
    session.execute(
        delete(JobRow).where(JobRow.file_id.in_(each(old_ids)), JobRow.state.in_(PATIENT))
    )
    return [
        Move(old.id, new.id, (old.folder_id, new.folder_id), old.name != new.name)
        for old, new in done
    ]


def retry_reading(session: Session, file_ids: Collection[int], stages: Collection[str]) -> None:
    """Make due at once what could not be read while the assets' files were on their way."""
    moved = select(FileRow.asset_id).where(FileRow.id.in_(each(file_ids)))
    session.execute(
        delete(JobRow).where(
            JobRow.stage.in_(stages),
            JobRow.asset_id.in_(moved),
            JobRow.state == "waiting",
            JobRow.attempts == 0,
        )
    )


@dataclass(frozen=True)
class _Known:
    id: int
    folder_id: int
    name: str
    size_bytes: int
    mtime_ns: int
    role: str
    kind: str | None
    asset_id: int | None
    missing_since: datetime | None


def _rows(session: Session, file_ids: Collection[int]) -> dict[int, _Known]:
    columns = [getattr(FileRow, column.name) for column in fields(_Known)]
    query = select(*columns).where(FileRow.id.in_(each(file_ids)))
    return {row[0]: _Known(*row) for row in session.execute(query)}


def _may_be_one(old: _Known, new: _Known) -> bool:
    same = (old.size_bytes, old.mtime_ns, old.role) == (new.size_bytes, new.mtime_ns, new.role)
    if not same or new.missing_since is not None:
        return False
    if new.kind is not None:
        return (old.kind, old.asset_id) == (new.kind, new.asset_id)
    # What is no picture by one suffix may be a broken one by another.
    return old.asset_id is not None or PurePath(old.name).suffix == PurePath(new.name).suffix


def _of(library_id: int) -> ColumnElement[bool]:
    return FolderRow.library_id == library_id


def _query(*which: ColumnElement[bool]) -> Select[int, str, str, int, int]:
    columns = (FileRow.id, FolderRow.path, FileRow.name, FileRow.size_bytes, FileRow.mtime_ns)
    return select(*columns).join(FolderRow, FolderRow.id == FileRow.folder_id).where(*which)


def _spots(session: Session, query: Select[int, str, str, int, int]) -> Iterator[Spot]:
    for row in session.execute(query.execution_options(yield_per=1000)):
        yield Spot(*row)
