"""Operators: what `name:value` means, in a question or as a flag."""

import re
from collections.abc import Callable, Sequence
from datetime import date

from mediaindex.errors import QueryError
from mediaindex.media.places import plain as plain_name
from mediaindex.search.when import read_period
from mediaindex.search.where import reach_km
from mediaindex.store.filters import Circle, Dates, Filter
from mediaindex.store.withheld import ASKED_FOR
from mediaindex.types import Place

EXAMPLES = {
    "after": "after:2019",
    "before": "before:2019-07",
    "date": "date:2019-07-04",
    "on": "on:2019-07-04",
    "kind": "kind:photo",
    "in": 'in:"Summer trip"',
    "camera": "camera:canon",
    "near": "near:Lisbon,50km",
    "library": "library:photos",
    "rating": "rating:3",
    "person": "person:Anna",
    "album": 'album:"Summer 2019"',
    "tag": "tag:travel",
    "is": "is:favourite",
}
OPERATORS = tuple(EXAMPLES)

FindPlace = Callable[[str], Sequence[Place]]

FAVOURITE = ("favourite", "favorite")
"""What `is:` says of favourites, on both sides of an ocean."""

MOST_STARS = 5

FARTHEST_KM = 20_038.0
"""Half way round the earth."""

POINT = "near:38.7,-9.1,10km"

NEAR_KM = 25.0
"""`near:` a point without a distance; near a town it is at least as far as the town reaches."""


def operator(name: str, value: str, today: date, find_place: FindPlace = lambda _: ()) -> Filter:
    """Return the filter that `name:value` means; a flag of the command line is the same.

    `after:2019` begins with 2019 and `before:2019` ends with 2018, so that both together are empty.

    Args:
        name: One of `OPERATORS`.
        value: What stands behind the colon, without quotes.
        today: What "yesterday" is counted from.
        find_place: The gazetteer, for `near`.

    Raises:
        QueryError: There is no such operator, or the value means nothing.
    """
    value = value.strip()
    if name not in OPERATORS:
        raise QueryError(f"{name}: is no operator; known: {', '.join(OPERATORS)}")
    if not value:
        raise QueryError(f"{name}: needs its value right after the colon, as in {EXAMPLES[name]}")
    if name in ("after", "before", "date", "on"):
        return Filter(dates=(_dates(name, value, today),))
    if name == "kind":
        return Filter(kinds=(_kind(value),))
    if name == "rating":
        return Filter(rating=_stars(value))
    if name == "near":
        return Filter(near=(circle_of(value, find_place)[0],))
    if name == "is":
        return _state(value)
    return _named(name, value)


def _named(name: str, value: str) -> Filter:
    match name:
        case "in":
            return Filter(folders=(value,))
        case "camera":
            return Filter(cameras=(value,))
        case "library":
            return Filter(libraries=(value,))
        case "person":
            return Filter(people=(value,))
        case "album":
            return Filter(albums=(value,))
        case _:
            return Filter(tags=(value,))


def combine(one: Filter, other: Filter) -> Filter:
    """Return the filter that asks for what both ask for."""
    ratings = [rating for rating in (one.rating, other.rating) if rating is not None]
    return Filter(
        kinds=one.kinds + other.kinds,
        dates=one.dates + other.dates,
        months=one.months + other.months,
        folders=one.folders + other.folders,
        cameras=one.cameras + other.cameras,
        libraries=one.libraries + other.libraries,
        near=one.near + other.near,
        places=one.places + other.places,
        rating=max(ratings) if ratings else None,
        said=one.said + other.said,
        said_here=one.said_here + other.said_here,
        unsaid=one.unsaid + other.unsaid,
        besides=one.besides + other.besides,
        people=one.people + other.people,
        albums=one.albums + other.albums,
        tags=one.tags + other.tags,
        meant=one.meant + other.meant,
        is_favourite=one.is_favourite or other.is_favourite,
        withheld=one.withheld + other.withheld,
    )


def _state(value: str) -> Filter:
    said = value.lower()
    if said in FAVOURITE:
        return Filter(is_favourite=True)
    if said not in ASKED_FOR:
        raise QueryError(
            f"is:{value}: it is favourite, archived or trashed; what is locked or hidden is never "
            "shown"
        )
    return Filter(withheld=(said,))


def _kind(value: str) -> str:
    kind = value.lower().removesuffix("s")
    if kind not in ("photo", "video"):
        raise QueryError(f"kind:{value}: it is photo or video")
    return kind


def _stars(value: str) -> int:
    found = re.fullmatch(r"(>?=?)\s*([0-5])", value)
    stars = None if found is None else int(found[2]) + (found[1] == ">")
    if stars is None or stars > MOST_STARS:
        raise QueryError(f"rating:{value}: it is 0 to 5, and means at least so many stars")
    return stars


def _dates(name: str, value: str, today: date) -> Dates:
    period = read_period(value, today)
    if period is None:
        raise QueryError(
            f"{name}:{value}: is no date; write 2019, 2019-07, 2019-07-04, or yesterday"
        )
    if name == "after":
        return Dates(start=period.start)
    return Dates(end=period.start) if name == "before" else period


def circle_of(value: str, find_place: FindPlace) -> tuple[Circle, str]:
    """Return what `near:value` means, and that in words."""
    where, radius_km = _with_distance(value)
    point = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)", where)
    if point:
        latitude, longitude = float(point[1]), float(point[2])
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise QueryError(f"near:{value}: latitude is within 90 degrees, longitude within 180")
        circle = Circle(latitude, longitude, radius_km or NEAR_KM)
        return circle, f"within {circle.radius_km:g} km"
    town = _town(where, find_place)
    if town is None:
        raise QueryError(
            f"near:{value}: no such place; write, for example, {EXAMPLES['near']} or {POINT}"
        )
    radius_km = radius_km or max(NEAR_KM, round(reach_km(town)))
    called = ", ".join(part for part in (town.name, town.region, town.country) if part)
    return Circle(town.latitude, town.longitude, radius_km), f"within {radius_km:g} km of {called}"


def _town(name: str, find_place: FindPlace) -> Place | None:
    """Return the largest town of a name; "Paris, Texas" and "Paris, FR" say which."""
    whole = find_place(name)
    if whole:
        return whole[0]
    town, _, area = name.rpartition(",")
    for place in find_place(town.strip()) if town.strip() else ():
        areas = (place.region or "", place.country, place.country_code)
        if plain_name(area) in map(plain_name, areas):
            return place
    return None


def _with_distance(value: str) -> tuple[str, float | None]:
    found = re.fullmatch(r"(.*?)\s*,\s*(\d+(?:\.\d+)?)\s*(km|mi|m)", value.strip(), re.IGNORECASE)
    if found is None:
        return value.strip(), None
    unit_km = {"km": 1.0, "m": 0.001, "mi": 1.609344}[found[3].lower()]
    distance_km = float(found[2]) * unit_km
    if not 0 < distance_km <= FARTHEST_KM:
        raise QueryError(f"near:{value}: a distance is above 0 and at most {FARTHEST_KM:g} km")
    return found[1], distance_km
