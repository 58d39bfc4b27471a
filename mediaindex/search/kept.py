"""What answers are made from, kept between questions."""

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True)
class _Held(Generic[V]):
    #: Monotonic, seconds.
    until_s: float
    value: "Future[V]" = field(default_factory=Future)


class Kept(Generic[K, V]):
    """So many values at most, each made once for a while. Safe from any thread."""

    def __init__(
        self, most: int, for_s: float = math.inf, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Keep at most `most` values, those asked for last, and none longer than `for_s`."""
        self._most, self._for_s, self._clock = most, for_s, clock
        self._held: OrderedDict[K, _Held[V]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: K, make: Callable[[], V]) -> V:
        """Return the value of `key`; whoever asks first makes it, and who comes meanwhile waits.

        What `make` raises is raised to all who waited, and nothing is kept.
        """
        with self._lock:
            held = self._held.get(key)
            mine = held is None or held.until_s <= self._clock()
            if held is None or mine:
                held = self._held[key] = _Held[V](self._clock() + self._for_s)
            self._held.move_to_end(key)
            while len(self._held) > self._most:
                self._held.popitem(last=False)
        if mine:
            self._make(key, held, make)
        return held.value.result()

    def clear(self) -> None:
        """Keep nothing of what was made so far."""
        with self._lock:
            self._held.clear()

    def _make(self, key: K, held: _Held[V], make: Callable[[], V]) -> None:
        try:
            held.value.set_result(make())
        except BaseException as error:  # noqa: BLE001 - raised to all who wait for it
            with self._lock:
                if self._held.get(key) is held:
                    del self._held[key]
            held.value.set_exception(error)
