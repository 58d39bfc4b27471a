"""Which previews are still worked from, and whose assets are known at all."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import exists, or_, select, true
from sqlalchemy.orm import Session

from mediaindex.store.tables import AssetRow, JobRow, MomentRow, ResultRow
from mediaindex.store.withheld import told


@dataclass(frozen=True)
class Stock:
    """What the store knows of the assets that previews can be of, by content hash."""

    known: frozenset[str]
    #: A stage has yet to work from their previews.
    needed: frozenset[str]


def stock(session: Session, stages: Collection[str]) -> Stock:
    """Return which assets are known, and of which a stage among `stages` lacks its result.

    A stage that gave an asset up needs nothing any more; nor does a video that belongs to a photo,
    or an asset of which no file is there, or a model of what it is not to be told of.
    """
    lacking = [
        ~exists().where(ResultRow.asset_id == AssetRow.id, ResultRow.stage == stage)
        & ~exists().where(
            JobRow.asset_id == AssetRow.id, JobRow.stage == stage, JobRow.state == "failed"
        )
        & (told() if stage == "caption" else true())
        for stage in stages
    ]
    query = select(AssetRow.sha256).where(
        AssetRow.missing_since.is_(None), AssetRow.companion_of_id.is_(None), or_(*lacking)
    )
    needed = frozenset(session.scalars(query)) if stages else frozenset[str]()
    return Stock(frozenset(session.scalars(select(AssetRow.sha256))), needed)


def moments_of_all(session: Session) -> set[tuple[str, int]]:
    """Return the hash and the time of every moment that a preview is, or was, made of."""
    query = select(AssetRow.sha256, MomentRow.at_ms).join(
        MomentRow, MomentRow.asset_id == AssetRow.id
    )
    return {(sha256, at_ms) for sha256, at_ms in session.execute(query)}
