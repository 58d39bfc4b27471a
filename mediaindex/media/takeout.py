"""Google Takeout's JSON beside a photo."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediaindex.media.dates import Stamp
from mediaindex.media.reading import open_to_read
from mediaindex.types import PersonWords, Position

MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class TakeoutFacts:
    """What a Takeout JSON says."""

    taken: Stamp | None = None
    position: Position | None = None
    words: tuple[PersonWords, ...] = ()


def read_takeout(path: Path) -> TakeoutFacts:
    """Return what a Takeout JSON says; nothing for one that is broken or of another kind.

    Raises:
        RetryLater: It cannot be read now.
    """
    with open_to_read(path) as file:
        text = file.read(MAX_BYTES)
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return TakeoutFacts()
    if not isinstance(said, dict):
        return TakeoutFacts()
    words = []
    if isinstance(said.get("description"), str) and said["description"].strip():
        words.append(PersonWords("description", said["description"].strip(), "takeout"))
    for person in _list(said.get("people")):
        if isinstance(person, dict) and isinstance(person.get("name"), str):
            words.append(PersonWords("person", person["name"].strip(), "takeout"))
    position = _position(said.get("geoData")) or _position(said.get("geoDataExif"))
    return TakeoutFacts(_taken(said.get("photoTakenTime")), position, tuple(words))


def _taken(said: Any) -> Stamp | None:  # noqa: ANN401 - whatever the JSON holds
    try:
        return Stamp(datetime.fromtimestamp(int(said["timestamp"]), UTC))
    except (TypeError, KeyError, ValueError, OverflowError, OSError):
        return None


def _position(said: Any) -> Position | None:  # noqa: ANN401 - whatever the JSON holds
    try:
        latitude, longitude = float(said["latitude"]), float(said["longitude"])
    except (TypeError, KeyError, ValueError):
        return None
    # Google writes 0, 0 where it knows nothing.
    if (latitude, longitude) == (0.0, 0.0) or abs(latitude) > 90 or abs(longitude) > 180:
        return None
    altitude = said.get("altitude")
    known = isinstance(altitude, int | float) and altitude != 0
    return Position(latitude, longitude, float(altitude) if known else None)


def _list(said: Any) -> list[Any]:  # noqa: ANN401 - whatever the JSON holds
    return said if isinstance(said, list) else []
