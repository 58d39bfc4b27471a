"""How the command line puts things: reasons, lines that fit, the live table, slow servers."""

from collections.abc import Sequence
from io import StringIO
from pathlib import Path
from typing import get_args

import pytest
from rich.console import Console

from mediaindex.captioners.guard import Reason
from mediaindex.cli.output import wrapped
from mediaindex.cli.progress import SEARCHABLE, table
from mediaindex.cli.reasons import PLAIN, plain
from mediaindex.overview import slow_servers
from mediaindex.pipeline.eta import Pace
from mediaindex.pipeline.lane import Progress
from mediaindex.store.describing import Timing
from mediaindex.store.lock import is_held, worker_lock


def shown(paces: Sequence[Pace], stages: Sequence[Progress], width: int) -> list[str]:
    screen = StringIO()
    Console(file=screen, width=width).print(table(paces, stages, {}))
    return [line.rstrip() for line in screen.getvalue().splitlines()]


def test_every_reason_of_the_guard_has_plain_words() -> None:
    assert set(PLAIN) == set(get_args(Reason))


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ("refusal: I cannot: no", "the model refused: I cannot: no"),
        ("repetition", "it repeated itself"),
        ("empty: ", "it answered nothing"),
        ("the disk is full: 0 bytes", "the disk is full: 0 bytes"),
    ],
)
def test_reason_is_told_with_what_told(stored: str, said: str) -> None:
    assert plain(stored) == said


def test_lines_are_broken_between_words_and_paths_stay_whole() -> None:
    path = "/a/very/long/path/that-cannot/be/broken/without/being/useless.jpg"

    lines = wrapped(f"  caption waits: no server answers at {path} now", 40).splitlines()

    assert lines[0] == "  caption waits: no server answers at"
    assert lines[1] == f"    {path}"
    assert lines[2] == "    now"


def test_reason_for_which_a_stage_waits_stands_whole_below_the_table() -> None:
    reason = "http://127.0.0.1:11434 does not answer; start it with: ollama serve, and it goes on"
    waiting = Progress("caption", blocked_reason=reason)
    paces = [Pace("embed", 3, 10, 1.0, 7.0)]

    lines = shown(paces, [waiting], 60)

    assert " ".join(lines).endswith(f"caption waits: {reason}")
    assert all(len(line) <= 60 for line in lines)


def test_note_that_all_can_be_searched_takes_one_line_where_there_is_room() -> None:
    paces = [Pace("embed", 10, 10, None, 0.0), Pace("caption", 1, 10, 1.0, 9.0)]

    assert shown(paces, [], 120)[-1] == SEARCHABLE


def test_stage_of_which_nothing_is_known_yet_looks_neither_done_nor_undone() -> None:
    (_, line) = shown([Pace("embed", 0, 0, None, 0.0)], [], 100)

    assert line.split() == ["embed", "0", "0"]


def test_only_the_server_that_became_slow_is_named() -> None:
    def last(server: str, number: int, speed: float) -> list[Timing]:
        return [Timing(server, 1000, speed)] * number

    both = [*last("http://a", 10, 4.0), *last("http://b", 40, 9.0), *last("http://a", 30, 41.0)]

    assert slow_servers(both) == [{"server": "http://a", "usual": 41.0, "now": 4.0}]
    assert slow_servers([*last("http://b", 40, 9.0), *last("http://a", 40, 41.0)]) == []


def test_lock_tells_whether_a_run_is_at_work(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    with worker_lock(tmp_path):
        assert is_held(tmp_path)
    assert not is_held(tmp_path)
