"""Files whose bytes may be others now: what they held counts until somebody has looked into them.

Such a file has no `kind`, and still has its asset. So a whole library that was touched stays found,
and nothing is forgotten of it, however long it takes until it is read again.
"""

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.orm import Session

from mediaindex.store.documents import refresh_document
from mediaindex.store.files import Role
from mediaindex.store.jobs import forget_results
from mediaindex.store.postponed import doubt
from mediaindex.store.tables import AssetRow, FileRow, JobRow


def change_file(session: Session, file_id: int, size_bytes: int, mtime_ns: int, role: Role) -> None:
    """Note that a file may hold other bytes now, or plays another part: it has to be looked into.

    The caller settles the asset.
    """
    session.execute(
        update(FileRow)
        .where(FileRow.id == file_id)
        .values(size_bytes=size_bytes, mtime_ns=mtime_ns, role=role, kind=None, missing_since=None)
    )
    session.execute(delete(JobRow).where(JobRow.file_id == file_id))
    doubt(session, file_id)
    if role != "media":
        part(session, file_id)


def part(session: Session, file_id: int) -> int | None:
    """Note that a file does not hold its asset any more; returns the asset's id, if it had one.

    What the asset had from it, its name and its sidecars, is read again from the copies that stay.
    The caller settles the asset.
    """
    asset_id = session.connection().scalar(_HELD, {"file": file_id})
    if asset_id is None:
        return None
    session.execute(update(FileRow).where(FileRow.id == file_id).values(asset_id=None))
    forget_results(session, asset_id, ["probe"])
    refresh_document(session, asset_id)
    return asset_id


_HELD = select(FileRow.asset_id).where(FileRow.id == bindparam("file"))


def stay(session: Session, asset_id: int) -> None:
    """Note that a file that was touched holds its asset still: only its time may be another."""
    source = select(AssetRow.taken_source).where(AssetRow.id == asset_id)
    if session.scalar(source) in (None, "mtime"):
        forget_results(session, asset_id, ["probe"])
