"""Which frames are kept: pictures and times in, spans out."""

import weakref
from collections.abc import Iterable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediaindex.media.scenes import FrameRules, KeptFrame, choose
from mediaindex.types import RGB, Frame
from tests.conftest import plain

RULES = FrameRules(min_gap_s=1, max_gap_s=10)
BLACK = plain(0, 0, 0)


def scene(number: int) -> RGB:
    """Return a picture unlike those of other numbers."""
    cells = np.random.default_rng(number).integers(0, 256, (4, 4, 3), dtype=np.uint8)
    return cells.repeat(16, axis=0).repeat(16, axis=1)


def every(step_ms: int, pictures: Iterable[RGB], from_ms: int = 0) -> Iterator[Frame]:
    return (Frame(picture, from_ms + step_ms * n) for n, picture in enumerate(pictures))


def times(frames: Iterable[KeptFrame]) -> list[tuple[int, int, int]]:
    return [(frame.start_ms, frame.at_ms, frame.end_ms) for frame in frames]


def test_each_scene_is_kept_once_from_cut_to_cut() -> None:
    pictures = [scene(1)] * 8 + [scene(2)] * 12 + [scene(3)] * 8

    kept = times(choose(every(250, pictures), RULES, duration_ms=7000))

    assert kept == [(0, 0, 2000), (2000, 2000, 5000), (5000, 5000, 7000)]


def test_no_two_spans_begin_nearer_than_the_floor() -> None:
    pictures = [scene(number) for number in range(40)]

    kept = list(choose(every(250, pictures), RULES))

    starts = [frame.start_ms for frame in kept]
    assert min(np.diff(starts)) >= 1000
    assert len(kept) == 10


def test_cut_that_came_too_soon_is_honoured_when_the_floor_is_reached() -> None:
    pictures = [scene(1)] * 2 + [scene(2)] * 20

    kept = times(choose(every(250, pictures), RULES))

    assert kept == [(0, 0, 1000), (1000, 1000, 5250)]


