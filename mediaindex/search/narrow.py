"""What a filter leaves over, by comparing facets: what SQL would say, much faster.

What a filter asks of names (folders, libraries, cameras, people, albums, tags), of favourites and
of what is written has no facet: SQLite lists that. So it does what is withheld, which has no facets
that pass.
"""

import math
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mediaindex.store.filters import KM_A_DEGREE, Circle, Dates, Filter
from mediaindex.types import KINDS, FacetRecords, Keys
from mediaindex.vectors.facets import Known

Mask = npt.NDArray[np.bool_]


def of_names(wanted: Filter) -> Filter:
    """Return the part of a filter that facets cannot answer."""
    return Filter(
        folders=wanted.folders,
        cameras=wanted.cameras,
        libraries=wanted.libraries,
        people=wanted.people,
        albums=wanted.albums,
        tags=wanted.tags,
        meant=wanted.meant,
        is_favourite=wanted.is_favourite,
        withheld=wanted.withheld,
    )


def passing_assets(facets: FacetRecords, wanted: Filter) -> Mask:
    """Return which assets pass all that has a facet, bool (n,) by id; see `conditions`."""
    mask: Mask = np.array(facets["is_visible"])
    if wanted.kinds:
        mask &= np.isin(facets["kind"], [KINDS.index(kind) for kind in wanted.kinds])
    for dates in wanted.dates:
        mask &= _taken(facets, dates)
    if wanted.months:
        mask &= np.isin(facets["month"], wanted.months)
    if wanted.near:
        mask &= _any(_within(facets, circle) for circle in wanted.near)
    if wanted.places:
        mask &= np.isin(facets["place_id"], wanted.places)
    if wanted.rating is not None:
        mask &= facets["rating"] >= wanted.rating
    mask[[asset for asset in wanted.besides if asset < len(mask)]] = False
    return mask


def listed(asset_ids: Iterable[int], length: int) -> Mask:
    """Return which asset ids are in a list, bool (length,)."""
    ids = np.fromiter(asset_ids, dtype=np.int64)
    mask = np.zeros(length, dtype=bool)
    mask[ids[ids < length]] = True
    return mask


def keys_of(known: Known, mask: Mask) -> Keys:
    """Return the keys of all vectors of the assets in `mask`, ascending."""
    # An owner may be newer than the records, and be written at this moment: what is not known yet
    # is clipped to the last, which does not pass.
    wide = np.append(mask, False)
    return np.flatnonzero(np.take(wide, known.owners, mode="clip"))


def _taken(facets: FacetRecords, dates: Dates) -> Mask:
    taken = facets["taken_local"]
    mask: Mask = ~np.isnat(taken)
    if dates.start is not None:
        mask &= taken >= np.datetime64(dates.start)
    if dates.end is not None:
        mask &= taken < np.datetime64(dates.end)
    return mask


def _within(facets: FacetRecords, circle: Circle) -> Mask:
    shrink = max(math.cos(math.radians(circle.latitude)), 1e-6)
    radius = circle.radius_km / KM_A_DEGREE
    north = facets["latitude"] - circle.latitude
    straight = np.abs(facets["longitude"] - circle.longitude)
    east = np.minimum(straight, 360 - straight) * shrink
    inside: Mask = north * north + east * east <= radius * radius
    return inside


def _any(masks: Iterable[Mask]) -> Mask:
    found: Mask = np.logical_or.reduce(list(masks))
    return found
