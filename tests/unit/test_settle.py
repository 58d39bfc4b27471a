from datetime import datetime, timedelta

import pytest

from mediaindex.sources.folder import FoundFile
from mediaindex.sources.settle import LONGEST, Settling
from tests.conftest import NOW


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def ns(time: datetime) -> int:
    return round(time.timestamp()) * 1_000_000_000


def file(written: float, size_bytes: int = 9, name: str = "a.jpg") -> FoundFile:
    return FoundFile(name, size_bytes, ns(NOW) + round(written * 1e9))


def look(settling: Settling, found: FoundFile, seconds: float) -> float | None:
    again_at = settling.look_again_at(1, "x", found, at(seconds))
    return None if again_at is None else (again_at - NOW).total_seconds()


def test_file_that_was_not_written_for_a_while_has_settled() -> None:
    settling = Settling(2)

    assert look(settling, file(written=-2), 0) is None
    assert look(settling, file(written=-1), 0) is not None
    assert look(settling, file(written=-1), 1) is None


def test_file_that_grows_is_held_back_until_it_is_quiet() -> None:
    settling = Settling(2)

    assert look(settling, file(0, 10), 0) == 2
    assert look(settling, file(2, 20), 2) is not None
    assert look(settling, file(2, 20), 6) is None


@pytest.mark.parametrize("written", [1, 3600])
def test_file_from_the_future_settles_when_two_looks_say_the_same(written: float) -> None:
    settling = Settling(2)

    assert look(settling, file(written), 0) == 2
    assert look(settling, file(written), 0.5) == 2
    assert look(settling, file(written), 2) is None


def test_file_that_never_settles_is_looked_at_ever_more_seldom() -> None:
    settling = Settling(2)
    now, waits = 0.0, []
    for size_bytes in range(12):
        again = look(settling, file(now, size_bytes), now)
        assert again is not None
        waits.append(again - now)
        now = again

    assert waits[:4] == [2, 4, 8, 16]
    assert waits[-1] == LONGEST.total_seconds()


def test_file_that_was_closed_has_settled_unless_it_was_written_since() -> None:
    settling = Settling(2)
    settling.closed(1, "x", "a.jpg", at(1))

    assert look(settling, file(written=1.5), 1.6) is not None
    assert look(settling, file(written=1), 1.6) is None


def test_file_from_the_future_that_was_closed_settles_as_others_do() -> None:
    settling = Settling(2)
    settling.closed(1, "x", "a.jpg", at(1))

    assert look(settling, file(written=3600), 1) == 3
    assert look(settling, file(written=3600), 3) is None


def test_closing_is_of_one_look_and_one_file_and_of_no_empty_one() -> None:
    settling = Settling(2)
    settling.closed(1, "x", "a.jpg", at(1))

    assert look(settling, file(1, name="b.jpg"), 1) is not None
    assert look(settling, file(1, size_bytes=0), 1) is not None
    assert look(settling, file(1), 1) is None
    assert look(settling, file(1), 1) is not None


def test_memory_is_bounded() -> None:
    settling = Settling(2, most=3)
    for number in range(10):
        settling.closed(1, "x", f"{number}.jpg", at(1))
        look(settling, file(3600, name=f"other {number}.jpg"), 1)

    assert look(settling, file(1, name="0.jpg"), 1) is not None
    assert look(settling, file(1, name="9.jpg"), 1) is None
    assert look(settling, file(3600, name="other 9.jpg"), 3) is None
