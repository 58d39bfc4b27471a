"""EXIF and IPTC, as cameras and people left them: broken tags are passed by, the rest is used."""

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image
from PIL.ExifTags import GPS, IFD, Base

from mediaindex import marked
from mediaindex.media.dates import Stamp, offset_by_gps, parse_exif, parse_offset
from mediaindex.media.text import one_line
from mediaindex.types import PersonWords, Position, WordsKind

DATES = (
    (Base.DateTimeOriginal, Base.SubsecTimeOriginal),
    (Base.DateTimeDigitized, Base.SubsecTimeDigitized),
    (Base.DateTime, Base.SubsecTime),
)
"""Best first: the shutter, the digitising, the last change."""

OFFSETS = (Base.OffsetTimeOriginal, Base.OffsetTimeDigitized, Base.OffsetTime)

RATING, RATING_PERCENT = 0x4746, 0x4749

XP_WORDS: tuple[tuple[int, WordsKind], ...] = (
    (0x9C9B, "title"),
    (0x9C9C, "comment"),
    (0x9C9E, "keyword"),
    (0x9C9F, "description"),
)
"""What Windows Explorer writes, UTF-16."""

IPTC_WORDS: tuple[tuple[tuple[int, int], WordsKind], ...] = (
    ((2, 5), "title"),
    ((2, 105), "title"),
    ((2, 120), "description"),
    ((2, 25), "keyword"),
)
"""Object name, headline, caption, keywords (IPTC-IIM 4.2)."""

RUBBISH = frozenset(
    text.casefold()
    for text in (
        "OLYMPUS DIGITAL CAMERA",
        "SONY DSC",
        "DCIM",
        "Exif_JPEG_PICTURE",
        "Digital Camera",
        "KODAK Digital Still Camera",
        "MINOLTA DIGITAL CAMERA",
        "SAMSUNG DIGITAL CAMERA",
        "SAMSUNG CAMERA PICTURES",
        "Created with GIMP",
        "Untitled",
        "default",
        "image description",
        "User comments",
        "Charset=Ascii",
        "Hello World",
        "processed by VSCOcam",
    )
)
"""What cameras and programs write where a person might have written something."""


@dataclass(frozen=True)
class ExifFacts:
    """What EXIF and IPTC say."""

    #: 1 to 8.
    orientation: int = 1
    dates: tuple[Stamp, ...] = ()
    #: Minutes east of UTC, from the offset tags or the GPS clock.
    offset_min: int | None = None
    position: Position | None = None
    make: str | None = None
    model: str | None = None
    lens: str | None = None
    rating: int | None = None
    words: tuple[PersonWords, ...] = ()


def read_exif(exif: Image.Exif) -> ExifFacts:
    """Return what the tags say; whatever is broken is left out.

    Args:
        exif: As Pillow reads it from any format.
    """
    tags: dict[int, Any] = {**_directory(exif, IFD.Exif), **dict(exif)}
    gps = _directory(exif, IFD.GPSInfo)
    dates = tuple(_dates(tags))
    return ExifFacts(
        orientation=_orientation(tags.get(Base.Orientation)),
        dates=dates,
        offset_min=_offset(tags, gps, dates),
        position=_position(gps),
        make=_text(tags.get(Base.Make)),
        model=_text(tags.get(Base.Model)),
        lens=_text(tags.get(Base.LensModel)),
        rating=_rating(tags),
        words=tuple(_words(tags)),
    )


def read_iptc(records: dict[tuple[int, int], Any] | None) -> tuple[PersonWords, ...]:
    """Return the words of IPTC records, as `PIL.IptcImagePlugin.getiptcinfo` gives them."""
    found = []
    for key, kind in IPTC_WORDS:
        value = (records or {}).get(key)
        for item in value if isinstance(value, list) else [value]:
            text = _text(item)
            if text:
                found.append(PersonWords(kind, text, "iptc"))
    return tuple(found)


def _directory(exif: Image.Exif, which: IFD) -> dict[int, Any]:
    try:
        return dict(exif.get_ifd(which))
    except (ValueError, TypeError, KeyError, SyntaxError, OSError, AttributeError):
        return {}


def _orientation(value: Any) -> int:  # noqa: ANN401 - a tag may hold anything
    return int(value) if isinstance(value, int) and 1 <= value <= 8 else 1


def _dates(tags: dict[int, Any]) -> Iterator[Stamp]:
    for date, subsecond in DATES:
        text, part = _text(tags.get(date)), _text(tags.get(subsecond))
        stamp = parse_exif(text, part or "") if text else None
        if stamp is not None:
            yield stamp


def _offset(tags: dict[int, Any], gps: dict[int, Any], dates: tuple[Stamp, ...]) -> int | None:
    for tag in OFFSETS:
        text = _text(tags.get(tag))
        offset = parse_offset(text) if text else None
        if offset is not None:
            return offset
    clock = _gps_clock(gps)
    if clock is None or not dates or not dates[0].has_time:
        return None
    return offset_by_gps(dates[0].at, clock)


