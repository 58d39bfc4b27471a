"""Whether keyframes suffice, by where they lie."""

import pytest

from mediaindex.media.recipes import KeyTimes, parse_packets


def every(step_ms: int, until_ms: int = 20_000) -> KeyTimes:
    return KeyTimes(tuple(range(0, until_ms, step_ms)), until_ms)


@pytest.mark.parametrize(
    ("keys", "suffice"),
    [
        (every(40), True),
        (every(1000), True),
        (every(3000), True),
        (every(5000), False),
        (KeyTimes((0, 4200, 14_200), 20_000), True),
        (KeyTimes((0, 4200, 19_000), 20_000), False),
        (KeyTimes((0,), 2000), False),
        (KeyTimes((), 0), False),
    ],
    ids=["all", "dense", "three s", "even", "at cuts", "a gap", "one", "none"],
)
def test_dense_or_uneven_keyframes_suffice(keys: KeyTimes, suffice: bool) -> None:
    assert keys.suffice_from(0) is suffice


def test_work_that_was_not_done_by_keyframes_does_not_go_on_with_them() -> None:
    keys = KeyTimes((4000, 5000, 6000), 7000)

    assert keys.suffice_from(4000)
    assert not keys.suffice_from(3720)


def test_keyframe_that_comes_when_it_should_is_promised() -> None:
    keys = every(1000)

    assert keys.promised(3, 3040, 2000)
    assert not keys.promised(3, 4000, 2000)


def test_keyframes_nearer_than_those_looked_at_are_not_waited_for() -> None:
    assert every(100).promised(2, 600, 300)


def test_later_keyframes_may_take_ten_seconds() -> None:
    keys = every(1000)

    assert keys.promised(50, 60_000, 50_000)
    assert not keys.promised(50, 61_000, 50_000)


def test_packets_before_the_start_or_cut_away_do_not_count() -> None:
    lines = ["1.4,K__", "2.4,K__", "2.44,___", "3.4,KD_", "4.4,K__", "N/A,K__", "", "4.36,_"]

    assert parse_packets(lines, first_ms=1400, start_ms=500) == KeyTimes((1000, 3000), 3000)
