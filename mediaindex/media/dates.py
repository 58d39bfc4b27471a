"""When a picture was taken: which source is believed, and in which zone its clock was.

Order of sources: `DateRules.order`, by default EXIF, XMP (in the file, then beside it), Google
Takeout's JSON, the file's name, the file's time. The first that gives a possible date wins.

Zone of a clock that does not say its own: the offset that the file gives elsewhere (EXIF's offset
tags, the GPS clock), else the zone of the place it was taken at, else the home zone.
"""

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from mediaindex.types import DateSource, TakenAt

EARLIEST = 1826
"""The year of the oldest photograph; scans of old prints carry such dates."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

NOON = 12
"""A date without a time is put at noon: in no zone does it slip into the next day."""

MAX_OFFSET_MIN = 14 * 60

NAMED = (
    # IMG_20190704_153012, PXL_20210101_120000123, 20190704-153012, Screenshot_20190704-153012
    re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)[-_T ]?(\d\d)(\d\d)(\d\d)(?!\d{4,})"),
    # 2019-07-04 15.30.12, 2019-07-04T15:30:12, Screenshot 2019-07-04 at 15.30.12
    re.compile(
        r"(?<!\d)(\d{4})[-_.](\d\d)[-_.](\d\d)(?: at |[ T_-]+)(\d\d)[-_.:h](\d\d)[-_.:m](\d\d)"
    ),
    # IMG-20190704-WA0001, 20190704
    re.compile(r"(?<!\d)(\d{4})(\d\d)(\d\d)(?!\d)"),
    # 2019-07-04 Beach
    re.compile(r"(?<!\d)(\d{4})[-_.](\d\d)[-_.](\d\d)(?!\d)"),
)
"""Dates in the names that cameras, phones and messengers give."""

EPOCH_MS = re.compile(r"(?<!\d)(1[0-9]{12})(?!\d)")
"""FB_IMG_1562254212345: milliseconds since 1970, 2001 to 2033."""


@dataclass(frozen=True)
class DateRules:
    """What is believed."""

    order: tuple[DateSource, ...] = ("exif", "xmp", "takeout", "name", "mtime")
    #: IANA name of the zone of clocks that say nothing; None: this machine's.
    zone: str | None = None


@dataclass(frozen=True)
class Stamp:
    """A time as some source gives it."""

    #: The wall clock if naive; with a zone, exactly then.
    at: datetime
    #: False if only the day is known.
    has_time: bool = True


def taken_at(
    stamps: Mapping[DateSource, Iterable[Stamp]],
    rules: DateRules,
    *,
    offset_min: int | None,
    place_zone: str | None,
    now: datetime,
) -> TakenAt | None:
    """Return when a picture was taken, None if no source tells.

    Args:
        stamps: What each source says, best first.
        rules: Which source is asked first, and the home zone.
        offset_min: What the file says elsewhere of its clock's offset, minutes east of UTC.
        place_zone: IANA name of the zone where it was taken.
        now: Aware; what lies more than a day after it is not believed.
    """
    for source in rules.order:
        for stamp in stamps.get(source, ()):
            if _possible(stamp.at, now):
                return _settled(stamp, source, rules, offset_min, place_zone)
    return None


def parse_exif(text: str, subsecond: str = "") -> Stamp | None:
    """Return EXIF's `2019:07:04 15:30:12` as a stamp; None for what is no date."""
    found = re.match(
        r"\s*(\d{4})[:\-/.](\d\d?)[:\-/.](\d\d?)(?:[ T]+(\d\d?):(\d\d)(?::(\d\d))?)?", text
    )
    if found is None:
        return None
    year, month, day, hour, minute, second = found.groups()
    if hour is None:
        return _stamp(year, month, day)
    digits = re.match(r"\d+", subsecond.strip())
    part = float(f"0.{digits.group()}") if digits else 0.0
    stamp = _stamp(year, month, day, hour, minute, second or "0")
    return stamp and Stamp(stamp.at + timedelta(microseconds=round(part * 1e6)))


def parse_iso(text: str) -> Stamp | None:
    """Return an XMP date, which may be only a year or a month, as a stamp; None for no date."""
    text = text.strip()
    partial = re.fullmatch(r"(\d{4})(?:-(\d\d))?", text)
    if partial:
        return _stamp(partial[1], partial[2] or "1", "1")
    try:
        whole = datetime.fromisoformat(text)
    except ValueError:
        return parse_exif(text)
    has_time = len(text) > len("2019-07-04")
    return Stamp(whole if has_time else whole.replace(hour=NOON), has_time)