def test_cuts_are_seen_between_black_bars() -> None:
    def upright(number: int) -> RGB:
        picture = BLACK.copy()
        picture[:, 22:42] = scene(number)[:, 22:42]
        return picture

    pictures = [upright(1 + number // 8) for number in range(24)]

    kept = times(choose(every(250, pictures), RULES))

    assert kept == [(0, 0, 2000), (2000, 2000, 4000), (4000, 4000, 5750)]


def test_short_flash_leaves_one_scene() -> None:
    pictures = [scene(1)] * 10 + [plain(255, 255, 255)] + [scene(1)] * 10

    assert times(choose(every(250, pictures), RULES)) == [(0, 0, 5000)]


def moved(number: int) -> RGB:
    """Return the same view with one corner at work."""
    picture = scene(1).copy()
    picture[:16, :16] = scene(number)[:16, :16]
    return picture


def test_slow_change_is_kept_at_the_ceiling() -> None:
    pictures = [moved(number // 10) for number in range(140)]

    kept = list(choose(every(250, pictures), RULES))

    assert [frame.start_ms for frame in kept] == [0, 10_000, 20_000, 30_000]


def test_what_stands_still_is_kept_once() -> None:
    kept = list(choose(every(1000, [scene(1)] * 600), RULES))

    assert times(kept) == [(0, 0, 599_000)]


def test_number_of_frames_grows_with_length_only() -> None:
    rules = FrameRules(min_gap_s=0.1, max_gap_s=10, base_frames=10, frames_per_min=6)
    ever_new = (scene(number) for number in range(600))

    kept = list(choose(every(1000, ever_new), rules))

    assert 60 <= len(kept) <= 70


def test_blank_lead_belongs_to_the_first_picture() -> None:
    kept = times(choose(every(250, [BLACK] * 12 + [scene(1)] * 4), RULES))

    assert kept == [(0, 3000, 3750)]


def test_blank_between_scenes_belongs_to_the_one_before() -> None:
    pictures = [scene(1)] * 8 + [BLACK] * 8 + [scene(2)] * 8

    kept = times(choose(every(250, pictures), RULES))

    assert kept == [(0, 0, 4000), (4000, 4000, 5750)]


def test_fade_in_is_kept_where_it_is_bright() -> None:
    levels = [*np.linspace(0.15, 1, 4), *[1.0] * 12]
    pictures = [(scene(1) * level).astype(np.uint8) for level in levels]

    (kept,) = choose(every(250, pictures), RULES)

    assert kept.start_ms == 0
    assert 250 <= kept.at_ms <= 1000


@pytest.mark.parametrize("picture", [BLACK, plain(255, 255, 255), plain(20, 90, 40)])
def test_blank_throughout_still_gives_one_frame(picture: RGB) -> None:
    assert times(choose(every(500, [picture] * 9), RULES)) == [(0, 0, 4000)]


def test_white_words_on_black_are_no_blank() -> None:
    words = BLACK.copy()
    words[20:30, 10:50] = 255

    assert times(choose(every(500, [BLACK, words, BLACK]), RULES)) == [(0, 500, 1000)]


def test_saturated_blue_is_no_night() -> None:
    stage = BLACK.copy()
    stage[16:48, 16:48, 2] = 255

    kept = times(choose(every(500, [stage] * 4 + [scene(1)] * 4), RULES))

    assert kept == [(0, 0, 2000), (2000, 2000, 3500)]


def test_no_frames_give_none() -> None:
    assert list(choose([], RULES)) == []


def test_few_frames_are_held_at_a_time() -> None:
    alive = 0
    most = 0

    def gone() -> None:
        nonlocal alive
        alive -= 1

    def counted() -> Iterator[Frame]:
        nonlocal alive, most
        for number in range(200):
            frame = Frame(scene(number // 3), number * 500)
            weakref.finalize(frame, gone)
            alive += 1
            most = max(most, alive)
            yield frame
            del frame

    for _ in choose(counted(), RULES):
        pass

    assert most <= 4


Shown = st.lists(st.integers(0, 6), min_size=1, max_size=60)


@given(Shown, st.sampled_from([40, 250, 1000, 7000]))
def test_spans_tile_and_hold_their_frames(shown: list[int], step_ms: int) -> None:
    pictures = [scene(number) if number else BLACK for number in shown]

    kept = list(choose(every(step_ms, pictures), RULES, duration_ms=100))

    last_ms = step_ms * (len(shown) - 1)
    end_ms = max(100, last_ms + (min(step_ms, 1000) if last_ms >= 100 else 0))
    assert [0, *(k.end_ms for k in kept)] == [*(k.start_ms for k in kept), end_ms]
    assert all(k.start_ms <= k.at_ms <= k.end_ms for k in kept)


@given(Shown, st.integers(0, 59))
def test_break_changes_nothing(shown: list[int], after: int) -> None:
    frames = list(every(500, [scene(n) if n else BLACK for n in shown]))
    whole = times(choose(frames, RULES))
    done = whole[: after % len(whole)]
    start_ms = done[-1][2] if done else 0

    rest = [frame for frame in frames if frame.at_ms >= start_ms]

    assert times(choose(rest, RULES, start_ms, kept=len(done))) == whole[len(done) :]


def test_breaks_grant_no_frames_beyond_the_most() -> None:
    rules = FrameRules(min_gap_s=0.1, max_gap_s=10, base_frames=10, frames_per_min=6)
    frames = list(every(1000, [scene(number) for number in range(300)]))
    whole = times(choose(frames, rules))

    for done in (5, 12, 30):
        start_ms = whole[done - 1][2]
        rest = [frame for frame in frames if frame.at_ms >= start_ms]

        assert times(choose(rest, rules, start_ms, kept=done)) == whole[done:]


def test_frame_after_the_end_stands_for_a_while_too() -> None:
    pictures = [scene(number) for number in range(5)]

    kept = times(choose(every(2000, pictures), RULES, duration_ms=4000))

    assert kept[-1] == (8000, 8000, 9000)
