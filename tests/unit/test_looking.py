"""Which pictures are shown to a model."""

from itertools import pairwise
from pathlib import Path

import pytest

from mediaindex.captioners import ModelFacts
from mediaindex.comparing import even
from mediaindex.errors import ServerOff
from mediaindex.installed import Installed, check, same
from mediaindex.looking import nearest
from mediaindex.pipeline.caption import spread

SEES, BLIND = ModelFacts("qwen2.5vl:7b", can_see=True), ModelFacts("llama3:latest", can_see=False)


@pytest.mark.parametrize(
    ("count", "number", "chosen"),
    [(0, 4, []), (3, 4, [0, 1, 2]), (4, 4, [0, 1, 2, 3]), (10, 4, [0, 3, 6, 9]), (9, 1, [4])],
)
def test_moments_are_spread_over_the_whole_video(
    count: int, number: int, chosen: list[int]
) -> None:
    assert spread(range(count), number) == chosen


@pytest.mark.parametrize(("at_s", "at_ms"), [(0, 0), (2.4, 0), (2.5, 0), (2.6, 5000), (99, 9000)])
def test_nearest_moment_is_the_earlier_of_two(at_s: float, at_ms: int) -> None:
    assert nearest([0, 5000, 9000], at_s) == at_ms


@pytest.mark.parametrize(("count", "number"), [(0, 3), (2, 5), (7, 3), (100, 12), (12, 12)])
def test_pictures_come_evenly_and_none_is_left_out(count: int, number: int) -> None:
    paths = [Path(f"{place:03}") for place in range(count)]

    order = list(even(paths, number))

    assert sorted(order) == paths
    first = sorted(order[:number])
    gaps = [int(b.name) - int(a.name) for a, b in pairwise(first)]
    assert not gaps or max(gaps) - min(gaps) <= 1
    assert order == list(even(paths, number))


def test_model_that_no_server_has_is_told_with_those_that_would_do() -> None:
    servers = [
        Installed("http://a", "x", (SEES, BLIND)),
        Installed("http://b", "x", trouble="http://b is off"),
    ]

    check(servers, ["qwen2.5vl:7b"])
    with pytest.raises(ServerOff, match=r"no model 'x' on http://a\. .*: qwen2\.5vl:7b$"):
        check(servers, ["qwen2.5vl:7b", "x"])
    with pytest.raises(ServerOff, match="'llama3' on http://a cannot see"):
        check(servers, ["llama3"])
    with pytest.raises(ServerOff, match="http://b is off"):
        check(servers[1:], ["x"])
    check([Installed("http://c", "x")], ["tells nothing of its models"])


def test_names_mean_the_same_with_and_without_latest() -> None:
    assert same("LLaVA", "llava:latest")
    assert not same("llava:7b", "llava:13b")
