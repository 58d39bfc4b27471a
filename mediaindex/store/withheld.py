"""Assets that are not shown, for somebody wants it so; nothing of them is forgotten.

Two kinds of doors ask here. What searches, lists or exports lets out only what `passes`. What is
told of one asset that somebody named lets out all but what is locked (`unlocked`, `is_locked`).
"""

import json
from collections.abc import Collection, Mapping

from sqlalchemy import (
    ColumnElement,
    String,
    bindparam,
    case,
    cast,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased

from mediaindex.store.tables import AssetRow

ARCHIVED, TRASHED, HIDDEN, LOCKED = "archived", "trashed", "hidden", "locked"
"""Why. Archived and trashed ones are found by those who ask for them (`is:archived`); what is
locked is never shown, described or sent to anybody, and `hidden` is no picture by itself."""

ASKED_FOR = (ARCHIVED, TRASHED)
"""Those that a question can ask for."""

UNTOLD = (TRASHED, HIDDEN, LOCKED)
"""Those that no model is told of."""


def withhold(session: Session, reasons: Mapping[int, str | None]) -> None:
    """Say why each of these assets is not shown; None: it is. The caller commits.

    One statement, which writes only what changes; triggers tell the facets.
    """
    session.connection().execute(_WITHHOLD, {"reasons": json.dumps(reasons)})


_GIVEN = func.json_each(bindparam("reasons")).table_valued("key", "value")
_REASON = cast(_GIVEN.c.value, String)
_WITHHOLD = (
    update(AssetRow)
    # Keys of JSON are text; with the plus it is a number, by which SQLite finds the asset.
    .where(AssetRow.id == _GIVEN.c.key + 0, AssetRow.withheld.is_distinct_from(_REASON))
    .values(withheld=_REASON)
)


def passes(asked: Collection[str] = ()) -> ColumnElement[bool]:
    """Return the condition that an `AssetRow` is shown to who asks for these reasons.

    Who asks for none gets what is not withheld, who asks for some gets only what is for one of
    them; and what cannot be asked for passes for nobody.
    """
    if not asked:
        return AssetRow.withheld.is_(None)
    return AssetRow.withheld.in_([reason for reason in ASKED_FOR if reason in asked])


def unlocked() -> ColumnElement[bool]:
    """Return the condition that an `AssetRow` may be shown to who names it.

    The video of a live photo goes with its photo.
    """
    locked_photo = exists().where(_PHOTO.id == AssetRow.companion_of_id, _PHOTO.withheld == LOCKED)
    return AssetRow.withheld.is_distinct_from(LOCKED) & ~locked_photo


def told() -> ColumnElement[bool]:
    """Return the condition that a model may be told of an `AssetRow`."""
    return or_(AssetRow.withheld.is_(None), AssetRow.withheld.not_in(UNTOLD))


def reason_of(session: Session, asset_id: int) -> str | None:
    """Return why an asset, or the photo whose live video it is, is not shown; None: it is."""
    return session.connection().scalar(_WHY, {"asset": asset_id})


_PHOTO = aliased(AssetRow)
_WHY = (
    select(
        case(
            (_PHOTO.withheld == LOCKED, LOCKED),
            else_=func.coalesce(AssetRow.withheld, _PHOTO.withheld),
        )
    )
    .select_from(AssetRow)
    .outerjoin(_PHOTO, _PHOTO.id == AssetRow.companion_of_id)
    .where(AssetRow.id == bindparam("asset"))
)


def is_locked(session: Session, asset_id: int) -> bool:
    """Return True if nothing of an asset is to be shown to anybody."""
    return reason_of(session, asset_id) == LOCKED


def may_be_told(session: Session, asset_id: int) -> bool:
    """Return True if a model may be told of an asset now."""
    return reason_of(session, asset_id) not in UNTOLD


def count_withheld(session: Session) -> dict[str, int]:
    """Return how many photos and videos that are there are not shown, by reason."""
    query = (
        select(AssetRow.withheld, func.count(AssetRow.id))
        .where(
            AssetRow.withheld.is_not(None),
            AssetRow.missing_since.is_(None),
            AssetRow.companion_of_id.is_(None),
        )
        .group_by(AssetRow.withheld)
    )
    return {reason or "": number for reason, number in session.execute(query)}
