"""Which of our assets have to be hashed as Immich does, and which uploads they turn out to be."""

from collections.abc import Sequence

from sqlalchemy import and_, bindparam, select, update
from sqlalchemy.orm import Session

from mediaindex.store.immich_tables import ImmichAssetRow
from mediaindex.store.tables import AssetRow


def assets_to_hash(session: Session, account_id: int, after_id: int, most: int) -> Sequence[int]:
    """Return ids of our assets that are of the very size of an upload that matches none, by id.

    Those that were hashed once are left out.

    Args:
        session: An open session; only read from.
        account_id: The account.
        after_id: Only higher ids.
        most: At most this many.
    """
    asked = {"account": account_id, "after": after_id, "most": most}
    return session.connection().scalars(_TO_HASH, asked).all()


def keep_sha1(session: Session, asset_id: int, sha1: str) -> None:
    """Remember the SHA-1 of all bytes of an asset."""
    session.execute(update(AssetRow).where(AssetRow.id == asset_id).values(sha1=sha1))


def same_content(session: Session, account_id: int) -> list[tuple[int, int]]:
    """Return (row id, asset id) of uploads that match nothing yet and are assets of ours."""
    rows = session.connection().execute(_SAME, {"account": account_id})
    return [(row_id, asset_id) for row_id, asset_id in rows]


_UPLOADED = and_(
    ImmichAssetRow.account_id == bindparam("account"),
    ImmichAssetRow.asset_id.is_(None),
    ImmichAssetRow.library_id.is_(None),
)
_TO_HASH = (
    select(AssetRow.id)
    .where(
        AssetRow.id > bindparam("after"),
        AssetRow.sha1.is_(None),
        AssetRow.missing_since.is_(None),
        AssetRow.size_bytes.in_(
            select(ImmichAssetRow.size_bytes).where(
                _UPLOADED, ImmichAssetRow.size_bytes.is_not(None)
            )
        ),
    )
    .order_by(AssetRow.id)
    .limit(bindparam("most"))
)
_SAME = (
    select(ImmichAssetRow.id, AssetRow.id)
    .join(AssetRow, AssetRow.sha1 == ImmichAssetRow.checksum)
    .where(_UPLOADED)
)
