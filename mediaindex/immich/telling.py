"""What Immich holds of our assets -> what is known of them: words, favourites, who may see them."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from sqlalchemy.orm import Session

from mediaindex.immich.facts import read_facts, words_of
from mediaindex.immich.privacy import Standing, reason
from mediaindex.store.immich_accounts import user_ids
from mediaindex.store.immich_assets import Kept, kept_by_asset, live_photos, live_videos
from mediaindex.store.immich_words import favour, retell, standings
from mediaindex.store.withheld import LOCKED, withhold


def settle(session: Session, asset_ids: Collection[int], *, unlock: bool = False) -> set[int]:
    """Bring these assets in line with all that they are in Immich, of every account.

    Only what changed is written. What is locked stays locked when nothing in Immich is it any more
    (the file at its path holds another photo now), as its content is the same. The videos of live
    photos are locked with them.

    Args:
        session: An open session; the caller commits, together with what it stored of Immich.
        asset_ids: Assets of ours; those that are gone are passed over.
        unlock: Somebody said that what nothing in Immich is any more may be shown.

    Returns:
        Those of which Immich says something else than before.
    """
    rows = kept_by_asset(session, asset_ids)
    videos = live_videos(session, chain.from_iterable(rows.values())) - {*asset_ids}
    rows |= kept_by_asset(session, videos) if videos else {}
    before = standings(session, {*asset_ids, *videos})
    deciding = _deciding(session, rows)
    reasons: dict[int, str | None] = {}
    favourites: dict[int, bool] = {}
    for asset_id, (withheld, is_favourite) in before.items():
        of_asset = rows.get(asset_id, [])
        why = reason(map(standing, deciding.get(asset_id, [])))
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
    return {*reasons, *favourites, *retold}


def _deciding(session: Session, rows: Mapping[int, Sequence[Kept]]) -> dict[int, list[Kept]]:
    """Return those that say who may see an asset of ours.

    Of one that several accounts see it is its owner's; of a video its live photo if that is locked.
    """
    owners = user_ids(session)
    photos = live_photos(session, chain.from_iterable(rows.values()))
    found: dict[int, list[Kept]] = {}
    for asset_id, of_asset in rows.items():
        owned = {row.uuid for row in of_asset if owners.get(row.account_id) == row.owner_id}
        found[asset_id] = [
            row
            for row in of_asset
            if row.uuid not in owned or owners.get(row.account_id) == row.owner_id
        ]
        of_live = chain.from_iterable(photos.get(row.id, ()) for row in of_asset)
        found[asset_id] += [photo for photo in of_live if reason([standing(photo)]) == LOCKED]
    return found


def standing(row: Kept) -> Standing:
    """Return how one of Immich's assets stands there."""
    return Standing(row.visibility, row.is_trashed, row.vanished_at is not None, row.is_shown)
