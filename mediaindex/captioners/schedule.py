"""At which hours of the week something may be done, by the clock on the wall."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MINUTES = 24 * 60

_TIME = r"(\d{1,2}):(\d{2})"
_WINDOW = re.compile(rf"(?:(?P<days>[a-z][a-z ,-]*[a-z])\s+)?{_TIME}\s*(?:-|to)\s*{_TIME}")

EXPECTED = 'expected hours such as "22:00-07:00" or "mon-fri 22:00-07:00, sat,sun 00:00-24:00"'


@dataclass(frozen=True)
class Window:
    """Some hours of some days; what goes over midnight belongs to the day on which it begins."""

    #: 0 is Monday.
    days: frozenset[int]
    begin_min: int
    #: More than a day's minutes if it goes over midnight.
    end_min: int

    def holds(self, day: int, minute: int) -> bool:
        """Return True if the window is open at this minute of this day of the week."""
        today = day in self.days and self.begin_min <= minute < self.end_min
        late = minute + MINUTES
        return today or ((day - 1) % 7 in self.days and self.begin_min <= late < self.end_min)


@dataclass(frozen=True)
class Schedule:
    """The hours of the week at which something may be done."""

    windows: tuple[Window, ...]

    @classmethod
    def parse(cls, text: str) -> "Schedule":
        """Read `22:00-07:00`, `sat,sun 00:00-24:00`, or several of these with commas between.

        Raises:
            ValueError: It is something else; the text says what was expected.
        """
        rest, windows = text.strip().lower().replace("–", "-"), []
        while rest:
            found = _WINDOW.match(rest)
            if found is None:
                raise ValueError(f"{rest!r} was not understood; {EXPECTED}")
            windows.append(_window(found))
            rest = rest[found.end() :].lstrip()
            if rest and not rest.startswith((",", ";")):
                raise ValueError(f"{rest!r} was not understood; {EXPECTED}")
            rest = rest.lstrip(",; ")
        if not windows:
            raise ValueError(EXPECTED)
        return cls(tuple(windows))

    def is_open(self, local: datetime) -> bool:
        """Return True if it may be done at this time of this machine's clock."""
        minute = local.hour * 60 + local.minute
        return any(window.holds(local.weekday(), minute) for window in self.windows)

    def opens_next(self, local: datetime) -> datetime:
        """Return the next time at which it may be done: `local` itself, if it may be now.

        Args:
            local: With a time zone, hours that the clock is set over are left out.
        """
        if self.is_open(local):
            return local
        whole = local.replace(second=0, microsecond=0)
        # A week has every hour of the schedule in it; in one the clock may be set over that hour.
        steps = (_later(whole, passed) for passed in range(1, 15 * MINUTES))
        return next(time for time in steps if self.is_open(time))


def _later(local: datetime, minutes: int) -> datetime:
    """Return what the clock on the wall shows so many minutes later."""
    passed = timedelta(minutes=minutes)
    if local.tzinfo is None:
        return local + passed
    return (local.astimezone(UTC) + passed).astimezone(local.tzinfo)


def _window(found: "re.Match[str]") -> Window:
    days = _days(found["days"])
    numbers = [int(number) for number in found.groups()[1:]]
    begin, end = numbers[0] * 60 + numbers[1], numbers[2] * 60 + numbers[3]
    if begin >= MINUTES or end > MINUTES or numbers[1] > 59 or numbers[3] > 59:
        raise ValueError(f"{found[0]!r} is not a time of the day; {EXPECTED}")
    if begin == end:
        raise ValueError(f"{found[0]!r} has no length; {EXPECTED}")
    return Window(days, begin, end if end > begin else end + MINUTES)


def _days(text: str | None) -> frozenset[int]:
    if text is None:
        return frozenset(range(7))
    days: set[int] = set()
    for part in re.split(r"[ ,]+", re.sub(r"\s*-\s*", "-", text)):
        ends = [_day(name) for name in part.split("-")]
        if len(ends) > 2:
            raise ValueError(f"{part!r} is not a day; {EXPECTED}")
        days.update(_through(ends))
    return frozenset(days)


def _through(ends: Sequence[int]) -> list[int]:
    """Return the days from the first to the last: `fri-mon` goes over the end of the week."""
    days = [ends[0]]
    for begin, end in pairwise(ends):
        days = [(begin + step) % 7 for step in range((end - begin) % 7 + 1)]
    return days


def _day(name: str) -> int:
    for number, day in enumerate(DAYS):
        if len(name) >= 2 and day.startswith(name):
            return number
    raise ValueError(f"{name!r} is not a day of the week; {EXPECTED}")
