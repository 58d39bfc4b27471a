"""Known places in plain words: "in Lisbon", where the library has pictures from Lisbon.

Only after a preposition, and a place that is also an everyday word only with its capital: "at
Sunset" and not "at sunset". A bare name is left to full text, which knows the places too and
filters nothing out.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from mediaindex.media.places import plain
from mediaindex.search.when import NEGATION
from mediaindex.types import Place

PREPOSITIONS = ("in", "at", "near", "around", "from")

EVERYDAY = frozenset(
    (
        "airport bag bar barn bath battle bay bed best big bloom blur bottom buffalo bury cage "
        "canyon castle cave center chair china cork countryside creek crystal daisy date dawn "
        "deal diamond downtown eagle egg forest fountain freedom gold grass gray green hall ham "
        "hat hope hull independence jasper lemon lens liberty lime long male man market me metro "
        "mobile nice normal of orange pan panorama paradise pearl plaza plum pond port progress "
        "race rain reading rock rose rugby rye sale sand sandwich slide split spring street "
        "summer sunrise sunset swamp temple tent terrace tours tub turkey union us valley van "
        "wedding young "
    ).split()
)
"""Words of pictures that the gazetteer has towns of ("at dawn" is in Singapore), found by asking it
for some five hundred; and "us"."""

ALSO = {
    "usa": "united states",
    "us": "united states",
    "america": "united states",
    "uk": "united kingdom",
    "england": "united kingdom",
    "great britain": "united kingdom",
    "holland": "netherlands",
    "czech republic": "czechia",
    "new york": "new york city",
}

MOST_WORDS = 5

MOST_TOLD = 3
"""So many places are named where several are meant."""

KM_OF_A_MILLION = 15.0
"""How far a city of a million reaches; area grows with people, so the radius with their root."""

LEAST_KM, MOST_KM = 3.0, 40.0

EARTH_KM = 6371.0


@dataclass(frozen=True)
class FoundPlace:
    """A place in a text."""

    #: Where it stands with its preposition, from and to.
    span: tuple[int, int]
    #: What it was taken for, for people: "Lisbon, Portugal"; of several, the largest first.
    name: str
    #: GeoNames ids of the known places that it means.
    ids: tuple[int, ...]


def find_place(text: str, places: "Sequence[Place] | KnownPlaces") -> FoundPlace | None:
    """Return the first known places after a preposition, the longest names that fit.

    "in Lisbon or Porto" is both; "in Paris, Texas" is what lies in both.

    Args:
        text: Plain words.
        places: Those that the library has pictures of; `KnownPlaces` for many texts.
    """
    names = places if isinstance(places, KnownPlaces) else KnownPlaces(places)
    for match in BEFORE.finditer(text):
        first = _name_at(text, match.end(), names)
        if first is None or NEGATION.search(text[: match.end()]):
            continue
        end, ids = first
        while (link := LINK.match(text, end)) and (more := _name_at(text, link.end(), names)):
            both = ids & more[1]
            if link["or"] is None and not both:
                break
            end, ids = more[0], (ids | more[1]) if link["or"] else both
        meant = [place for place in names.places if place.id in ids]
        return FoundPlace((match.start(), end), _told(meant), tuple(sorted(ids)))
    return None


BEFORE = re.compile(rf"(?<!\w)(?:{'|'.join(PREPOSITIONS)})\s+", re.IGNORECASE)
LINK = re.compile(
    rf"(?:,?\s+(?P<or>and|or)\s+|,\s*)(?:(?:{'|'.join(PREPOSITIONS)})\s+)?", re.IGNORECASE
)
WORD = re.compile(r"[^\s,;]+")


class KnownPlaces:
    """The places that a library has pictures of, by what they are called."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.places = places

    @cached_property
    def _towns(self) -> dict[str, list[Place]]:
        towns: dict[str, list[Place]] = {}
        for place in self.places:
            for name in {plain(name) for name in (place.name, *place.other_names)}:
                towns.setdefault(name, []).append(place)
        return towns

    @cached_property
    def _areas(self) -> dict[str, set[int]]:
        areas: dict[str, set[int]] = {}
        for place in self.places:
            for area in (place.region, place.country):
                areas.setdefault(plain(area or ""), set()).add(place.id)
        return areas

    def called(self, name: str) -> frozenset[int]:
        """Return what has this name, and what lies within reach of it if that is a town.

        So Amadora is asked for by "Lisbon"; regions and countries end at their borders.
        """
        towns = self._towns.get(name, ())
        near = (
            place.id
            for place in (self.places if towns else ())
            if any(_distance_km(place, town) <= reach_km(town) for town in towns)
        )
        return frozenset(self._areas.get(name, ()) if name else ()).union(near)


def _name_at(text: str, at: int, names: KnownPlaces) -> tuple[int, frozenset[int]] | None:
    """Return where the longest name that starts at `at` ends, and the places it names."""
    ends = [word.end() for word in WORD.finditer(text, at)][:MOST_WORDS]
    for end in reversed(ends):
        said = plain(text[at:end]).removeprefix("the ").strip(" .!?")
        if said in EVERYDAY and not any(map(str.isupper, text[at:end])):
            continue
        ids = names.called(ALSO.get(said, said)) or names.called(said)
        if ids:
            return end, ids
    return None


def _told(meant: Sequence[Place]) -> str:
    """Return what is meant, so that "in Paris" of Texas is seen to be so."""
    largest = sorted(meant, key=lambda place: -place.population)
    told = [
        ", ".join(part for part in (place.name, place.region, place.country) if part)
        for place in largest[:MOST_TOLD]
    ]
    more = [f"{len(meant) - MOST_TOLD} more"] if len(meant) > MOST_TOLD else []
    return "; ".join(told + more)


def reach_km(place: Place) -> float:
    """Return how far a town reaches, by its people."""
    radius = KM_OF_A_MILLION * math.sqrt(place.population / 1e6)
    return min(max(radius, LEAST_KM), MOST_KM)


def _distance_km(one: Place, other: Place) -> float:
    """Haversine (Sinnott 1984)."""
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    turn = math.radians(one.longitude - other.longitude)
    half = math.sin((first - second) / 2) ** 2
    half += math.cos(first) * math.cos(second) * math.sin(turn / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))