def _gps_clock(gps: dict[int, Any]) -> datetime | None:
    day = parse_exif(_text(gps.get(GPS.GPSDateStamp)) or "")
    time = [_number(part) for part in _sequence(gps.get(GPS.GPSTimeStamp))]
    if day is None or len(time) != 3 or None in time:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in time)
        return day.at.replace(hour=hour, minute=minute, second=min(second, 59), tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def _position(gps: dict[int, Any]) -> Position | None:
    latitude = _degrees(gps.get(GPS.GPSLatitude), gps.get(GPS.GPSLatitudeRef), 90)
    longitude = _degrees(gps.get(GPS.GPSLongitude), gps.get(GPS.GPSLongitudeRef), 180)
    # 0, 0 lies in the sea; phones write it where they know nothing.
    if latitude is None or longitude is None or (latitude, longitude) == (0.0, 0.0):
        return None
    height = _number(gps.get(GPS.GPSAltitude))
    if height is not None and gps.get(GPS.GPSAltitudeRef) in (1, b"\x01"):
        height = -height
    return Position(latitude, longitude, height)


def _degrees(value: Any, ref: Any, most: int) -> float | None:  # noqa: ANN401 - tags may hold anything
    parts = [_number(part) for part in _sequence(value)]
    if not parts or len(parts) > 3 or None in parts:
        return None
    degrees = sum((part or 0.0) / 60.0**place for place, part in enumerate(parts))
    if not 0 <= degrees <= most:
        return None
    return -degrees if (_text(ref) or "").upper()[:1] in ("S", "W") else degrees


def _number(value: Any) -> float | None:  # noqa: ANN401 - a tag may hold anything
    try:
        number = float(value)
    except (TypeError, ValueError, ZeroDivisionError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _sequence(value: Any) -> list[Any]:  # noqa: ANN401 - a tag may hold anything
    if isinstance(value, tuple | list):
        return list(value)
    return [] if value is None else [value]


def _rating(tags: dict[int, Any]) -> int | None:
    stars = tags.get(RATING)
    if isinstance(stars, int) and -1 <= stars <= 5:
        return stars
    percent = tags.get(RATING_PERCENT)
    if isinstance(percent, int) and 0 < percent <= 100:
        # Windows writes 1, 25, 50, 75, 99 for one to five stars.
        return min(5, round(percent / 25) + 1)
    return None


def _words(tags: dict[int, Any]) -> Iterator[PersonWords]:
    description = _text(tags.get(Base.ImageDescription))
    if description:
        yield PersonWords("description", description, "exif")
    comment = _comment(tags.get(Base.UserComment))
    if comment:
        yield PersonWords("comment", comment, "exif")
    for tag, kind in XP_WORDS:
        text = _wide(tags.get(tag))
        for part in text.split(";") if kind == "keyword" else [text]:
            if part.strip():
                yield PersonWords(kind, part.strip(), "exif")


def _comment(value: Any) -> str | None:  # noqa: ANN401 - a tag may hold anything
    if not isinstance(value, bytes):
        return _text(value)
    charset, text = value[:8], value[8:]
    if charset == b"UNICODE\0":
        # The standard leaves the order of bytes open; letters of any script show it.
        order = "utf-16-le" if text[1::2].count(0) >= text[::2].count(0) else "utf-16-be"
        return _text(text.decode(order, errors="ignore"))
    if charset == b"JIS\0\0\0\0\0":
        return _text(text.decode("iso2022_jp", errors="ignore"))
    return _text(text if charset in (b"ASCII\0\0\0", b"\0" * 8) else value)


def _wide(value: Any) -> str:  # noqa: ANN401 - a tag may hold anything
    if isinstance(value, tuple) and all(
        isinstance(item, int) and 0 <= item < 256 for item in value
    ):
        value = bytes(value)
    if isinstance(value, bytes):
        return _text(value.decode("utf-16-le", errors="ignore")) or ""
    return _text(value) or ""


def _text(value: Any) -> str | None:  # noqa: ANN401 - a tag may hold anything
    """Return a tag's text, tidied; None if it holds none, or what only a machine would write."""
    if isinstance(value, bytes):
        value = _decoded(value)
    if not isinstance(value, str):
        return None
    if any("\x80" <= letter <= "\xff" for letter in value):
        # Pillow reads tags as Latin-1; phones write UTF-8.
        with suppress(UnicodeEncodeError, UnicodeDecodeError):
            value = value.encode("latin-1").decode("utf-8")
    text = one_line(marked.of_person(value.split("\0")[0]))
    return text if any(map(str.isalnum, text)) else None


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def is_rubbish(text: str) -> bool:
    """Return True for what a camera or program writes by itself."""
    plain = text.casefold().strip()
    made = plain.startswith(("maker:", "charset=", "<")) or plain.endswith("digital camera")
    return made or plain in RUBBISH or re.fullmatch(r"[0-9a-f]{16,}", plain) is not None
