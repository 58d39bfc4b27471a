"""When captions wait for Immich, and when they do not any more."""

from mediaindex.clients.immich_shapes import Queue
from mediaindex.immich.busy import STUCK_S, Patience, to_do


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
    assert patience.is_over


def test_queue_that_only_grows_does_not_move() -> None:
    patience = Patience()
    for at_s in range(0, int(STUCK_S), 600):
        assert patience.look([queue(waiting=7 + at_s)], at_s)

    assert patience.look([queue(waiting=10**6)], STUCK_S) is None


def test_queue_that_moves_is_waited_for_as_long_as_it_takes() -> None:
    patience = Patience()

    for left in range(100, 0, -1):
        assert patience.look([queue(waiting=left)], (100 - left) * STUCK_S / 2)


def test_queue_that_moves_again_is_waited_for_again() -> None:
    patience = Patience()
    patience.look([queue(waiting=7)], 0)
    assert patience.look([queue(waiting=7)], STUCK_S) is None

    assert patience.look([queue(waiting=6)], STUCK_S + 30) == "Immich is looking for faces: 6 to go"
    assert not patience.is_over


def test_new_work_after_a_quiet_night_has_its_own_time() -> None:
    patience = Patience()
    patience.look([queue()], 0)

    assert patience.look([queue(waiting=7)], 2 * STUCK_S)
    assert patience.look([queue(waiting=7)], 2 * STUCK_S + 60)
