"""What can be read now: files of libraries that are not offline."""

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow


def file_within_reach() -> ColumnElement[bool]:
    """Return the condition that a `FileRow`'s library is online."""
    return or_(~_any_offline(), _online(FileRow.folder_id))


def asset_within_reach() -> ColumnElement[bool]:
    """Return the condition that an `AssetRow` has a file to read: there, online, and looked into.

    A file that changed since it was looked into may hold something else.
    """
    file, changed = aliased(FileRow), aliased(FileRow)
    there = exists().where(
        file.asset_id == AssetRow.id,
        file.missing_since.is_(None),
        file.kind.is_not(None),
        _online(file.folder_id),
    )
    is_changed = exists().where(changed.asset_id == AssetRow.id, changed.kind.is_(None))
    return or_(~_any_offline() & ~is_changed, there)


def _any_offline() -> ColumnElement[bool]:
    # Asked once a query, so that the rest costs nothing while all are online.
    library = aliased(LibraryRow)
    return select(library.id).where(library.offline_reason.is_not(None)).exists()


def _online(folder_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    folder, library = aliased(FolderRow), aliased(LibraryRow)
    return exists().where(
        folder.id == folder_id,
        library.id == folder.library_id,
        library.offline_reason.is_(None),
    )
