"""When captions wait for Immich, and when they do not any more."""

import pytest

from mediaindex.clients.immich_shapes import Queue
from mediaindex.immich.busy import LONGEST_S, RESPITE_S, STUCK_S, Patience, to_do


def queue(
    name: str = "faceDetection", waiting: int = 0, active: int = 0, *, is_paused: bool = False
) -> Queue:
    return Queue(name, active, waiting, is_paused)


def test_what_immich_does_on_the_card_is_waited_for_and_told() -> None:
    queues = [queue("smartSearch", 3), queue(waiting=1200, active=4), queue("library", 9000)]

    assert Patience().look(queues, 0) == "Immich is looking for faces: 1,204 to go"


def test_what_needs_no_card_is_not_waited_for() -> None:
    queues = [queue("thumbnailGeneration", 500), queue("library", 1), queue("smartSearch")]

    assert Patience().look(queues, 0) is None


def test_paused_queue_is_busy_only_with_what_it_has_begun() -> None:
    assert to_do(queue(waiting=1000, is_paused=True)) == 0
    assert to_do(queue(waiting=1000, active=2, is_paused=True)) == 2
    assert Patience().look([queue(waiting=1000, is_paused=True)], 0) is None


def test_queue_that_does_not_move_is_not_waited_for_for_ever() -> None:
    patience = Patience()

    for at_s in range(0, int(STUCK_S), 600):
        assert patience.look([queue(waiting=7)], at_s)
    assert patience.look([queue(waiting=7)], STUCK_S) is None
    assert patience.given_up


def test_queue_that_only_grows_does_not_move() -> None:
    patience = Patience()
    for at_s in range(0, int(STUCK_S), 600):
        assert patience.look([queue(waiting=7 + at_s)], at_s)

    assert patience.look([queue(waiting=10**6)], STUCK_S) is None


def test_queue_that_goes_down_and_up_for_ever_does_not_move() -> None:
    patience = Patience()

    waits = [
        patience.look([queue(waiting=49 + turn % 2)], turn * 600.0) is not None
        for turn in range(int(4 * STUCK_S / 600))
    ]

    assert waits.index(False) * 600.0 == pytest.approx(STUCK_S, abs=1200)
    assert not any(waits[waits.index(False) :])
    assert patience.given_up == "its queues have got no shorter for 12 hours"


def test_each_queue_is_measured_by_itself() -> None:
    patience = Patience()

    for turn, at_s in enumerate(range(0, int(STUCK_S * 1.5), 600)):
        queues = [queue(waiting=100 + turn), queue("ocr", 100 - turn)]
        assert patience.look(queues, at_s)


def test_queue_that_moves_is_not_waited_for_longer_than_a_day_at_a_time() -> None:
    patience = Patience()
    moving = iter(range(10**6, 0, -1))

    def look(at_s: float) -> bool:
        return patience.look([queue(waiting=next(moving))], at_s) is not None

    assert all(look(at_s) for at_s in range(0, int(LONGEST_S), 600))
    assert not any(look(LONGEST_S + at_s) for at_s in range(0, int(RESPITE_S), 600))
    assert patience.given_up is not None
    assert "busy for 24 hours" in patience.given_up
    assert look(LONGEST_S + RESPITE_S)
    assert patience.given_up is None


def test_after_a_respite_idle_queues_begin_anew() -> None:
    patience = Patience()
    for turn, at_s in enumerate(range(0, int(LONGEST_S) + 600, 600)):
        patience.look([queue(waiting=1000 - turn)], at_s)
    assert patience.given_up

    assert patience.look([queue()], LONGEST_S + 700) is None
    assert patience.given_up is None
    assert patience.look([queue(waiting=5)], LONGEST_S + 800)


def test_queue_that_moves_again_is_waited_for_again() -> None:
    patience = Patience()
    patience.look([queue(waiting=7)], 0)
    assert patience.look([queue(waiting=7)], STUCK_S) is None

    assert patience.look([queue(waiting=6)], STUCK_S + 30) == "Immich is looking for faces: 6 to go"
    assert not patience.given_up


def test_new_work_after_a_quiet_night_has_its_own_time() -> None:
    patience = Patience()
    patience.look([queue()], 0)

    assert patience.look([queue(waiting=7)], 2 * STUCK_S)
    assert patience.look([queue(waiting=7)], 2 * STUCK_S + 60)
