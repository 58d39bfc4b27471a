"""What a person typed -> a `Query`.

The language: plain words; "exact phrase"; -word and -"two words"; 2:word and 0.5:"two words" for
weights; and the operators of `OPERATORS`, as `name:value` or `name:"two words"`. Anything else with
a colon in it (12:30, a URL) is words.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from mediaindex.errors import QueryError
from mediaindex.search.query import Note, Query, Term
from mediaindex.search.when import find_date, read_period, words_for
from mediaindex.search.where import find_place as find_known_place
from mediaindex.search.where import reach_km
from mediaindex.store.filters import Circle, Dates, Filter
from mediaindex.types import Place

OPERATORS = ("after", "before", "date", "kind", "in", "camera", "near", "library", "rating")
LATER = ("person", "album", "tag", "is")
"""Names that a coming version gives a meaning; until then they are refused, not taken for words."""

FindPlace = Callable[[str], Sequence[Place]]

QUOTES = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"') | {"\uff1a": ":"})
"""Word processors' quotes, and the full-width quote and colon of East Asian keyboards."""

TOKEN = re.compile(
    r"""
    (?P<minus>-(?=[^\s-]))?
    (?:(?P<weight>\d+(?:\.\d+)?):(?=[^\s\d/]))?
    (?:(?P<name>[A-Za-z]+):(?=[^\s/]))?
    (?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))
    """,
    re.VERBOSE,
)

NEAR_KM = 25.0
"""`near:` a point without a distance; near a town it is at least as far as the town reaches."""

DANGLING = re.compile(r"(?:^|\s)(?:in|on|at|from|of|taken|during|since|until)\s*$", re.IGNORECASE)


def parse(
    text: str,
    today: date,
    places: Sequence[Place],
    understand: bool = True,
    find_place: FindPlace = lambda _: (),
) -> Query:
    """Return what a person asks for.

    Args:
        text: As typed.
        today: What "yesterday" is counted from.
        places: Those that the library has pictures of, for "in Lisbon".
        understand: Read dates and known places in plain words as filters.
        find_place: The gazetteer, for `near:`; asked only then.

    Raises:
        QueryError: An operator's value means nothing, or the operator is not known yet.
    """
    reader = _Reader(today, find_place)
    for match in TOKEN.finditer(text.translate(QUOTES)):
        reader.take(match)
    query = reader.query()
    return _understood(query, today, places) if understand else query


def operator(name: str, value: str, today: date, find_place: FindPlace = lambda _: ()) -> Filter:
    """Return the filter that `name:value` means; a flag of the command line is the same.

    `after:2019` begins with 2019 and `before:2019` ends with 2018, so that both together are empty.

    Raises:
        QueryError: The value means nothing.
    """
    value = value.strip()
    if name in ("after", "before", "date"):
        return Filter(dates=(_dates(name, value, today),))
    if name == "kind":
        if value.lower() not in ("photo", "video"):
            raise QueryError(f"kind:{value}: it is photo or video")
        return Filter(kinds=(value.lower(),))
    if name == "rating":
        stars = re.fullmatch(r">?=?\s*([0-5])", value)
        if stars is None:
            raise QueryError(f"rating:{value}: it is 0 to 5, and means at least so many stars")
        return Filter(rating=int(stars[1]))
    if name == "near":
        return Filter(near=(_circle(value, find_place),))
    if name == "in":
        return Filter(folders=(value,))
    return Filter(cameras=(value,)) if name == "camera" else Filter(libraries=(value,))


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
        assets=one.assets if other.assets is None else other.assets,
    )


