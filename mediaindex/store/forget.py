"""Forget a library: what is known of its files, and of the photos that lie nowhere else."""

from datetime import datetime

from sqlalchemy import ColumnElement, delete, exists, func, select
from sqlalchemy.orm import Session, aliased

from mediaindex.store.documents import refresh_document
from mediaindex.store.files import settle_assets
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow


def forget_library(session: Session, library_id: int, now: datetime) -> list[str]:
    """Forget a library, its files, and at once the assets that have no file elsewhere.

    Returns:
        The hashes of the assets; the caller removes their previews, and commits.
    """
    gone = (_has_file(library_id, inside=True), ~_has_file(library_id, inside=False))
    hashes = session.scalars(select(AssetRow.sha256).where(*gone)).all()
    shared = session.scalars(
        select(AssetRow.id).where(
            _has_file(library_id, inside=True), _has_file(library_id, inside=False)
        )
    ).all()
    session.execute(delete(AssetRow).where(*gone))
    session.execute(delete(LibraryRow).where(LibraryRow.id == library_id))
    for asset_id in shared:
        refresh_document(session, asset_id)
    settle_assets(session, now)
    return list(hashes)


def count_files(session: Session, library_id: int) -> int:
    """Return how many files are known of a library, missing ones too."""
    query = select(func.count(FileRow.id)).join(FolderRow)
    return session.scalar(query.where(FolderRow.library_id == library_id)) or 0


def _has_file(library_id: int, *, inside: bool) -> ColumnElement[bool]:
    file, folder = aliased(FileRow), aliased(FolderRow)
    where = folder.library_id == library_id if inside else folder.library_id != library_id
    return exists().where(file.asset_id == AssetRow.id, folder.id == file.folder_id, where)
