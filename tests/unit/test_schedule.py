"""Hours of the week, with the clock passed in."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.captioners.schedule import Schedule

MONDAY = datetime(2026, 11, 16)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return MONDAY + timedelta(days=day, hours=hour, minutes=minute)


@pytest.mark.parametrize(
    ("text", "open_at", "shut_at"),
    [
        ("22:00-07:00", [at(0, 22), at(1, 6, 59), at(6, 23)], [at(0, 7), at(0, 21, 59)]),
        ("9:00-17:00", [at(3, 9), at(3, 16, 59)], [at(3, 17), at(3, 8, 59)]),
        ("00:00-24:00", [at(0, 0), at(6, 23, 59)], []),
        ("sat,sun 00:00-24:00", [at(5, 0), at(6, 23)], [at(4, 23, 59), at(0, 0)]),
        # What goes over midnight belongs to the day on which it begins.
        ("fri 22:00-06:00", [at(4, 22), at(5, 5, 59)], [at(4, 5), at(5, 22), at(5, 6)]),
        ("sun 23:00-01:00", [at(6, 23), at(0, 0, 59)], [at(0, 23), at(0, 1)]),
        ("Mon-Fri 22:00-07:00, sat, sun 00:00-24:00", [at(0, 23), at(5, 12)], [at(0, 12)]),
        ("Mon – Fri 22:00–07:00", [at(0, 23)], [at(0, 12), at(5, 12)]),  # noqa: RUF001
        ("friday - monday 10:00 - 11:00", [at(4, 10), at(6, 10), at(0, 10)], [at(1, 10)]),
    ],
)
def test_hours_are_kept(text: str, open_at: list[datetime], shut_at: list[datetime]) -> None:
    schedule = Schedule.parse(text)

    assert [time for time in open_at if not schedule.is_open(time)] == []
    assert [time for time in shut_at if schedule.is_open(time)] == []


@pytest.mark.parametrize(
    "text",
    ["", "at night", "22:00", "22:00-25:00", "10:60-11:00", "monkey 10:00-11:00", "22-07",
     "10:00-10:00", "22:00-07:00 sat", "mon-wed-fri 10:00-11:00"],
)  # fmt: skip
def test_what_is_no_schedule_is_refused_with_what_was_expected(text: str) -> None:
    with pytest.raises(ValueError, match=r'expected hours such as "22:00-07:00"'):
        Schedule.parse(text)


def test_it_opens_next_where_it_says() -> None:
    schedule = Schedule.parse("sat 22:30-06:00")

    assert schedule.opens_next(at(0, 12)) == at(5, 22, 30)
    assert schedule.opens_next(at(6, 1)) == at(6, 1)
    assert schedule.opens_next(at(6, 7)) == at(12, 22, 30)


@given(
    st.datetimes(MONDAY, MONDAY + timedelta(days=400)),
    st.integers(0, 1439),
    st.integers(1, 1439),
    st.sampled_from(["", "wed ", "sat,sun ", "fri-mon "]),
)
def test_whenever_it_opens_it_is_open_and_was_not_before(
    now: datetime, begin: int, length: int, days: str
) -> None:
    end = (begin + length) % 1440
    text = f"{days}{begin // 60}:{begin % 60:02}-{end // 60}:{end % 60:02}"
    schedule = Schedule.parse(text)

    opens = schedule.opens_next(now)

    assert schedule.is_open(opens)
    assert now <= opens <= now + timedelta(days=7)
    if opens > now:
        assert not schedule.is_open(opens - timedelta(minutes=1))


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "now", "opens"),
    [
        # On Sunday 29 March 2026 the clock is set from 2:00 to 3:00.
        ("02:15-02:45", "2026-03-28T12:00", "2026-03-30T02:15+02:00"),
        ("sun 02:15-02:45", "2026-03-23T00:00", "2026-04-05T02:15+02:00"),
        ("02:30-05:00", "2026-03-28T12:00", "2026-03-29T03:00+02:00"),
        ("22:00-07:00", "2026-03-29T08:00", "2026-03-29T22:00+02:00"),
        # On Sunday 25 October it is set back from 3:00 to 2:00.
        ("03:00-04:00", "2026-10-25T01:59", "2026-10-25T03:00+01:00"),
        ("02:30-02:45", "2026-10-25T01:59", "2026-10-25T02:30+02:00"),
    ],
)
def test_nights_on_which_the_clock_is_set_have_the_hours_it_shows(
    text: str, now: str, opens: str
) -> None:
    schedule = Schedule.parse(text)

    found = schedule.opens_next(datetime.fromisoformat(now).replace(tzinfo=BERLIN))

    assert found.isoformat(timespec="minutes") == opens
    assert schedule.is_open(found)


def test_hour_that_comes_twice_is_open_twice() -> None:
    schedule = Schedule.parse("02:30-02:45")

    opens = schedule.opens_next(datetime(2026, 10, 25, 2, 50, tzinfo=BERLIN))

    assert opens.isoformat(timespec="minutes") == "2026-10-25T02:30+01:00"
