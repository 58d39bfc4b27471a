"""What Immich says of our assets: words beside those of files, and favourites."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.orm import Session

from mediaindex.store.assets import words_by_asset
from mediaindex.store.documents import refresh_documents
from mediaindex.store.embeddings import drop_text_vectors
from mediaindex.store.ids import THESE, these
from mediaindex.store.jobs import forget_results_of
from mediaindex.store.tables import AssetRow, WordsRow
from mediaindex.types import IMMICH, PersonWords

Standing = tuple[str | None, bool]
"""Why an asset is not shown (None: it is), and whether it is a favourite."""


def retell(session: Session, told: Mapping[int, Sequence[PersonWords]]) -> list[int]:
    """Store what Immich says of each of these assets, in place of what it said.

    Only what changed is written, and only there `embed_text` is due again, if a person's words are
    others now. The caller commits.

    Returns:
        The ids of the assets of which it says something else.
    """
    known: dict[int, list[tuple[str, str]]] = {}
    for asset_id, kind, text in session.connection().execute(_TOLD, these(told)):
        known.setdefault(asset_id, []).append((kind, text))
    changed = [
        asset_id
        for asset_id, words in told.items()
        if known.get(asset_id, []) != [(one.kind, one.text) for one in words]
    ]
    if changed:
        _retell(session, {asset_id: told[asset_id] for asset_id in changed})
    return changed


def standings(session: Session, asset_ids: Collection[int]) -> dict[int, Standing]:
    """Return how each of these assets stands; those that are gone are left out."""
    rows = session.connection().execute(_STANDINGS, these(asset_ids))
    return {asset_id: (withheld, is_favourite) for asset_id, withheld, is_favourite in rows}


def favour(session: Session, favourites: Mapping[int, bool]) -> None:
    """Say of each of these assets whether it is a favourite."""
    for is_favourite in (True, False):
        ids = [asset_id for asset_id, is_one in favourites.items() if is_one is is_favourite]
        if ids:
            session.connection().execute(_FAVOUR, these(ids) | {"is_one": is_favourite})


def _retell(session: Session, told: Mapping[int, Sequence[PersonWords]]) -> None:
    before = words_by_asset(session, told)
    session.connection().execute(_UNSAY, these(told))
    rows = [
        {"asset_id": asset_id, "kind": one.kind, "text": one.text, "source": IMMICH}
        for asset_id, words in told.items()
        for one in words
    ]
    if rows:
        session.connection().execute(insert(WordsRow), rows)
    refresh_documents(session, told)
    now = words_by_asset(session, told)
    others = [asset_id for asset_id in told if now[asset_id] != before[asset_id]]
    for asset_id in others:
        if before[asset_id]:
            drop_text_vectors(session, asset_id)  # those that stand count as read
    forget_results_of(session, others, ["embed_text"])


_TOLD = (
    select(WordsRow.asset_id, WordsRow.kind, WordsRow.text)
    .where(WordsRow.asset_id.in_(THESE), WordsRow.source == IMMICH)
    .order_by(WordsRow.id)
)
_UNSAY = delete(WordsRow).where(WordsRow.asset_id.in_(THESE), WordsRow.source == IMMICH)
_STANDINGS = select(AssetRow.id, AssetRow.withheld, AssetRow.is_favourite).where(
    AssetRow.id.in_(THESE)
)
_FAVOUR = update(AssetRow).where(AssetRow.id.in_(THESE)).values(is_favourite=bindparam("is_one"))
