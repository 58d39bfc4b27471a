"""Dates in plain words, and in operators: what they mean on a calendar.

Said by whoever asks, so it is read generously but never guessed: "may", "march", "fall" and
"summer" are words like any others unless a year, "in" or "last" stands by them. Holidays stay
words: "christmas 2019" looks for christmas among the pictures of 2019.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from mediaindex.store.filters import Dates

MONTHS = (
    "january jan januar janvier enero janeiro gennaio januari",
    "february feb februar février fevrier febrero fevereiro febbraio februari",
    "march mar märz maerz mars marzo março marco maart",
    "april apr avril abril aprile",
    "may mai mayo maio maggio mei",
    "june jun juni juin junio junho giugno",
    "july jul juli juillet julio julho luglio",
    "august aug août aout agosto augustus",
    "september sep sept septembre septiembre setembro settembre",
    "october oct oktober okt octobre octubre outubro ottobre",
    "november nov novembre noviembre novembro",
    "december dec dezember dez décembre decembre diciembre dezembro dicembre",
)
"""In English, German, French, Spanish, Portuguese, Italian, Dutch."""

MONTH_OF = {name: number for number, names in enumerate(MONTHS, 1) for name in names.split()}

SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
"""The month each begins with, on the northern half of the earth (meteorological seasons)."""

COUNTED = "one two three four five six seven eight nine ten"
COUNTS = {"a": 1} | {word: number for number, word in enumerate(COUNTED.split(), 1)}

MONTH_NAMES = "|".join(sorted(MONTH_OF, key=len, reverse=True))
MONTH = rf"(?P<month>{MONTH_NAMES})\.?"
# Photography is from the 1830s; of the years before, there are no pictures. Not followed by a unit.
A_YEAR = r"(?:18[3-9]|19\d|20\d)\d(?!\s*(?:(?:px|pixels?|mm|km|kg|m)\b|x\s*\d))"
YEAR = f"(?P<year>{A_YEAR})"
TO = r"(?: (?:to|until|till) | ?[-\u2013] ?)"
END = rf"(?:(?:{MONTH_NAMES})\.?,? )?{A_YEAR}"
DAY = r"(?P<day>0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th|\.)?"
SEASON = "(?P<season>" + "|".join(SEASONS) + ")"

NEGATION = re.compile(
    r"(?<!\w)(?:not|no|never|except|excluding|without|but|ohne|nicht|außer|sauf|sin|sem|senza)"
    r"(?: (?:for|in|on|at|near|from|during|taken|the|im|en|em|aus|vom))*\s*$",
    re.IGNORECASE,
)
"""Before a date or a place it asks for all others, which no filter can say: both stay words."""

SIDE = re.compile(r"(?<!\w)(?P<side>since|after|before|until|till) (?:the )?$")
LINK = re.compile(r"(?<!\w)(?:or|and|oder|und|ou|et|o|y|e)(?!\w)|[,;/&]")


@dataclass(frozen=True)
class Found:
    """A date in a text."""

    #: Where it stands, from and to.
    span: tuple[int, int]
    #: From a day to a day; empty where it is a month of any year.
    dates: Dates | None
    #: 1 to 12, of any year.
    month: int | None = None


def read_period(text: str, today: date) -> Dates | None:
    """Return the period that an operator's value names ("2019", "2019-07", "July 2019", ...).

    None for what is no date. A period runs from its first moment to just before the next.
    """
    text = text.strip().lower()
    if not text[:1].isdigit():  # "after:last-week", for want of a space in an operator
        text = text.replace("-", " ")
    numbers = re.fullmatch(r"(\d{4})(?:[-/.](\d{1,2}))?(?:[-/.](\d{1,2}))?", text)
    if numbers:
        return _calendar(*(int(part) if part else None for part in numbers.groups()))
    for pattern, meaning in PATTERNS:
        match = pattern.fullmatch(text)
        if match:
            found = meaning(match, today)
            return found if isinstance(found, Dates) else None
    return None


def find_date(text: str, today: date) -> Found | None:
    """Return the first date in plain words, None if there is none, or none that can be kept to.

    "not 2019" and "July 2019 or May 2021" are none of these: half understood is worse than not.
    """
    # Character by character: "İ".lower() is two, and spans are for the text as it was written.
    lowered = "".join(letter.lower()[0] for letter in text)
    found = _first(lowered, today)
    if found is None or NEGATION.search(lowered[: found.span[0]]):
        return None
    rest = lowered[found.span[1] :]
    other = _first(rest, today)
    if other is not None and LINK.search(rest[: other.span[0]]):
        return None
    return _one_sided(lowered, found)


def _first(lowered: str, today: date) -> Found | None:
    best: Found | None = None
    for pattern, meaning in (*SPOKEN, *PATTERNS):
        for match in pattern.finditer(lowered):
            said = meaning(match, today)
            if said is None:
                continue
            found = Found(
                match.span(), *((said, None) if isinstance(said, Dates) else (None, said))
            )
            if best is None or found.span[0] < best.span[0]:
                best = found
            break
    return best


def words_for(dates: Dates) -> str:
    """Return a period as people read it: "from 2019-07-01 to 2019-07-31"."""
    first = f"{dates.start:%Y-%m-%d}" if dates.start else None
    last = f"{dates.end - timedelta(days=1):%Y-%m-%d}" if dates.end else None
    if first and first == last:
        return f"on {first}"
    if first and last:
        return f"from {first} to {last}"
    return f"from {first} on" if first else f"up to {last}"


Meaning = Callable[["re.Match[str]", date], Dates | int | None]


def _calendar(year: int | None, month: int | None = None, day: int | None = None) -> Dates | None:
    if year is None:
        return None
    try:
        start = datetime(year, month or 1, day or 1)
        if day is not None:
            return Dates(start, start + timedelta(days=1))
        return Dates(start, _plus_months(start, 1 if month is not None else 12))
    except (ValueError, OverflowError):
        return None


def _plus_months(start: datetime, months: int) -> datetime:
    count = start.year * 12 + start.month - 1 + months
    return datetime(count // 12, count % 12 + 1, 1)


def _of_month(match: "re.Match[str]", _today: date) -> Dates | None:
    said = match.groupdict()
    day = int(said["day"]) if said.get("day") else None
    return _calendar(int(said["year"]), MONTH_OF[said["month"]], day)


def _of_season(match: "re.Match[str]", today: date) -> Dates:
    said = match.groupdict()
    year = int(said["year"]) if said.get("year") else None
    first = SEASONS[said["season"]]
    if year is None:  # "last summer": the last that is over, or began at least
        year = today.year if date(today.year, first, 1) < today else today.year - 1
        if said.get("which") == "last" and _plus_months(datetime(year, first, 1), 3).date() > today:
            year -= 1
    start = datetime(year, first, 1)
    return Dates(start, _plus_months(start, 3))


def _of_numbers(match: "re.Match[str]", _today: date) -> Dates | None:
    year, month, day = int(match["y"]), int(match["m"]), int(match["d"])
    return _calendar(year, month, day) or (_calendar(year, day, month) if day <= 12 else None)


def _of_year(match: "re.Match[str]", today: date) -> Dates | None:
    year = int(match["year"])
    return _calendar(year) if year <= today.year + 1 else None


def _of_decade(match: "re.Match[str]", today: date) -> Dates:
    digits = match["decade"]
    first = int(digits) if len(digits) == 4 else 1900 + int(digits)
    if len(digits) == 2 and first + 100 <= today.year:
        first += 100
    return Dates(datetime(first, 1, 1), datetime(first + 10, 1, 1))


def _of_day(match: "re.Match[str]", today: date) -> Dates | None:
    back = {"today": 0, "yesterday": 1, "the day before yesterday": 2}[match.group()]
    day = today - timedelta(days=back)
    return _calendar(day.year, day.month, day.day)


def _of_span(match: "re.Match[str]", today: date) -> Dates:
    back = 0 if match["which"] == "this" else 1
    unit = match["unit"]
    if unit == "week":
        monday = datetime(today.year, today.month, today.day) - timedelta(days=today.weekday())
        start = monday - timedelta(weeks=back)
        return Dates(start, start + timedelta(weeks=1))
    if unit == "month":
        start = _plus_months(datetime(today.year, today.month, 1), -back)
        return Dates(start, _plus_months(start, 1))
    return Dates(datetime(today.year - back, 1, 1), datetime(today.year - back + 1, 1, 1))


def _of_ago(match: "re.Match[str]", today: date) -> Dates | None:
    said, unit = match["count"], match["unit"]
    count = COUNTS[said] if said in COUNTS else int(said)
    if count > 200:
        return None
    if unit == "year":
        return _calendar(today.year - count)
    if unit == "month":
        start = _plus_months(datetime(today.year, today.month, 1), -count)
        return Dates(start, _plus_months(start, 1))
    day = today - timedelta(days=count * (7 if unit == "week" else 1))
    return _calendar(day.year, day.month, day.day)


def _between(match: "re.Match[str]", today: date) -> Dates | None:
    """Return from the first day of one to the last of the other; a year said once is for both."""
    first, last = match["first"], match["last"]
    if not first[-1].isdigit():
        first = f"{first} {last[-4:]}"
    begin, end = read_period(first, today), read_period(last, today)
    if begin is None or end is None or begin.start is None or end.end is None:
        return None
    return Dates(begin.start, end.end) if begin.start < end.end else None


def _either(match: "re.Match[str]", today: date) -> Dates | None:
    """Return both periods as one, where the second follows the first or is the same."""
    both = _between(match, today)
    first, last = read_period(match["first"], today), read_period(match["last"], today)
    if both is None or last is None:
        return None
    if first is None:  # a month of the same year
        first = read_period(f"{match['first']} {match['last'][-4:]}", today)
    return both if first is not None and first.end == last.start else None


def _one_sided(lowered: str, found: Found) -> Found:
    """Return a date with the "since" or "before" that stands before it."""
    side = SIDE.search(lowered[: found.span[0]])
    if side is None or found.dates is None:
        return found
    start, end = found.dates.start, found.dates.end
    if side["side"] in ("since", "after"):
        dates = Dates(start=start)
    else:
        dates = Dates(end=start if side["side"] == "before" else end)
    return Found((side.start(), found.span[1]), dates)


def _any_year(match: "re.Match[str]", _today: date) -> int:
    return MONTH_OF[match["month"]]


def _compiled(*rules: tuple[str, Meaning]) -> list[tuple["re.Pattern[str]", Meaning]]:
    # No part of a longer number or word: 31.02.2019 is not "2019", nor is IMG_2019 or 2019:07.
    before, after = r"(?<![\w/:-])(?<!\d\.)", r"(?![\w/:-]|\.\d)"
    return [(re.compile(f"{before}(?:{pattern}){after}"), meaning) for pattern, meaning in rules]


PATTERNS = _compiled(
    (r"(?P<y>\d{4})[-/.](?P<m>\d\d?)[-/.](?P<d>\d\d?)", _of_numbers),
    # Day first, as in most of the world: 07/04/2019 is the seventh of April; but 07/25/2019 can
    # only be the 25th of July.
    (r"(?P<d>\d\d?)[./](?P<m>\d\d?)[./](?P<y>\d{4})", _of_numbers),
    (rf"{DAY} (?:of |de )?{MONTH},? (?:of |de )?{YEAR}", _of_month),
    (rf"{MONTH} {DAY},? {YEAR}", _of_month),
    (rf"{MONTH},? (?:of |de )?{YEAR}", _of_month),
    (rf"{SEASON},? (?:of )?{YEAR}", _of_season),
    (rf"(?P<which>last|this) {SEASON}", _of_season),
    (r"(?P<which>last|this) (?P<unit>week|month|year)", _of_span),
    (rf"(?P<count>\d{{1,3}}|{'|'.join(COUNTS)}) (?P<unit>day|week|month|year)s? ago", _of_ago),
    (r"the day before yesterday|yesterday|today", _of_day),
    (r"(?:the )?(?P<decade>(?:18|19|20)[0-9]0)'?s", _of_decade),
    # Without "the", "80s disco" is a style.
    (r"the '?(?P<decade>[0-9]0)'?s", _of_decade),
    (YEAR, _of_year),
)
"""What names a period by itself, most telling first."""

SPOKEN = _compiled(
    (rf"between (?P<first>{END}|{MONTH_NAMES})(?: and |{TO})(?P<last>{END})", _between),
    (rf"(?:from )?(?P<first>{END}){TO}(?P<last>{END})", _between),
    (rf"from (?P<first>{MONTH_NAMES}){TO}(?P<last>{END})", _between),
    (rf"(?P<first>{END}|{MONTH_NAMES}) (?:or|and) (?P<last>{END})", _either),
    # "mars" is March in French and a planet in English.
    (rf"in (?!mars\b){MONTH}(?!,? \d)", _any_year),
)
"""What needs the words around it."""
