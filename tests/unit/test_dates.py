from datetime import UTC, datetime, timedelta

import pytest

from mediaindex.media.dates import (
    DateRules,
    Stamp,
    by_mtime,
    by_name,
    offset_by_gps,
    parse_exif,
    parse_iso,
    parse_offset,
    taken_at,
)
from mediaindex.types import DateSource, TakenAt

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def decided(
    stamps: dict[DateSource, list[Stamp]],
    *,
    order: tuple[DateSource, ...] = DateRules().order,
    offset_min: int | None = None,
    place_zone: str | None = None,
) -> TakenAt | None:
    rules = DateRules(order=order, zone="Europe/Berlin")
    return taken_at(stamps, rules, offset_min=offset_min, place_zone=place_zone, now=NOW)


@pytest.mark.parametrize(
    ("name", "when"),
    [
        ("IMG_20190704_153012.jpg", "2019-07-04T15:30:12"),
        ("PXL_20210101_120000123.jpg", "2021-01-01T12:00:00"),
        ("20190704-153012.heic", "2019-07-04T15:30:12"),
        ("2019-07-04 15.30.12.jpg", "2019-07-04T15:30:12"),
        ("Screenshot 2019-07-04 at 15.30.12.png", "2019-07-04T15:30:12"),
        ("signal-2019-07-04-15-30-12-123.jpg", "2019-07-04T15:30:12"),
        ("IMG-20190704-WA0001.jpg", "2019-07-04T12:00:00"),
        ("2019-07-04 Beach.jpg", "2019-07-04T12:00:00"),
        ("FB_IMG_1562254212345.jpg", "2019-07-04T15:30:12.345000+00:00"),
    ],
)
def test_date_in_a_name(name: str, when: str) -> None:
    assert by_name(name)[0].at == datetime.fromisoformat(when)


@pytest.mark.parametrize(
    "name", ["DSC_0042.jpg", "IMG_20191304_153012.jpg", "12345678901234567890.jpg", "a.jpg"]
)
def test_name_without_a_date(name: str) -> None:
    assert by_name(name) == []


@pytest.mark.parametrize(
    ("mtime_s", "when"),
    [
        (1_562_254_212, "2019-07-04T15:30:12+00:00"),
        (253_402_300_799, "9999-12-31T23:59:59+00:00"),
        (253_402_300_800, None),  # what follows on it
        (2**63, None),  # more than file systems keep
        (-1, None),
    ],
)
def test_time_of_a_file(mtime_s: int, when: str | None) -> None:
    found = by_mtime(mtime_s * 10**9)

    assert [stamp.at.isoformat() for stamp in found] == ([] if when is None else [when])


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2019:07:04 15:30:12", "2019-07-04T15:30:12"),
        ("2019-07-04 15:30:12", "2019-07-04T15:30:12"),
        ("2019:07:04 15:30", "2019-07-04T15:30:00"),
        ("2019:07:04", "2019-07-04T12:00:00"),
        ("0000:00:00 00:00:00", None),
        ("2019:13:04 15:30:12", None),
        ("    :  :     :  :  ", None),
    ],
)
def test_exif_date(text: str, when: str | None) -> None:
    found = parse_exif(text)

    assert (found and found.at) == (when and datetime.fromisoformat(when))


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2000", "2000-01-01T12:00:00"),
        ("2010-05", "2010-05-01T12:00:00"),
        ("2010-05-06", "2010-05-06T12:00:00"),
        ("2010-05-06T07:08", "2010-05-06T07:08:00"),
        ("2010-05-06T07:08:09.5+02:00", "2010-05-06T07:08:09.500000+02:00"),
        ("soon", None),
    ],
)
def test_xmp_date_may_be_partial(text: str, when: str | None) -> None:
    found = parse_iso(text)

    assert (found and found.at) == (when and datetime.fromisoformat(when))


@pytest.mark.parametrize(
    ("text", "minutes"), [("+02:00", 120), ("-0330", -210), ("Z", 0), ("+99:00", None), ("", None)]
)
def test_offset(text: str, minutes: int | None) -> None:
    assert parse_offset(text) == minutes


def test_offset_follows_from_the_gps_clock() -> None:
    clock = datetime(2019, 7, 4, 15, 30)

    assert offset_by_gps(clock, datetime(2019, 7, 4, 13, 27, tzinfo=UTC)) == 120
    assert offset_by_gps(clock, datetime(2019, 7, 4, 9, 45, tzinfo=UTC)) == 345  # Nepal
    assert offset_by_gps(clock, datetime(2019, 7, 2, 9, 45, tzinfo=UTC)) is None


def test_first_source_with_a_possible_date_wins() -> None:
    never_set = Stamp(datetime(1970, 1, 1))
    future = Stamp(datetime(2031, 1, 1))
    good = Stamp(datetime(2019, 7, 4, 15, 30))

    found = decided({"exif": [never_set, future], "name": [good]})

    assert found is not None
    assert (found.source, found.local) == ("name", good.at)


def test_order_is_the_users() -> None:
    stamps: dict[DateSource, list[Stamp]] = {
        "exif": [Stamp(datetime(2019, 7, 4))],
        "name": [Stamp(datetime(2001, 7, 4))],
    }

    found = decided(stamps, order=("name", "exif"))

    assert found is not None
    assert found.source == "name"


@pytest.mark.parametrize(
    ("offset_min", "place_zone", "utc_hour", "known"),
    [
        (330, "America/New_York", 10, 330),  # what the file says outranks the place
        (None, "America/New_York", 19, -240),
        (None, None, 13, None),  # at home, in summer
    ],
)
def test_zone_of_a_clock(
    offset_min: int | None, place_zone: str | None, utc_hour: int, known: int | None
) -> None:
    stamp = Stamp(datetime(2019, 7, 4, 15, 30))

    found = decided({"exif": [stamp]}, offset_min=offset_min, place_zone=place_zone)

    assert found is not None
    assert (found.utc.hour, found.offset_min, found.local) == (utc_hour, known, stamp.at)


def test_exact_time_is_shown_on_the_clock_of_the_place() -> None:
    found = decided(
        {"takeout": [Stamp(datetime(2019, 7, 4, 1, 0, tzinfo=UTC))]}, place_zone="America/New_York"
    )

    assert found is not None
    assert found.local == datetime(2019, 7, 3, 21, 0)


def test_tomorrow_is_possible_and_the_day_after_is_not() -> None:
    naive = NOW.replace(tzinfo=None)

    assert decided({"exif": [Stamp(naive + timedelta(hours=20))]}) is not None
    assert decided({"exif": [Stamp(naive + timedelta(days=2))]}) is None
