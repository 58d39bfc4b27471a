"""What a person typed -> a `Query`.

The language: plain words; "exact phrase"; -word and -"two words"; 2:word and 0.5:"two words" for
weights, of which -0.5:word only ranks down, where -word also drops what says so; and the operators
of `OPERATORS`, as `name:value` or `name:"two words"`. Anything else with a colon in it (12:30, a
URL, note: hello) is words. Only plain words are read for dates and places.
"""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches

from mediaindex.errors import QueryError
from mediaindex.media.places import plain as plain_name
from mediaindex.search.query import Note, Query, Term
from mediaindex.search.when import find_date, read_period, words_for
from mediaindex.search.where import KnownPlaces, reach_km
from mediaindex.search.where import find_place as find_known_place
from mediaindex.store.filters import Circle, Dates, Filter
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
}
OPERATORS = tuple(EXAMPLES)
LATER = ("person", "album", "tag", "is")
"""Names that a coming version gives a meaning; until then they are refused, not taken for words."""

FindPlace = Callable[[str], Sequence[Place]]

QUOTES = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"') | {"\uff1a": ":"})
"""Word processors' quotes, and the full-width quote and colon of East Asian keyboards."""

DASHES = "\u2212\u2013-"
"""Minus, the en dash that phones make of a hyphen, and the hyphen: last, as in a set of a regex."""

TOKEN = re.compile(
    rf"""
    (?P<minus>[{DASHES}](?=[^\s{DASHES}]))?
    (?:(?P<weight>\d*\.?\d+):(?=[^\s\d/]))?
    (?:(?P<name>[A-Za-z]+):(?!//))?
    (?:"(?P<quoted>[^"]*)"|(?P<bare>\S+)|(?<=:))
    """,
    re.VERBOSE,
)

MOST_SIGNS = 200
"""So many words to leave out, phrases, weights and operators; each makes the search slower, and
SQLite takes no more than a thousand."""

MOST_WEIGHT = 100.0
MOST_STARS = 5

ALIKE = 0.75
"""From this likeness on (difflib) an unknown name before a colon is taken for a slip of the pen."""

FARTHEST_KM = 20_038.0
"""Half way round the earth."""

POINT = "near:38.7,-9.1,10km"

NEAR_KM = 25.0
"""`near:` a point without a distance; near a town it is at least as far as the town reaches."""

ANY_PICTURE = frozenset(
    "all any everything my of our photo photograph photographs photos pic pics picture pictures "
    "image images shot shots show me taken the we".split(" ")
)
"""Words that say nothing beside a filter: "all pictures from 2019"."""

DANGLING = re.compile(
    r"(?:(?:^|(?<=\s))(?:in|on|at|from|of|taken|during|since|until|the|im|en|em|aus|vom) *)+$",
    re.IGNORECASE,
)
"""What leads up to a date or place and is nothing without it."""


def parse(
    text: str,
    today: date,
    places: Sequence[Place] | KnownPlaces,
    *,
    operators: Sequence[tuple[str, str]] = (),
    understand: bool = True,
    find_place: FindPlace = lambda _: (),
) -> Query:
    """Return what a person asks for.

    Args:
        text: As typed.
        today: What "yesterday" is counted from.
        places: Those that the library has pictures of, for "in Lisbon"; `KnownPlaces` for many
            questions.
        operators: Names and values that came apart from the words, as flags.
        understand: Read dates and known places in plain words as filters.
        find_place: The gazetteer, for `near:`; asked only then.

    Raises:
        QueryError: An operator has no value or one that means nothing, or is not known yet; there
            are too many of what is more than a plain word; or it is no text.
    """
    for said in (text, *(value for _, value in operators)):
        _check_is_text(said)
    # Composed, as the tables here are: a Mac's "é" may come as two characters.
    text = unicodedata.normalize("NFC", text).translate(QUOTES)
    reader = _Reader(today, find_place)
    for match in TOKEN.finditer(text):
        reader.take(match)
    for name, value in operators:
        reader.take_operator(name, unicodedata.normalize("NFC", value))
    query = reader.query()
    return _understood(query, reader.plain, today, places) if understand else query


def _check_is_text(said: str) -> None:
    """Check that there is nothing in it that means no character.

    Bytes that are no UTF-8 come as lone surrogates; what follows a NUL no database would read.

    Raises:
        QueryError: There are.
    """
    if "\0" in said:
        raise QueryError("a question cannot hold the character NUL")
    try:
        said.encode()
    except UnicodeEncodeError as error:
        shown = said.encode(errors="replace").decode()
        raise QueryError(f"{shown} is not valid UTF-8") from error


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
        return Filter(near=(_circle(value, find_place)[0],))
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
        said=one.said + other.said,
        said_here=one.said_here + other.said_here,
        unsaid=one.unsaid + other.unsaid,
        besides=one.besides + other.besides,
    )


