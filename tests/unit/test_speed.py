"""A model that has become slow."""

import pytest

from mediaindex.captioners.speed import Slowdown, slowed

USUAL = [50.0, 48, 52, 51, 49] * 4


@pytest.mark.parametrize(
    ("recent", "usual", "found"),
    [
        ([16.0] * 5, USUAL, Slowdown(50.0, 16.0)),
        ([17.0] * 5, USUAL, None),
        ([16.0] * 4, USUAL, None),
        ([16.0] * 5, USUAL[:19], None),
        # One slow answer, or two, may have waited for something else.
        ([50.0, 2, 50, 2, 50], USUAL, None),
        ([5.0, 5, 5, 60, 60], USUAL, Slowdown(50.0, 5.0)),
        ([200.0] * 5, USUAL, None),
    ],
)
def test_three_times_slower_is_told(
    recent: list[float], usual: list[float], found: Slowdown | None
) -> None:
    assert slowed(recent, usual) == found
