"""Known places in plain words: "in Lisbon", where the library has pictures from Lisbon.

Only after a preposition. "Nice", "Bath", "Reading" and "Orange" are towns and words; a bare name is
left to full text, which knows the places too and filters nothing out.
"""

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from mediaindex.types import Place

PREPOSITIONS = ("in", "at", "near", "around", "from")

ALSO = {
    "usa": "united states",
    "us": "united states",
    "the us": "united states",
    "the usa": "united states",
    "america": "united states",
    "uk": "united kingdom",
    "the uk": "united kingdom",
    "england": "united kingdom",
    "great britain": "united kingdom",
    "holland": "netherlands",
    "the netherlands": "netherlands",
    "czech republic": "czechia",
    "new york": "new york city",
}

MOST_WORDS = 5

KM_OF_A_MILLION = 15.0
"""How far a city of a million reaches; area grows with people, so the radius with their root."""

LEAST_KM, MOST_KM = 3.0, 40.0

EARTH_KM = 6371.0


@dataclass(frozen=True)
class FoundPlace:
    """A place in a text."""

    #: Where it stands with its preposition, from and to.
    span: tuple[int, int]
    name: str
    #: GeoNames ids of the known places that it means.
    ids: tuple[int, ...]


def find_place(text: str, places: Sequence[Place]) -> FoundPlace | None:
    """Return the first known place after a preposition, the longest name that fits.

    Args:
        text: Plain words.
        places: Those that the library has pictures of.
    """
    if not places:
        return None
    names = _names(places)
    for match in re.finditer(rf"(?<!\w)(?:{'|'.join(PREPOSITIONS)}) ", text, re.IGNORECASE):
        words = list(re.finditer(r"[^\s,;]+", text[match.end() :]))[:MOST_WORDS]
        for last in range(len(words), 0, -1):
            end = match.end() + words[last - 1].end()
            said = plain(text[match.end() : end])
            ids = names.get(ALSO.get(said, said)) or names.get(said)
            if ids:
                reached = _with_suburbs(ids, places)
                return FoundPlace((match.start(), end), text[match.end() : end], reached)
    return None


def plain(name: str) -> str:
    """Return a name as it is compared: no case, no accents, single spaces."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(bare.split())


def reach_km(place: Place) -> float:
    """Return how far a town reaches, by its people."""
    radius = KM_OF_A_MILLION * math.sqrt(place.population / 1e6)
    return min(max(radius, LEAST_KM), MOST_KM)


def _names(places: Sequence[Place]) -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for place in places:
        every = (place.name, place.region, place.country, *place.other_names)
        for name in {plain(name) for name in every if name}:
            found.setdefault(name, []).append(place.id)
    return {name: tuple(ids) for name, ids in found.items()}


def _with_suburbs(ids: Sequence[int], places: Sequence[Place]) -> tuple[int, ...]:
    """Return these places and what lies within their reach: Amadora is asked for by "Lisbon"."""
    meant = [place for place in places if place.id in set(ids)]
    return tuple(
        sorted(
            place.id
            for place in places
            if any(_distance_km(place, centre) <= reach_km(centre) for centre in meant)
        )
    )


def _distance_km(one: Place, other: Place) -> float:
    """Haversine (Sinnott 1984)."""
    first, second = math.radians(one.latitude), math.radians(other.latitude)
    turn = math.radians(one.longitude - other.longitude)
    half = math.sin((first - second) / 2) ** 2
    half += math.cos(first) * math.cos(second) * math.sin(turn / 2) ** 2
    return 2 * EARTH_KM * math.asin(math.sqrt(min(1.0, half)))
