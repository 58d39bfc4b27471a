"""One asset and its moments, for programs that already know which."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.store.tables import AssetRow, FileRow, MomentRow


def file_of_content(session: Session, sha256: str) -> FileRow | None:
    """Return a file that holds this content; one that is there before one that is missing.

    One that may hold something else since comes after those that do not.
    """
    query = (
        select(FileRow)
        .join(AssetRow, AssetRow.id == FileRow.asset_id)
        .where(AssetRow.sha256 == sha256)
        .order_by(FileRow.missing_since.is_not(None), FileRow.kind.is_(None), FileRow.id)
        .limit(1)
    )
    return session.scalar(query)


def moments_of(session: Session, asset_id: int) -> Sequence[MomentRow]:
    """Return an asset's moments in order of time."""
    query = select(MomentRow).filter_by(asset_id=asset_id).order_by(MomentRow.at_ms)
    return session.scalars(query).all()
