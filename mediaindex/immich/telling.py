"""What Immich holds of our assets -> what is known of them: words, favourites, who may see them."""

from collections.abc import Collection, Iterator, Mapping, Sequence

from sqlalchemy.orm import Session

from mediaindex.immich.facts import read_facts, words_of
from mediaindex.immich.privacy import Standing, reason
from mediaindex.store.immich_accounts import user_ids
from mediaindex.store.immich_assets import Kept, kept_by_asset
from mediaindex.store.immich_words import favour, retell, standings
from mediaindex.store.withheld import LOCKED, withhold


def settle(session: Session, asset_ids: Collection[int], *, unlock: bool = False) -> int:
    """Bring these assets in line with all that they are in Immich, of every account.

    Only what changed is written. What is locked stays locked when nothing in Immich is it any more
    (the file at its path holds another photo now), as its content is the same.

    Args:
        session: An open session; the caller commits, together with what it stored of Immich.
        asset_ids: Assets of ours; those that are gone are passed over.
        unlock: Somebody said that what nothing in Immich is any more may be shown.

    Returns:
        Of how many of them Immich says something else than before.
    """
    before = standings(session, asset_ids)
    rows = kept_by_asset(session, before)
    owners = user_ids(session)
    reasons: dict[int, str | None] = {}
    favourites: dict[int, bool] = {}
    for asset_id, (withheld, is_favourite) in before.items():
        of_asset = rows.get(asset_id, [])
        why = reason(map(standing, _deciding(of_asset, owners)))
        if not of_asset and withheld == LOCKED and not unlock:
            why = LOCKED
        if why != withheld:
            reasons[asset_id] = why
        if any(row.is_favourite for row in of_asset) is not is_favourite:
            favourites[asset_id] = not is_favourite
    if reasons:
        withhold(session, reasons)
    favour(session, favourites)
    told = {
        asset_id: words_of(read_facts(row.facts) for row in rows.get(asset_id, []))
        for asset_id in before
    }
    retold = retell(session, told)
    return len({*reasons, *favourites, *retold})


def _deciding(rows: Sequence[Kept], owners: Mapping[int, str]) -> Iterator[Kept]:
    """Yield those that say who may see it: of one that several accounts see, its owner's."""
    owned = {row.uuid for row in rows if owners.get(row.account_id) == row.owner_id}
    for row in rows:
        if row.uuid not in owned or owners.get(row.account_id) == row.owner_id:
            yield row


def standing(row: Kept) -> Standing:
    """Return how one of Immich's assets stands there."""
    return Standing(row.visibility, row.is_trashed, row.vanished_at is not None, row.is_shown)
