"""How long a server in trouble is left alone, with the clock and chance passed in."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.captioners.rest import (
    BUSY_S,
    JITTER,
    MOST_ASKED_S,
    MOST_BUSY_S,
    MOST_FAULTS,
    MOST_OFF_S,
    OFF_S,
    Health,
)


def middling() -> Health:
    """Of which chance has no part in."""
    return Health(lambda: 0.5)


def test_busy_server_rests_twice_as_long_every_time_up_to_a_minute() -> None:
    health, rests = middling(), []
    for _ in range(8):
        health.busy("full", None, at_s=100)
        rests.append(health.rest_until - 100)

    assert rests == [1, 2, 4, 8, 16, 32, 60, 60]


def test_server_that_is_off_rests_twice_as_long_every_time_up_to_five_minutes() -> None:
    health, rests = middling(), []
    for _ in range(8):
        health.off("asleep", at_s=100)
        rests.append(health.rest_until - 100)

    assert rests == [5, 10, 20, 40, 80, 160, 300, 300]


@given(st.floats(0, 1), st.integers(1, 10))
def test_chance_moves_busy_rests_by_a_quarter_at_most(chance: float, times: int) -> None:
    health, usual = Health(lambda: chance), middling()
    for _ in range(times):
        health.busy("full", None, at_s=0)
        usual.busy("full", None, at_s=0)

    assert abs(health.rest_until - usual.rest_until) <= JITTER * usual.rest_until + 1e-9


@pytest.mark.parametrize(
    ("after_s", "rest_s"),
    [(7.5, 7.5), (0.0, BUSY_S), (-3.0, BUSY_S), (None, BUSY_S), (1e9, MOST_ASKED_S)],
)
def test_server_that_says_how_long_has_its_way_within_reason(
    after_s: float | None, rest_s: float
) -> None:
    health = middling()

    health.busy("full", after_s, at_s=100)

    assert health.rest_until == 100 + rest_s


def test_answer_makes_rests_short_again_and_opening_alone_does_not() -> None:
    health = middling()
    health.off("asleep", at_s=0)
    health.busy("full", None, at_s=0)

    health.opened()
    health.off("asleep", at_s=0)
    assert health.rest_until == 2 * OFF_S
    health.answered(took_s=1)
    health.off("asleep", at_s=0)
    assert health.rest_until == OFF_S
    health.busy("full", None, at_s=0)
    assert health.rest_until == BUSY_S


def test_three_faults_in_a_row_make_one_ask_who_is_to_blame() -> None:
    health = middling()

    assert [health.fault() for _ in range(MOST_FAULTS)] == [False, False, True]
    assert health.fault()
    health.cleared()
    assert not health.fault()
    health.answered(took_s=1)
    assert [health.fault() for _ in range(MOST_FAULTS)] == [False, False, True]


def test_how_quick_it_is_follows_its_answers_slowly() -> None:
    health = middling()
    assert health.answer_s is None
    health.answered(took_s=10)
    assert health.answer_s == 10
    health.answered(took_s=5)

    assert health.answer_s == pytest.approx(9)


@given(st.lists(st.sampled_from(["busy", "asked", "off", "fault", "opened", "answered"])))
def test_rest_is_never_longer_than_said(events: list[str]) -> None:
    health, now = Health(lambda: 1.0), 0.0
    for event in events:
        now += 1
        match event:
            case "busy":
                health.busy("full", None, now)
            case "asked":
                health.busy("full", 5000.0, now)
            case "off":
                health.off("asleep", now)
            case "fault":
                health.fault()
            case "opened":
                health.opened()
            case _:
                health.answered(0.1)
        most = MOST_ASKED_S if "asked" in events else max(MOST_OFF_S, MOST_BUSY_S * (1 + JITTER))
        assert 0 <= max(0.0, health.rest_until - now) <= most
