"""Google Takeout's JSON beside a photo."""

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mediaindex.marked import of_person
from mediaindex.media.dates import Stamp
from mediaindex.media.reading import open_to_read
from mediaindex.media.text import one_line
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
    if isinstance(said.get("description"), str):
        words.append(
            PersonWords("description", one_line(of_person(said["description"])), "takeout")
        )
    for person in _list(said.get("people")):
        if isinstance(person, dict) and isinstance(person.get("name"), str):
            words.append(PersonWords("person", one_line(person["name"]), "takeout"))
    position = _position(said.get("geoData")) or _position(said.get("geoDataExif"))
    told = tuple(one for one in words if one.text)
    return TakeoutFacts(_taken(said.get("photoTakenTime")), position, told)


def _taken(said: Any) -> Stamp | None:  # noqa: ANN401 - whatever the JSON holds
    try:
        return Stamp(datetime.fromtimestamp(int(said["timestamp"]), UTC))
    except (TypeError, KeyError, ValueError, OverflowError, OSError):
        return None


def _position(said: Any) -> Position | None:  # noqa: ANN401 - whatever the JSON holds
    if not isinstance(said, dict):
        return None
    latitude, longitude = _number(said.get("latitude")), _number(said.get("longitude"))
    # Google writes 0, 0 where it knows nothing.
    if latitude is None or longitude is None or (latitude, longitude) == (0.0, 0.0):
        return None
    if abs(latitude) > 90 or abs(longitude) > 180:
        return None
    return Position(latitude, longitude, _number(said.get("altitude")) or None)


def _number(said: Any) -> float | None:  # noqa: ANN401 - whatever the JSON holds
    try:
        number = float(said)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _list(said: Any) -> list[Any]:  # noqa: ANN401 - whatever the JSON holds
    return said if isinstance(said, list) else []