class _Reader:
    """Gathers tokens; plain words in a row become one term, as a model reads sentences."""

    def __init__(self, today: date, find_place: FindPlace) -> None:
        self._today, self._find_place = today, find_place
        self._plain: list[str] = []
        self._weighted: list[Term] = []
        self._phrases: list[str] = []
        self._excluded: list[str] = []
        self._filter = Filter()
        self._notes: list[Note] = []
        self._signs = 0

    @property
    def plain(self) -> str:
        """The words without any sign."""
        return " ".join(self._plain)

    def take(self, match: "re.Match[str]") -> None:
        """Take one token in."""
        name = (match["name"] or "").lower()
        words = match["bare"] if match["quoted"] is None else match["quoted"]
        words = (words or "").strip().strip('"').strip()
        if name in LATER:
            raise QueryError(f"{name}: is for a coming version; known: {', '.join(OPERATORS)}")
        if name in OPERATORS:
            if match["minus"]:
                raise QueryError(f"-{name}: cannot be turned round; words can: -word")
            self.take_operator(name, words)
            return
        if name:
            self._note_typo(name, match.group())
            words = f"{match['name']}:{words}"
        if words:
            self._take_words(words, match)

    def query(self) -> Query:
        """Return what was gathered."""
        plain = (Term(self.plain),) if self._plain else ()
        return Query(
            terms=(*plain, *self._weighted),
            phrases=tuple(self._phrases),
            excluded=tuple(self._excluded),
            filter=self._filter,
            notes=tuple(self._notes),
        )

    def _take_words(self, words: str, match: "re.Match[str]") -> None:
        if match["weight"] or match["minus"] or match["quoted"] is not None:
            self._count_sign()
        if match["weight"]:
            weight = _weight(match["weight"])
            self._weighted.append(Term(words, -weight if match["minus"] else weight))
        elif match["minus"]:
            self._excluded.append(words)
        elif match["quoted"] is not None and not match["name"]:
            self._phrases.append(words)
        else:
            self._plain.append(words)

    def take_operator(self, name: str, value: str) -> None:
        """Take one operator in."""
        self._count_sign()
        wanted = operator(name, value, self._today, self._find_place)
        self._filter = combine(self._filter, wanted)
        if name == "near":
            told = _circle(value, self._find_place)[1]
            self._notes.append(Note(f"near:{value}: {told}", f"near:{value}"))

    def _count_sign(self) -> None:
        self._signs += 1
        if self._signs > MOST_SIGNS:
            raise QueryError(
                f"too many words: at most {MOST_SIGNS} of a question may be left out, in quotes, "
                "weighted, or operators"
            )

    def _note_typo(self, name: str, written: str) -> None:
        meant = get_close_matches(name, OPERATORS, n=1, cutoff=ALIKE)
        if meant:
            self._notes.append(Note(f"{written}: taken as words; did you mean {meant[0]}:"))


def _understood(
    query: Query, plain: str, today: date, places: Sequence[Place] | KnownPlaces
) -> Query:
    """Turn dates and known places in the plain words into filters, and say so."""
    text, found, notes = plain, query.filter, list(query.notes)
    # Dates first: March is a town, too.
    when = find_date(text, today)
    if when is not None:
        if when.dates is not None:
            found = combine(found, Filter(dates=(when.dates,)))
            told = words_for(when.dates)
        else:
            found = combine(found, Filter(months=(when.month or 1,)))
            told = "in that month of any year"
        text, note = _consumed(text, when.span, told)
        notes.append(note)
    place = find_known_place(text, places)
    if place is not None:
        found = combine(found, Filter(places=place.ids))
        text, note = _consumed(text, place.span, f"in {place.name}")
        notes.append(note)
    if not found.is_empty and ANY_PICTURE.issuperset(text.casefold().split()):
        text = ""
    weighted = query.terms[1:] if plain else query.terms
    first = (Term(text),) if text else ()
    return replace(query, terms=(*first, *weighted), filter=found, notes=tuple(notes))


def _consumed(text: str, span: tuple[int, int], told: str) -> tuple[str, Note]:
    """Return the text without a span and what led up to it, and what is told of that."""
    start, end = span
    lead = DANGLING.search(text[:start])
    start = lead.start() if lead else start
    before, after = text[:start].rstrip(" ,"), text[end:].lstrip(" ,")
    said = text[span[0] : end]
    note = Note(f"{said}: only pictures taken {told} (--literal: as words)", text[start:end])
    return f"{before} {after}".strip(), note


def _weight(text: str) -> float:
    weight = float(text)
    if not 0 < weight <= MOST_WEIGHT:
        raise QueryError(f"{text}: is no weight; it is above 0 and at most {MOST_WEIGHT:g}")
    return weight


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


def _circle(value: str, find_place: FindPlace) -> tuple[Circle, str]:
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
