"""Captioners without a server: one that says what the test says, one that waits until it does."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from mediaindex.captioners import Ask, ModelFacts, OnPull, Reply

LIMIT_S = 30.0
"""After so long a test has failed."""

T = TypeVar("T")


def until(claim: Callable[[], bool]) -> None:
    """Wait until something holds that other threads bring about."""
    end = time.monotonic() + LIMIT_S
    while not claim():
        assert time.monotonic() < end, "it never came to hold"
        time.sleep(0.002)


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Made:
    """A captioner that opens and answers by functions."""

    server: str = "http://made"
    model: str = "m"
    answer: Callable[[Ask], Reply] = lambda _: Reply("A cat.", "stop", 10)
    opening: Callable[[], ModelFacts] = lambda: ModelFacts("m", digest="d1")
    asks: list[Ask] = field(default_factory=list)
    most_in_flight: int = 0
    is_closed: bool = False
    facts: ModelFacts | None = None
    _in_flight: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self) -> ModelFacts:
        return self.opening()

    def ask(self, ask: Ask) -> Reply:
        with self._lock:
            self.asks.append(ask)
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            return self.answer(ask)
        finally:
            with self._lock:
                self._in_flight -= 1

    def models(self) -> Sequence[ModelFacts]:
        return ()

    def pull(self, on_pull: OnPull) -> None: ...

    def close(self) -> None:
        self.is_closed = True


class Calls(Generic[T]):
    """Calls that wait until the test says what comes of them."""

    def __init__(self) -> None:
        self._began: queue.Queue[Future[T]] = queue.Queue()

    def wait(self) -> T:
        """Be one of them."""
        call: Future[T] = Future()
        self._began.put(call)
        return call.result(LIMIT_S)

    def next(self) -> Future[T]:
        """Return the next one to begin, once it has; its result is for the test to set."""
        return self._began.get(timeout=LIMIT_S)

    @property
    def number(self) -> int:
        """How many have begun and were not taken."""
        return self._began.qsize()


class Held(Made):
    """A captioner whose every answer, and every opening if wished, waits for the test."""

    def __init__(self, server: str, *, opens: bool = True) -> None:
        super().__init__(server)
        self.asked: Calls[Reply] = Calls()
        self.opened: Calls[ModelFacts] = Calls()
        self.answer = lambda _: self.asked.wait()
        self.opening = (lambda: FACTS) if opens else self.opened.wait


FACTS = ModelFacts("m", digest="d1")

CAT = Reply("A cat.", "stop", 10)
