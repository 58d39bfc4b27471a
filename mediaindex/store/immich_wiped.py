"""Our words that Immich threw away: the stage that writes has to look at them again."""

import json
from collections.abc import Collection

from sqlalchemy import and_, bindparam, func, or_, select, update
from sqlalchemy.orm import Session

from mediaindex.store.ids import THESE, these
from mediaindex.store.immich_tables import ImmichAssetRow, ImmichWrittenRow
from mediaindex.store.jobs import forget_results_of

STAGE = "publish"


def publish_if_wiped(
    session: Session, account_id: int, uuids: Collection[str], *, tags: bool = False
) -> int:
    """Have assets looked at again that had our block and have none now; returns how many.

    Args:
        session: An open session; the caller commits.
        account_id: The account.
        uuids: Which of its assets changed.
        tags: Whether it is known that those without a tag of ours have none now.
    """
    asked = {"account": account_id, "names": json.dumps(list(uuids)), "tags": tags}
    wiped = session.connection().execute(_WIPED, asked).all() if uuids else []
    forget_results_of(session, [asset_id for _, asset_id in wiped if asset_id], (STAGE,))
    if wiped:
        session.connection().execute(_LOOK_AGAIN, these([row_id for row_id, _ in wiped]))
    return len(wiped)


_FACT = func.json_extract
_NO_BLOCK = and_(
    ImmichWrittenRow.description.is_not(None),
    func.coalesce(_FACT(ImmichAssetRow.facts, "$.has_block"), 0) == 0,
)
_NO_TAGS = and_(
    bindparam("tags"),
    ImmichWrittenRow.tags != "[]",
    _FACT(ImmichAssetRow.facts, "$.our_tags").is_(None),
)
_LOOK_AGAIN = update(ImmichWrittenRow).where(ImmichWrittenRow.id.in_(THESE)).values(checked_at=None)
_WIPED = (
    select(ImmichWrittenRow.id, ImmichAssetRow.asset_id)
    .join(
        ImmichWrittenRow,
        and_(
            ImmichWrittenRow.account_id == ImmichAssetRow.account_id,
            ImmichWrittenRow.uuid == ImmichAssetRow.uuid,
        ),
    )
    .where(
        ImmichAssetRow.account_id == bindparam("account"),
        ImmichAssetRow.uuid.in_(
            select(func.json_each(bindparam("names")).table_valued("value").c.value)
        ),
        ImmichAssetRow.asset_id.is_not(None),
        ImmichWrittenRow.trouble.is_(None),
        or_(_NO_BLOCK, _NO_TAGS),
    )
)
