"""What doors ask of Immich: links, numbers, and what vanished there. Only read from."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import and_, bindparam, case, false, func, or_, select
from sqlalchemy.orm import Session

from mediaindex.store.files import paths_of_assets
from mediaindex.store.ids import THESE, these
from mediaindex.store.immich_tables import ImmichAccountRow, ImmichAssetRow, ImmichWrittenRow
from mediaindex.store.tables import AssetRow
from mediaindex.store.withheld import LOCKED


@dataclass(frozen=True)
class Counts:
    """How an account fares."""

    #: What its key sees now, and how much of it is ours.
    assets: int
    by_path: int
    by_checksum: int
    unmatched: int
    #: What it does not see any more.
    vanished: int
    #: Of its photos that are ours, why they are not shown.
    withheld: dict[str, int] = field(default_factory=dict)
    #: Of those withheld as locked, how many are this person's own: of them Immich can tell.
    own_locked: int = 0
    #: Photos that have words of ours in Immich, and of which Immich threw them away.
    written: int = 0
    wiped: int = 0
    #: Of those written, of which nothing stood there any more when all was last read.
    lost: int = 0


@dataclass(frozen=True)
class Vanished:
    """A photo of ours that an account's key cannot see any more."""

    account_id: int
    asset_id: int
    #: Ours; those where it still lies come first.
    paths: tuple[str, ...]
    since: datetime
    #: A person said that it may be shown.
    is_shown: bool


def links(session: Session, asset_ids: Collection[int]) -> dict[int, str]:
    """Return where a browser opens these assets in Immich, of those that it has.

    Of several that are one of ours it is the one on the timeline, the oldest known of them. What is
    locked has none.
    """
    rows = session.connection().execute(_LINKS, these(asset_ids))
    found: dict[int, str] = {}
    for asset_id, web_url, uuid in rows:
        found.setdefault(asset_id or 0, f"{web_url}/photos/{uuid}")
    return found


def counts(session: Session, account_id: int) -> Counts:
    """Return how an account fares."""
    there = session.connection()
    asked = {"account": account_id}
    by: dict[str | None, int] = dict(there.execute(_MATCHED, asked).all())
    withheld = there.execute(_WITHHELD, asked)
    written, wiped = there.execute(_WRITTEN, asked).one()
    return Counts(
        assets=sum(by.values()),
        by_path=by.get("path", 0),
        by_checksum=by.get("checksum", 0),
        unmatched=by.get(None, 0),
        vanished=there.scalar(_VANISHED_COUNT, asked) or 0,
        withheld={reason or "": number for reason, number in withheld},
        own_locked=there.scalar(_OWN_LOCKED, asked) or 0,
        written=written,
        wiped=wiped or 0,
        lost=there.scalar(_LOST, asked) or 0,
    )


def vanished(session: Session) -> list[Vanished]:
    """Return every asset of ours that vanished from Immich, the newest first."""
    rows = session.connection().execute(_VANISHED).all()
    paths = paths_of_assets(session, {row.asset_id for row in rows})
    return [
        Vanished(
            row.account_id,
            row.asset_id,
            tuple(paths.get(row.asset_id, ())),
            row.vanished_at,
            row.is_shown,
        )
        for row in rows
    ]


_ROW = ImmichAssetRow
_OF_ACCOUNT = _ROW.account_id == bindparam("account")
_IS_MET = (_ROW.vanished_at.is_(None), _ROW.visibility != LOCKED)
_LINKS = (
    select(_ROW.asset_id, ImmichAccountRow.web_url, _ROW.uuid)
    .join(ImmichAccountRow, ImmichAccountRow.id == _ROW.account_id)
    .join(AssetRow, AssetRow.id == _ROW.asset_id)
    .where(_ROW.asset_id.in_(THESE), *_IS_MET, AssetRow.withheld.is_distinct_from(LOCKED))
    .order_by(_ROW.is_trashed, _ROW.visibility != "timeline", _ROW.id)
)
_BY = case((_ROW.asset_id.is_not(None), _ROW.matched_by))
_MATCHED = select(_BY, func.count(_ROW.id)).where(_OF_ACCOUNT, *_IS_MET).group_by(_BY)
_WITHHELD = (
    select(AssetRow.withheld, func.count(func.distinct(AssetRow.id)))
    .join(_ROW, _ROW.asset_id == AssetRow.id)
    .where(_OF_ACCOUNT, AssetRow.withheld.is_not(None), AssetRow.missing_since.is_(None))
    .group_by(AssetRow.withheld)
)
_OWN_LOCKED = (
    select(func.count(func.distinct(AssetRow.id)))
    .join(_ROW, _ROW.asset_id == AssetRow.id)
    .join(ImmichAccountRow, ImmichAccountRow.id == _ROW.account_id)
    .where(
        _OF_ACCOUNT,
        _ROW.owner_id == ImmichAccountRow.user_id,
        or_(_ROW.vanished_at.is_not(None), _ROW.visibility == LOCKED),
        _ROW.is_shown.is_(false()),
        AssetRow.withheld == LOCKED,
        AssetRow.missing_since.is_(None),
    )
)
_VANISHED_COUNT = select(func.count(_ROW.id)).where(_OF_ACCOUNT, _ROW.vanished_at.is_not(None))
_WRITTEN = select(func.count(ImmichWrittenRow.id), func.sum(ImmichWrittenRow.wiped > 0)).where(
    ImmichWrittenRow.account_id == bindparam("account")
)
# A record shows on no page, so what has none but that counts as standing.
_HAS_NOTHING = and_(
    func.coalesce(func.json_extract(_ROW.facts, "$.has_block"), 0) == 0,
    func.json_extract(_ROW.facts, "$.our_tags").is_(None),
    or_(ImmichWrittenRow.description.is_not(None), ImmichWrittenRow.tags != "[]"),
)
_LOST = (
    select(func.count(ImmichWrittenRow.id))
    .join(ImmichAccountRow, ImmichAccountRow.id == ImmichWrittenRow.account_id)
    .join(
        _ROW,
        and_(
            _ROW.account_id == ImmichWrittenRow.account_id,
            _ROW.uuid == ImmichWrittenRow.uuid,
        ),
    )
    .where(
        ImmichWrittenRow.account_id == bindparam("account"),
        ImmichWrittenRow.written_at < ImmichAccountRow.full_at,
        ImmichWrittenRow.trouble.is_(None),
        _ROW.vanished_at.is_(None),
        _HAS_NOTHING,
    )
)
_VANISHED = (
    select(_ROW.account_id, _ROW.asset_id, _ROW.vanished_at, _ROW.is_shown)
    .join(AssetRow, AssetRow.id == _ROW.asset_id)
    .where(_ROW.vanished_at.is_not(None), AssetRow.missing_since.is_(None))
    .order_by(_ROW.vanished_at.desc(), _ROW.id.desc())
)
