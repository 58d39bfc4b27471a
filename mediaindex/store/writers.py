"""Who wants to write, in the order in which they came.

SQLite has writers ask again and again, with longer and longer pauses; one that writes all the time
then leaves the others hardly a chance.
"""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Writers:
    """A lock that is handed on to whoever has waited for it longest. Not to be taken twice."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_held = False
        self._waiting: deque[threading.Event] = deque()

    @contextmanager
    def turn(self, limit_s: float) -> Iterator[None]:
        """Wait for one's turn, and have it until the end of the block.

        Args:
            limit_s: Who has waited so long goes on without: whatever is behind the lock decides.
        """
        has_it = self._take(limit_s)
        try:
            yield
        finally:
            if has_it:
                self._hand_on()

    def _take(self, limit_s: float) -> bool:
        with self._lock:
            if not self._is_held:
                self._is_held = True
                return True
            called = threading.Event()
            self._waiting.append(called)
        if called.wait(limit_s):
            return True
        with self._lock:
            if called.is_set():
                return True
            self._waiting.remove(called)
            return False

    def _hand_on(self) -> None:
        with self._lock:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_held = False
