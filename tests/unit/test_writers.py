import threading

from mediaindex.store.writers import Writers
from tests.daemons import until


def test_who_waited_longest_is_next_although_another_comes_again_and_again() -> None:
    writers, order = Writers(), list[str]()
    waits = threading.Event()

    def wait() -> None:
        waits.set()
        with writers.turn(30):
            order.append("patient")

    with writers.turn(30):
        thread = threading.Thread(target=wait)
        thread.start()
        waits.wait(30)
        until(lambda: len(writers._waiting) == 1)
    with writers.turn(30):
        order.append("busy")
    thread.join()

    assert order == ["patient", "busy"]


def test_who_waited_in_vain_goes_on_without_and_leaves_no_trace() -> None:
    writers = Writers()
    with writers.turn(30), writers.turn(0.01):
        pass
    with writers.turn(30):
        pass

    assert not writers._waiting


def test_none_has_it_beside_another() -> None:
    writers, inside, most = Writers(), list[int](), list[int]()

    def write() -> None:
        for _ in range(200):
            with writers.turn(30):
                inside.append(1)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (max(most), len(most)) == (1, 1600)
