"""Find moments for a search, and read all that a hit shows."""

import random
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Select, bindparam, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from mediaindex.store import filters, immich
from mediaindex.store.captions import said_of
from mediaindex.store.documents import each_once
from mediaindex.store.embeddings import IN_SPACE
from mediaindex.store.files import paths_of_assets
from mediaindex.store.filters import Filter, conditions, spoken
from mediaindex.store.ids import THESE, these
from mediaindex.store.tables import AssetRow, EmbeddingRow, MomentRow, PlaceRow, WordsRow
from mediaindex.store.withheld import passes, unlocked
from mediaindex.types import IMMICH, Shown, Space

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
    return list(session.connection().scalars(_assets_passing(wanted)).all())


@lru_cache(QUERIES)
def _assets_passing(wanted: Filter) -> Select[int]:
    return select(AssetRow.id).where(*conditions(wanted, listing=True))


def assets_saying(session: Session, expression: str, *, whole: bool = False) -> list[int]:
    """Return the ids of all assets of which something written matches; see `filters`."""
    # All at once: row by row takes longer than SQLite does.
    query = filters.assets_saying(expression, whole=whole)
    return list(session.connection().scalars(query).all())


def share_passing(session: Session, space: Space, wanted: Filter) -> float:
    """Return about which share of a space's vectors passes, 0 to 1, from a sample of them."""
    newest_key = session.connection().scalar(_NEWEST_KEY) or 0
    chance = random.Random(newest_key)
    drawn = [chance.randint(1, newest_key) for _ in range(SAMPLE)] if newest_key else []
    there = session.connection().scalar(_ALIVE, these(drawn) | {"space": space.id}) or 0
    return len(passing(session, space, drawn, wanted)) / there if there else 0.0


_NEWEST_KEY = select(func.max(EmbeddingRow.id))
_ALIVE = select(func.count(EmbeddingRow.id)).where(IN_SPACE, EmbeddingRow.id.in_(THESE))


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
    found = session.connection().scalars(_newest(wanted), {"most": limit}).all()
    first = first_moments(session, found, wanted)
    return [(asset_id, first[asset_id]) for asset_id in found]


@lru_cache(QUERIES)
def _newest(wanted: Filter) -> Select[int]:
    has_moment = exists().where(MomentRow.asset_id == AssetRow.id, *spoken(wanted))
    return (
        select(AssetRow.id)
        .where(*conditions(wanted), has_moment)
        .order_by(AssetRow.taken_at.desc().nulls_last(), AssetRow.id)
        .limit(bindparam("most"))
    )


def show(session: Session, moment_ids: Sequence[int], wanted: Filter | None) -> dict[int, Shown]:
    """Return what is shown of each of these moments; of copies, those that pass come first.

    Whatever was remembered elsewhere, what is withheld by now is left out: here all that is shown
    comes by.

    Args:
        session: An open session; only read from.
        moment_ids: The moments.
        wanted: What they were found with; None: somebody named them, and only what is locked is
            left out.
    """
    rows = session.connection().execute(_shown(_asked(wanted)), these(moment_ids)).all()
    asset_ids = {row.asset_id for row in rows}
    captions, summaries = said_of(session, moment_ids, asset_ids)
    paths = paths_of_assets(session, asset_ids, wanted or Filter())
    words = _words(session, asset_ids)
    links = immich.links(session, asset_ids)
    shown = {}
    for make, model, name, region, country, moment_id, asset_id, *rest in rows:
        shown[moment_id] = Shown(
            moment_id=moment_id,
            asset_id=asset_id,
            **dict(zip(_AS_THEY_ARE, rest, strict=True)),
            paths=tuple(paths.get(asset_id, ())),
            place=_called(name, region, country),
            camera=" ".join(filter(None, (make, model))) or None,
            words=tuple(words.get(asset_id, ())),
            caption=captions.get(moment_id),
            summary=summaries.get(asset_id),
            immich_url=links.get(asset_id),
        )
    return shown


_COLUMNS: tuple[InstrumentedAttribute[Any], ...] = (
    MomentRow.start_ms,
    MomentRow.end_ms,
    MomentRow.at_ms,
    AssetRow.sha256,
    AssetRow.kind,
    AssetRow.taken_at,
    AssetRow.taken_local,
    AssetRow.taken_source,
    AssetRow.latitude,
    AssetRow.longitude,
    AssetRow.width_px,
    AssetRow.height_px,
    AssetRow.rating,
)
_AS_THEY_ARE = tuple(column.key for column in _COLUMNS)


def _asked(wanted: Filter | None) -> tuple[str, ...] | None:
    return None if wanted is None else wanted.withheld


@lru_cache(QUERIES)
def _shown(asked: tuple[str, ...] | None) -> Select[*tuple[Any, ...]]:
    return (
        select(
            AssetRow.camera_make,
            AssetRow.camera_model,
            PlaceRow.name,
            PlaceRow.region,
            PlaceRow.country,
            MomentRow.id,
            MomentRow.asset_id,
            *_COLUMNS,
        )
        .select_from(MomentRow)
        .join(AssetRow, AssetRow.id == MomentRow.asset_id)
        .outerjoin(PlaceRow, PlaceRow.id == AssetRow.place_id)
        .where(MomentRow.id.in_(THESE), unlocked(), *([] if asked is None else [passes(asked)]))
    )


def _words(session: Session, asset_ids: Collection[int]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for asset_id, text in session.connection().execute(_WORDS, these(asset_ids)):
        found.setdefault(asset_id, []).append(text)
    return {asset_id: each_once(texts) for asset_id, texts in found.items()}


_WORDS = (
    select(WordsRow.asset_id, WordsRow.text)
    # Where it was taken is shown beside them; and what can be read in it no person wrote.
    .where(WordsRow.asset_id.in_(THESE), WordsRow.kind.not_in(("place", "seen")))
    .order_by(WordsRow.source == IMMICH, WordsRow.id)
)


def place_name(place: PlaceRow | None) -> str | None:
    """Return a place as it is shown: "Lisbon, Portugal"."""
    return None if place is None else _called(place.name, place.region, place.country)


def _called(*parts: str | None) -> str | None:
    return ", ".join(part for part in dict.fromkeys(parts) if part) or None
