from datetime import date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediaindex.search.when import find_date, read_period, words_for

TODAY = date(2026, 11, 21)  # a Saturday


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2019", "2019-01-01", "2020-01-01"),
        ("July 2023", "2023-07-01", "2023-08-01"),
        ("jul 2023", "2023-07-01", "2023-08-01"),
        ("July, 2023", "2023-07-01", "2023-08-01"),
        ("december 2019", "2019-12-01", "2020-01-01"),
        ("juillet 2019", "2019-07-01", "2019-08-01"),
        ("märz 2019", "2019-03-01", "2019-04-01"),
        ("4 de julho de 2019", "2019-07-04", "2019-07-05"),
        ("summer 2019", "2019-06-01", "2019-09-01"),
        ("summer of 2019", "2019-06-01", "2019-09-01"),
        ("winter 2019", "2019-12-01", "2020-03-01"),
        ("last summer", "2026-06-01", "2026-09-01"),
        ("last winter", "2025-12-01", "2026-03-01"),
        ("today", "2026-11-21", "2026-11-22"),
        ("yesterday", "2026-11-20", "2026-11-21"),
        ("the day before yesterday", "2026-11-19", "2026-11-20"),
        ("this week", "2026-11-16", "2026-11-23"),
        ("last week", "2026-11-09", "2026-11-16"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("last year", "2025-01-01", "2026-01-01"),
        ("3 years ago", "2023-01-01", "2024-01-01"),
        ("two months ago", "2026-09-01", "2026-10-01"),
        ("4 July 2019", "2019-07-04", "2019-07-05"),
        ("July 4th, 2019", "2019-07-04", "2019-07-05"),
        ("2019-07-04", "2019-07-04", "2019-07-05"),
        ("04.07.2019", "2019-07-04", "2019-07-05"),
        ("04/07/2019", "2019-07-04", "2019-07-05"),
        ("07/25/2019", "2019-07-25", "2019-07-26"),
        ("the 90s", "1990-01-01", "2000-01-01"),
        ("the 20s", "2020-01-01", "2030-01-01"),
        ("1990s", "1990-01-01", "2000-01-01"),
        ("between 2015 and 2018", "2015-01-01", "2019-01-01"),
        ("from 2015 to 2018", "2015-01-01", "2019-01-01"),
        ("2015-2018", "2015-01-01", "2019-01-01"),
        ("2015\u20132018", "2015-01-01", "2019-01-01"),
        ("from May to July 2019", "2019-05-01", "2019-08-01"),
        ("between July 2018 and March 2019", "2018-07-01", "2019-04-01"),
        ("since 2020", "2020-01-01", None),
        ("after 2010", "2010-01-01", None),
        ("since July 2020", "2020-07-01", None),
        ("before 2010", None, "2010-01-01"),
        ("until 2010", None, "2011-01-01"),
        ("before yesterday", None, "2026-11-20"),
        ("since last year", "2025-01-01", None),
        ("before the 90s", None, "1990-01-01"),
        ("2019 or 2020", "2019-01-01", "2021-01-01"),
        ("July or August 2019", "2019-07-01", "2019-09-01"),
        ("December 2019 and January 2020", "2019-12-01", "2020-02-01"),
    ],
)
def test_dates_in_words_are_found_whole(text: str, start: str | None, end: str | None) -> None:
    found = find_date(f"our garden {text} with grandma", TODAY)

    assert found is not None
    assert found.dates is not None
    assert f"our garden {text} with grandma"[slice(*found.span)] == text
    assert found.dates.start == (datetime.fromisoformat(start) if start else None)
    assert found.dates.end == (datetime.fromisoformat(end) if end else None)


@pytest.mark.parametrize(("text", "month"), [("in July", 7), ("in may", 5), ("in dezember", 12)])
def test_month_after_in_is_that_month_of_any_year(text: str, month: int) -> None:
    found = find_date(f"snow {text}", TODAY)

    assert found is not None
    assert (found.dates, found.month) == (None, month)


