"""What is kept between questions: so much, so long, and made once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from mediaindex.errors import RetryLater
from mediaindex.search.kept import Kept


class Maker:
    """Counts what it makes."""

    made = 0

    def __call__(self) -> int:
        self.made += 1
        return self.made


def test_value_is_made_once() -> None:
    kept, make = Kept[str, int](2), Maker()

    assert [kept.get("a", make) for _ in range(3)] == [1, 1, 1]


def test_value_that_was_asked_for_longest_ago_goes_first() -> None:
    kept, make = Kept[str, int](2), Maker()
    for key in ("a", "b", "a", "c"):
        kept.get(key, make)

    assert kept.get("a", make) == 1
    assert kept.get("b", make) == 4


def test_old_value_is_made_again() -> None:
    now_s = [0.0]
    kept, make = Kept[str, int](2, 5.0, lambda: now_s[0]), Maker()

    found = [kept.get("a", make)]
    for at_s in (4.9, 5.0):
        now_s[0] = at_s
        found.append(kept.get("a", make))

    assert found == [1, 1, 2]


def test_who_comes_meanwhile_waits_for_the_first() -> None:
    kept, make, may_go = Kept[str, int](2), Maker(), threading.Event()

    def slowly() -> int:
        assert may_go.wait(10)
        return make()

    with ThreadPoolExecutor(4) as pool:
        asking = [pool.submit(kept.get, "a", slowly) for _ in range(4)]
        may_go.set()

        assert [each.result(10) for each in asking] == [1, 1, 1, 1]


def test_nothing_is_kept_of_what_went_wrong() -> None:
    kept = Kept[str, int](2)

    def fail() -> int:
        raise RetryLater("not now")

    with pytest.raises(RetryLater):
        kept.get("a", fail)

    assert kept.get("a", lambda: 7) == 7