def parse_offset(text: str) -> int | None:
    """Return EXIF's `+02:00` in minutes; None for what is no offset."""
    found = re.match(r"\s*([+-])(\d\d):?(\d\d)", text)
    if found is None:
        return 0 if text.strip().upper() == "Z" else None
    minutes = int(found[2]) * 60 + int(found[3])
    return (-minutes if found[1] == "-" else minutes) if minutes <= MAX_OFFSET_MIN else None


def offset_by_gps(clock: datetime, gps_utc: datetime) -> int | None:
    """Return the offset of a naive clock from the GPS clock, if it is one that zones have.

    GPS stamps are a few minutes old at times; zones differ by quarters of an hour.
    """
    minutes = (clock - gps_utc.replace(tzinfo=None)).total_seconds() / 60
    rounded = round(minutes / 15) * 15
    return rounded if abs(minutes - rounded) <= 7 and abs(rounded) <= MAX_OFFSET_MIN else None


def by_name(name: str) -> list[Stamp]:
    """Return the dates that a file's name gives, most exact first."""
    found = [
        stamp
        for pattern in NAMED
        for match in pattern.finditer(name)
        if (stamp := _stamp(*match.groups())) and stamp.at.year >= 1990
    ]
    found += [
        Stamp(datetime.fromtimestamp(int(match[1]) / 1000, UTC))
        for match in EPOCH_MS.finditer(name)
    ]
    return found


def by_mtime(mtime_ns: int) -> list[Stamp]:
    """Return a file's time as a stamp; none for one before 1970 or past the year 9999."""
    try:
        return [Stamp(EPOCH + timedelta(microseconds=mtime_ns // 1000))] if mtime_ns > 0 else []
    except OverflowError:
        return []


def _stamp(
    year: str, month: str, day: str, hour: str | None = None, minute: str = "0", second: str = "0"
) -> Stamp | None:
    try:
        if hour is None:
            return Stamp(datetime(int(year), int(month), int(day), NOON), has_time=False)
        return Stamp(
            datetime(int(year), int(month), int(day), int(hour), int(minute), min(int(second), 59))
        )
    except ValueError:
        return None


def _possible(at: datetime, now: datetime) -> bool:
    naive = at.replace(tzinfo=None)
    # The first seconds of clocks that were never set.
    unset = naive.date() in (date(1904, 1, 1), date(1970, 1, 1), date(1980, 1, 1), date(2000, 1, 1))
    midnight = (naive.hour, naive.minute) == (0, 0)
    if unset and midnight:
        return False
    return naive.year >= EARLIEST and naive <= now.replace(tzinfo=None) + timedelta(days=1)


def _settled(
    stamp: Stamp,
    source: DateSource,
    rules: DateRules,
    offset_min: int | None,
    place_zone: str | None,
) -> TakenAt:
    where = _zone(place_zone)
    home = _zone(rules.zone)
    if stamp.at.tzinfo is not None:
        # Exactly then; the wall clock is that of the place, else as written, else at home.
        own = None if stamp.at.tzinfo is UTC else stamp.at.tzinfo
        known = where or own
        local = _in(stamp.at, known or home)
        offset = _minutes(local) if known is not None else None
        return TakenAt(stamp.at.astimezone(UTC), offset, local.replace(tzinfo=None), source)
    if offset_min is not None and stamp.has_time:
        exact = stamp.at.replace(tzinfo=timezone(timedelta(minutes=offset_min)))
        return TakenAt(exact.astimezone(UTC), offset_min, stamp.at, source)
    exact = _from(stamp.at, where or home)
    return TakenAt(
        exact.astimezone(UTC), _minutes(exact) if where is not None else None, stamp.at, source
    )


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def _in(at: datetime, zone: tzinfo | None) -> datetime:
    return at.astimezone(zone)


def _from(naive: datetime, zone: tzinfo | None) -> datetime:
    if zone is not None:
        return naive.replace(tzinfo=zone)
    if naive.year < 1970:  # the C library of some machines knows no local time before that
        return naive.replace(tzinfo=timezone(timedelta(seconds=-time.timezone)))
    return naive.astimezone()


def _minutes(aware: datetime) -> int:
    offset = aware.utcoffset()
    return 0 if offset is None else round(offset.total_seconds() / 60)