@pytest.mark.parametrize(
    "text",
    [
        "may be a dog",
        "May",
        "soldiers march",
        "a rover in mars",
        "fall leaves",
        "summer dress",
        "Sunday dinner",
        "route 66",
        "1080p",
        "size 2020 px",
        "2000x1500",
        "2000 x 1500",
        "IMG_2019",
        "20190704",
        "2019:07:04",
        "31.02.2019",
        "1.2019.3",
        "80s disco",
        "a second chance",
        "2045",
        "1492",
        "999 years ago",
        "not 2019",
        "except in July",
        "no dogs but 2019",
        "2019 or 2021",
        "2019 and summer 2021",
        "in July or in 2019",
        "July 2019, May 2021",
    ],
)
def test_what_only_looks_like_a_date_stays_words(text: str) -> None:
    assert find_date(text, TODAY) is None


@pytest.mark.parametrize(
    ("today", "text", "start"),
    [
        (date(2026, 1, 15), "last winter", "2024-12-01"),
        (date(2026, 1, 15), "this winter", "2025-12-01"),
        (date(2026, 7, 1), "last summer", "2025-06-01"),
        (date(2026, 1, 15), "last month", "2025-12-01"),
        (date(2026, 3, 1), "yesterday", "2026-02-28"),
    ],
)
def test_last_and_this_are_counted_from_today(today: date, text: str, start: str) -> None:
    found = find_date(text, today)

    assert found is not None
    assert found.dates is not None
    assert found.dates.start == datetime.fromisoformat(start)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2019", "2019-01-01", "2020-01-01"),
        ("2019-07", "2019-07-01", "2019-08-01"),
        ("2019-7-4", "2019-07-04", "2019-07-05"),
        ("2019/07/04", "2019-07-04", "2019-07-05"),
        ("July 2019", "2019-07-01", "2019-08-01"),
        ("july-2019", "2019-07-01", "2019-08-01"),
        ("last-week", "2026-11-09", "2026-11-16"),
        ("Yesterday", "2026-11-20", "2026-11-21"),
    ],
)
def test_operators_name_periods(text: str, start: str, end: str) -> None:
    period = read_period(text, TODAY)

    assert period is not None
    assert period.start == datetime.fromisoformat(start)
    assert period.end == datetime.fromisoformat(end)


@pytest.mark.parametrize("text", ["", "foo", "2019-13", "2019-02-30", "0000", "9999", "12"])
def test_no_period_is_made_of_nonsense(text: str) -> None:
    assert read_period(text, TODAY) is None


def test_letters_that_grow_in_lower_case_do_not_shift_the_place_of_a_date() -> None:
    text = "İİİ 2019 party"

    found = find_date(text, TODAY)

    assert found is not None
    assert text[slice(*found.span)] == "2019"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("2019-07-04", "on 2019-07-04"),
        ("July 2019", "from 2019-07-01 to 2019-07-31"),
        ("since 2020", "from 2020-01-01 on"),
        ("before 2010", "up to 2009-12-31"),
    ],
)
def test_periods_are_told_with_their_last_day(text: str, said: str) -> None:
    found = find_date(text, TODAY)

    assert found is not None
    assert found.dates is not None
    assert words_for(found.dates) == said


@settings(deadline=None)
@given(st.dates(date(1900, 1, 1), date(2026, 12, 31)))
def test_every_day_is_read_back_as_itself(day: date) -> None:
    for text in (day.isoformat(), f"{day:%d.%m.%Y}", f"{day:%B} {day.day}, {day.year}"):
        period = read_period(text, TODAY)

        assert period is not None
        assert period.start == datetime(day.year, day.month, day.day)
        assert period.end == datetime(day.year, day.month, day.day) + timedelta(days=1)


@settings(deadline=None)
@given(st.text(), st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_any_text_is_read_without_an_error(text: str, today: date) -> None:
    read_period(text, today)
    found = find_date(text, today)

    assert found is None or found.span[0] < found.span[1] <= len(text)
