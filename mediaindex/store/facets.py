"""What filters compare of each asset, read in one go; triggers write an `asset_change` for each."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from sqlalchemy import Select, String, delete, func, select, type_coerce
from sqlalchemy.orm import Session

from mediaindex.store.change_tables import AssetChangeRow
from mediaindex.store.filters import visible
from mediaindex.store.ids import each
from mediaindex.store.tables import AssetRow, EmbeddingRow, MomentRow
from mediaindex.types import FACETS, KINDS, NO_RATING, FacetRecords, Keys

BATCH = 20_000


def pending_asset_changes(session: Session, after: int, limit: int) -> Sequence[AssetChangeRow]:
    """Return the oldest changes of assets with ids above `after`."""
    query = select(AssetChangeRow).where(AssetChangeRow.id > after).order_by(AssetChangeRow.id)
    return session.scalars(query.limit(limit)).all()


def forget_asset_changes(session: Session, up_to: int) -> None:
    """Forget the changes with ids up to and including `up_to`."""
    session.execute(delete(AssetChangeRow).where(AssetChangeRow.id <= up_to))


def read_facets(session: Session, asset_ids: Sequence[int]) -> tuple[Keys, FacetRecords]:
    """Return `asset_ids`, ascending, and their facets; zeros for those that are gone."""
    ids = np.array(sorted(set(asset_ids)), dtype=np.int64)
    alive, found = _read(session, _facets().where(AssetRow.id.in_(each(ids.tolist()))))
    records = np.zeros(len(ids), dtype=FACETS)
    records[np.searchsorted(ids, alive)] = found
    return ids, records


def all_facets(session: Session) -> Iterator[tuple[Keys, FacetRecords]]:
    """Yield the ids and facets of all assets in batches; memory stays flat."""
    last = 0
    while True:
        ids, records = _read(session, _facets().where(AssetRow.id > last).limit(BATCH))
        if len(ids) == 0:
            return
        yield ids, records
        last = int(ids[-1])


def owners(session: Session, keys: Sequence[int]) -> tuple[Keys, Keys]:
    """Return `keys`, ascending, and the asset each vector is of; 0 for those that are gone."""
    ids = np.array(sorted(set(keys)), dtype=np.int64)
    alive, found = _pairs(session, _owners().where(EmbeddingRow.id.in_(each(ids.tolist()))))
    assets = np.zeros(len(ids), dtype=np.int64)
    assets[np.searchsorted(ids, alive)] = found
    return ids, assets


def all_owners(session: Session) -> Iterator[tuple[Keys, Keys]]:
    """Yield the keys of all vectors and the assets they are of in batches; memory stays flat."""
    last = 0
    while True:
        keys, assets = _pairs(session, _owners().where(EmbeddingRow.id > last).limit(BATCH))
        if len(keys) == 0:
            return
        yield keys, assets
        last = int(keys[-1])


def count_visible(session: Session) -> int:
    """Return how many assets may be shown."""
    return session.scalar(select(func.count(AssetRow.id)).where(visible())) or 0


def newest_key(session: Session) -> int:
    """Return the highest key of any vector, 0 if there is none."""
    return session.scalar(select(func.max(EmbeddingRow.id))) or 0


def _facets() -> Select[*tuple[Any, ...]]:
    # The wall clock as text: numpy reads it a hundred times as fast as Python makes datetimes.
    return select(
        AssetRow.id,
        type_coerce(AssetRow.taken_local, String),
        AssetRow.latitude,
        AssetRow.longitude,
        AssetRow.place_id,
        AssetRow.rating,
        AssetRow.kind,
        visible(),
    ).order_by(AssetRow.id)


def _read(session: Session, query: Select[*tuple[Any, ...]]) -> tuple[Keys, FacetRecords]:
    rows = session.connection().execute(query).all()
    records = np.zeros(len(rows), dtype=FACETS)
    if not rows:
        return np.empty(0, dtype=np.int64), records
    ids, taken, latitudes, longitudes, places, ratings, kinds, seen = zip(*rows, strict=True)
    records["taken_local"] = np.array([text or "NaT" for text in taken], dtype="M8[us]")
    months = records["taken_local"].astype("M8[M]").astype(np.int64) % 12 + 1
    records["month"] = np.where(np.isnat(records["taken_local"]), 0, months)
    records["latitude"] = np.array(latitudes, dtype=np.float64)
    records["longitude"] = np.array(longitudes, dtype=np.float64)
    records["place_id"] = [place or 0 for place in places]
    records["rating"] = [NO_RATING if rating is None else rating for rating in ratings]
    records["kind"] = [KINDS.index(kind) for kind in kinds]
    records["is_visible"] = seen
    return np.array(ids, dtype=np.int64), records


def _owners() -> Select[int, int]:
    return (
        select(EmbeddingRow.id, MomentRow.asset_id)
        .join(MomentRow, MomentRow.id == EmbeddingRow.moment_id)
        .order_by(EmbeddingRow.id)
    )


def _pairs(session: Session, query: Select[int, int]) -> tuple[Keys, Keys]:
    rows = session.connection().execute(query).all()
    both = np.array([tuple(row) for row in rows], dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
