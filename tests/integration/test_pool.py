"""Several servers behind one question, on real sockets."""

import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from mediaindex.captioners import Ask, load
from mediaindex.captioners.pool import Pool
from mediaindex.errors import ServerOff
from tests.captioning import until
from tests.servers.faults import Fault
from tests.servers.models import VISION
from tests.servers.ollama import OllamaServer

ASK = Ask("What is there?")


def hurried() -> float:
    """A clock on which rests of seconds are short."""
    return 20 * time.monotonic()


def pool_of(*servers: OllamaServer) -> Pool:
    captioners = [load("ollama", {"url": one.url, "model": VISION.name}) for one in servers]
    return Pool([(captioner, 1) for captioner in captioners], hurried)


def test_server_that_dies_and_comes_back_costs_no_answer() -> None:
    with OllamaServer() as steady, OllamaServer() as mortal:
        pool, stop = pool_of(steady, mortal), threading.Event()
        pool.open()
        until(lambda: all(one.state == "ready" for one in pool.standing()))
        with ThreadPoolExecutor(4) as threads:
            before = [threads.submit(pool.ask, ASK, stop) for _ in range(20)]
            mortal.stop()
            during = [threads.submit(pool.ask, ASK, stop) for _ in range(20)]
            answered = [call.result(30) for call in before + during]
            mortal.start()
            seen = Counter[str]()
            while not seen[mortal.url]:
                after = [threads.submit(pool.ask, ASK, stop) for _ in range(4)]
                seen.update(call.result(30).captioner.server for call in after)
        pool.close()

    assert len(answered) == 40


def test_every_server_that_is_off_is_named() -> None:
    with OllamaServer() as one, OllamaServer() as two:
        one.stop()
        two.stop()
        pool = pool_of(one, two)

        with pytest.raises(ServerOff) as off:
            pool.open()

        assert one.url in str(off.value)
        assert two.url in str(off.value)
        pool.close()


def test_answers_that_break_off_are_given_by_another() -> None:
    with OllamaServer() as faulty, OllamaServer() as well:
        pool = pool_of(faulty, well)
        pool.open()
        until(lambda: all(one.state == "ready" for one in pool.standing()))
        faulty.faults = [Fault.half()] * 2

        answers = [pool.ask(ASK, threading.Event()) for _ in range(4)]

        assert faulty.faults == []
        assert {answer.captioner.server for answer in answers} == {well.url, faulty.url}
        pool.close()
