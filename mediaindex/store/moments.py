"""Find moments for a search, and read all that a hit shows."""

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from mediaindex.store import filters
from mediaindex.store.captions import captions_of, summaries_of
from mediaindex.store.embeddings import IN_SPACE, in_space
from mediaindex.store.files import paths_of_assets
from mediaindex.store.filters import Filter, conditions, spoken
from mediaindex.store.ids import THESE, each, these
from mediaindex.store.tables import AssetRow, EmbeddingRow, MomentRow, PlaceRow, WordsRow
from mediaindex.types import Shown, Space

QUERIES = 64
"""So many filters' statements are kept: to build one takes longer than to run it."""

SAMPLE = 200
"""Vectors looked at to guess how many pass a filter."""


EARLIEST = func.min(MomentRow.start_ms)
"""Beside it SQLite gives the other columns of the row that has the least (its documentation of
SELECT, "bare columns in an aggregate query")."""


def keys_passing(session: Session, space: Space, wanted: Filter, limit: int) -> list[int] | None:
    """Return the keys in `space` of all that passes, or None if they are more than `limit`."""
    query = (
        select(EmbeddingRow.id)
        .join(MomentRow, MomentRow.id == EmbeddingRow.moment_id)
        .join(AssetRow, AssetRow.id == MomentRow.asset_id)
        .where(EmbeddingRow.space_id == space.id, *conditions(wanted), *spoken(wanted))
        .limit(limit + 1)
    )
    # Not through the ORM, which takes longer over rows than SQLite does.
    keys = session.connection().scalars(query).all()
    return None if len(keys) > limit else list(keys)


def assets_passing(session: Session, wanted: Filter) -> list[int]:
    """Return the ids of all assets that pass, also if none of its moments does."""
    query = select(AssetRow.id).where(*conditions(wanted, listing=True))
    return list(session.connection().scalars(query).all())


def assets_saying(session: Session, expression: str, *, whole: bool = False) -> list[int]:
    """Return the ids of all assets of which something written matches; see `filters`."""
    # All at once: row by row takes longer than SQLite does.
    query = filters.assets_saying(expression, whole=whole)
    return list(session.connection().scalars(query).all())


def share_passing(session: Session, space: Space, wanted: Filter) -> float:
    """Return about which share of a space's vectors passes, 0 to 1, from a sample of them."""
    newest_key = session.scalar(select(func.max(EmbeddingRow.id))) or 0
    chance = random.Random(newest_key)
    drawn = [chance.randint(1, newest_key) for _ in range(SAMPLE)] if newest_key else []
    alive = select(func.count(EmbeddingRow.id)).where(
        in_space(space), EmbeddingRow.id.in_(each(drawn))
    )
    there = session.scalar(alive) or 0
    return len(passing(session, space, drawn, wanted)) / there if there else 0.0


def passing(
    session: Session, space: Space, keys: Sequence[int], wanted: Filter
) -> dict[int, tuple[int, int]]:
    """Return (moment id, asset id) by key for those of `keys` that pass."""
    rows = session.connection().execute(_passing(wanted), these(keys) | {"space": space.id})
    return {key: (moment, asset) for key, moment, asset in rows.all()}


@lru_cache(QUERIES)
def _passing(wanted: Filter) -> Select[int, int, int]:
    return (
        select(EmbeddingRow.id, EmbeddingRow.moment_id, MomentRow.asset_id)
        .join(MomentRow, MomentRow.id == EmbeddingRow.moment_id)
        .join(AssetRow, AssetRow.id == MomentRow.asset_id)
        .where(IN_SPACE, EmbeddingRow.id.in_(THESE), *conditions(wanted), *spoken(wanted))
    )


def first_moments(session: Session, asset_ids: Collection[int], wanted: Filter) -> dict[int, int]:
    """Return each asset's first moment that passes, of those that have one."""
    rows = session.connection().execute(_first_moments(wanted), these(asset_ids))
    return {asset_id: moment_id for asset_id, moment_id, _ in rows.all()}


@lru_cache(QUERIES)
def _first_moments(wanted: Filter) -> Select[int, int, int]:
    return (
        select(MomentRow.asset_id, MomentRow.id, EARLIEST)
        .join(AssetRow, AssetRow.id == MomentRow.asset_id)
        .where(MomentRow.asset_id.in_(THESE), *spoken(wanted))
        .group_by(MomentRow.asset_id)
    )


def newest(session: Session, wanted: Filter, limit: int) -> list[tuple[int, int]]:
    """Return (asset id, moment id) of what passes, newest first: the answer to a bare filter."""
    query = (
        select(AssetRow.id, MomentRow.id, EARLIEST)
        .join(MomentRow, MomentRow.asset_id == AssetRow.id)
        .where(*conditions(wanted), *spoken(wanted))
        .group_by(AssetRow.id)
        .order_by(AssetRow.taken_at.desc().nulls_last(), AssetRow.id)
        .limit(limit)
    )
    return [(asset_id, moment_id) for asset_id, moment_id, _ in session.execute(query)]


def show(session: Session, moment_ids: Sequence[int], wanted: Filter) -> dict[int, Shown]:
    """Return what is shown of each of these moments; of copies, those that pass come first."""
    rows = session.execute(_SHOWN, these(moment_ids)).all()
    asset_ids = [asset.id for _, asset, _ in rows]
    captions = captions_of(session, moment_ids)
    summaries = summaries_of(session, asset_ids)
    paths = paths_of_assets(session, asset_ids, filters.lies_within(wanted))
    words = _words(session, asset_ids)
    return {
        moment.id: replace(
            _shown(moment, asset, place),
            paths=tuple(paths.get(asset.id, ())),
            words=tuple(words.get(asset.id, ())),
            caption=captions.get(moment.id),
            summary=summaries.get(asset.id),
        )
        for moment, asset, place in rows
    }


_SHOWN = (
    select(MomentRow, AssetRow, PlaceRow)
    .join(AssetRow, AssetRow.id == MomentRow.asset_id)
    .outerjoin(PlaceRow, PlaceRow.id == AssetRow.place_id)
    .where(MomentRow.id.in_(THESE))
)


def _shown(moment: MomentRow, asset: AssetRow, place: PlaceRow | None) -> Shown:
    camera = " ".join(filter(None, (asset.camera_make, asset.camera_model)))
    return Shown(
        moment_id=moment.id,
        asset_id=asset.id,
        sha256=asset.sha256,
        kind=asset.kind,
        start_ms=moment.start_ms,
        end_ms=moment.end_ms,
        at_ms=moment.at_ms,
        paths=(),
        taken_at=asset.taken_at,
        taken_local=asset.taken_local,
        taken_source=asset.taken_source,
        place=place_name(place),
        latitude=asset.latitude,
        longitude=asset.longitude,
        camera=camera or None,
        width_px=asset.width_px,
        height_px=asset.height_px,
        rating=asset.rating,
        words=(),
    )


def _words(session: Session, asset_ids: Sequence[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for asset_id, text in session.connection().execute(_WORDS, these(asset_ids)):
        found.setdefault(asset_id, []).append(text)
    return found


_WORDS = (
    select(WordsRow.asset_id, WordsRow.text)
    .where(WordsRow.asset_id.in_(THESE))
    .order_by(WordsRow.id)
)


def place_name(place: PlaceRow | None) -> str | None:
    """Return a place as it is shown: "Lisbon, Portugal"."""
    if place is None:
        return None
    parts = (place.name, place.region, place.country)
    return ", ".join(part for part in dict.fromkeys(parts) if part)