@dataclass
class _Reader:
    """Gathers tokens; plain words in a row become one term, as a model reads sentences."""

    today: date
    find_place: FindPlace

    def __post_init__(self) -> None:
        self._plain: list[str] = []
        self._weighted: list[Term] = []
        self._phrases: list[str] = []
        self._excluded: list[str] = []
        self._filter = Filter()

    def take(self, match: "re.Match[str]") -> None:
        """Take one token in."""
        name = (match["name"] or "").lower()
        words = match["quoted"] if match["quoted"] is not None else match["bare"]
        words = words.strip().strip('"').strip()
        if name in LATER:
            raise QueryError(f"{name}: is for a coming version; known: {', '.join(OPERATORS)}")
        if name and name not in OPERATORS:
            words, name = f"{match['name']}:{words}", ""
        if not words:
            return
        if name:
            if match["minus"]:
                raise QueryError(f"-{name}: cannot be turned round; words can: -word")
            self._filter = combine(self._filter, operator(name, words, self.today, self.find_place))
        elif match["minus"]:
            self._excluded.append(words)
        elif match["weight"]:
            self._weighted.append(Term(words, _weight(match["weight"])))
        elif match["quoted"] is not None:
            self._phrases.append(words)
        else:
            self._plain.append(words)

    def query(self) -> Query:
        """Return what was gathered."""
        plain = [Term(" ".join(self._plain))] if self._plain else []
        return Query(
            terms=(*plain, *self._weighted),
            phrases=tuple(self._phrases),
            excluded=tuple(self._excluded),
            filter=self._filter,
        )


def _weight(text: str) -> float:
    weight = float(text)
    if not math.isfinite(weight) or weight > 100:
        raise QueryError(f"{text}: is no weight; from 0 to 100")
    return weight


def _understood(query: Query, today: date, places: Sequence[Place]) -> Query:
    """Turn dates and known places in the plain words into filters, and say so."""
    if not query.terms or query.terms[0].weight != 1.0:
        return query
    text, found, notes = query.terms[0].text, query.filter, list(query.notes)
    place = find_known_place(text, places)
    if place is not None:
        found = combine(found, Filter(places=place.ids))
        said = text[slice(*place.span)]
        notes.append(Note(f"{said}: only pictures taken there (--literal: as words)", said))
        text = _without(text, place.span)
    when = find_date(text, today)
    if when is not None:
        said = text[slice(*when.span)]
        if when.dates is not None:
            found = combine(found, Filter(dates=(when.dates,)))
            told = words_for(when.dates)
        else:
            found = combine(found, Filter(months=(when.month or 1,)))
            told = "in that month of any year"
        notes.append(Note(f"{said}: only pictures taken {told} (--literal: as words)", said))
        text = _without(text, when.span)
    first = (Term(text),) if text else ()
    return replace(query, terms=(*first, *query.terms[1:]), filter=found, notes=tuple(notes))


def _without(text: str, span: tuple[int, int]) -> str:
    before = DANGLING.sub("", text[: span[0]]).rstrip(" ,")
    after = text[span[1] :].lstrip(" ,")
    return f"{before} {after}".strip()


def _dates(name: str, value: str, today: date) -> Dates:
    period = read_period(value, today)
    if period is None:
        raise QueryError(
            f"{name}:{value}: is no date; write 2019, 2019-07, 2019-07-04, or yesterday"
        )
    if name == "after":
        return Dates(start=period.start)
    return Dates(end=period.start) if name == "before" else period


def _circle(value: str, find_place: FindPlace) -> Circle:
    where, radius_km = _with_distance(value)
    point = re.fullmatch(r"(-?\d+(?:\.\d+)?)\s*,\s*(-?\d+(?:\.\d+)?)", where)
    if point:
        latitude, longitude = float(point[1]), float(point[2])
        if abs(latitude) > 90 or abs(longitude) > 180:
            raise QueryError(f"near:{value}: latitude is within 90 degrees, longitude within 180")
        return Circle(latitude, longitude, radius_km or NEAR_KM)
    found = find_place(where)
    if not found:
        raise QueryError(f"near:{value}: no place of that name is known; near:38.7,-9.1,10km is")
    town = found[0]
    return Circle(town.latitude, town.longitude, radius_km or max(NEAR_KM, reach_km(town)))


def _with_distance(value: str) -> tuple[str, float | None]:
    found = re.fullmatch(r"(.*?)\s*,\s*(\d+(?:\.\d+)?)\s*(km|mi|m)", value.strip(), re.IGNORECASE)
    if found is None:
        return value.strip(), None
    unit_km = {"km": 1.0, "m": 0.001, "mi": 1.609344}[found[3].lower()]
    return found[1], float(found[2]) * unit_km
