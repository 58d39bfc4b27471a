"""When the daemon has done what it was handed, and what is told of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from mediaindex.cli.handing_over import Watched, added, is_over, report_of
from tests.acceptance.test_with_daemon import counted, library, progress, status

BEGAN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
SINCE = (BEGAN + timedelta(seconds=1)).isoformat()


def watched(**swept: dict[str, Any]) -> Watched:
    return Watched(BEGAN, ["photos"], dict(swept))


def test_library_has_to_be_looked_at_since() -> None:
    looked_at = status() | {"libraries": [counted(swept_at=SINCE)]}

    assert not is_over(status(), watched(), captions=True)
    assert is_over(looked_at, watched(), captions=True)
    assert is_over(status(), watched(photos={"new": 0}), captions=True)


def test_library_that_is_offline_is_not_waited_for() -> None:
    offline = status(libraries=[library(offline_reason="it is not mounted")])

    assert is_over(offline, watched(), captions=True)


def test_sweep_and_work_that_go_on_are_waited_for() -> None:
    sweeping = status(libraries=[library(is_sweeping=True)])

    assert not is_over(sweeping, watched(photos={}), captions=True)
    assert not is_over(status("working", 1), watched(photos={}), captions=True)


def test_quiet_hours_are_not_waited_for() -> None:
    assert is_over(status("resting", 1), watched(), captions=True)


@pytest.mark.parametrize(
    ("stage", "is_done"),
    [
        ({"waiting": 5, "blocked": None}, False),
        ({"waiting": 5, "blocked": "no server answers"}, True),
        ({"waiting": 0, "blocked": None}, True),
    ],
)
def test_captions_are_not_waited_for_when_told_so(stage: dict[str, Any], is_done: bool) -> None:
    now = status("working")
    now["stages"] |= {"caption": {"waiting": 900, "blocked": None}, "embed": stage}

    assert is_over(now, watched(photos={}), captions=False) is is_done
    assert not is_over(now, watched(photos={}), captions=True)


def test_report_tells_what_was_done_since() -> None:
    before = status(done=1, stages=[progress("decode", done=100, failed=1)])
    now = status(stages=[progress("decode", done=103, failed=2), progress("embed", done=4)])

    report = report_of(before, now, watched(photos={"library": "photos", "seen": 9, "gone": 1}))

    assert {one.stage: (one.done, one.failed) for one in report.stages} == {
        "decode": (3, 1),
        "embed": (4, 0),
    }
    assert (report.sweeps["photos"].seen, report.sweeps["photos"].gone) == (9, 1)


def test_report_after_the_settings_were_read_anew_counts_from_there() -> None:
    before = status(stages=[progress("decode", done=100)])

    report = report_of(before, status(stages=[progress("decode", done=5)]), watched())

    assert [one.done for one in report.stages] == [5]


def test_library_that_waits_for_a_person_is_told_without_a_sweep() -> None:
    report = report_of(status(), status(libraries=[library(held_back=7)]), watched())

    assert report.sweeps["photos"].held_back == 7


def test_second_sweep_does_not_undo_what_the_first_one_told() -> None:
    first = {"name": "photos", "seen": 29, "new": 29, "held_back": 0}

    told = added(added({}, first), {"name": "photos", "seen": 29, "new": 0, "held_back": 0})

    assert (told["seen"], told["new"], told["held_back"]) == (29, 29, 0)


def test_files_that_no_sweep_told_of_are_new_all_the_same() -> None:
    before = status() | {"libraries": []}

    report = report_of(before, status(), watched(photos={"seen": 2, "new": 1}))

    assert (report.sweeps["photos"].seen, report.sweeps["photos"].new) == (3, 3)
