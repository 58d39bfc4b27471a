"""What the server under us complains of; the same again and again is said once a minute."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

log = logging.getLogger(__name__)

AGAIN_S = 60.0

NO_FILES = "socket.accept() out of system resource"
"""As asyncio says it, up to a hundred times a second."""


class Complaints:
    """An exception handler of an event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said_s: float | None = None

    def __call__(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Log a complaint."""
        if context.get("message") != NO_FILES:
            loop.default_exception_handler(dict(context))
            return
        now_s = self._clock()
        if self._said_s is None or now_s - self._said_s >= AGAIN_S:
            self._said_s = now_s
            log.error("nobody new can ask the daemon for now: %s", context.get("exception"))


def is_news(record: logging.LogRecord) -> bool:
    """Return whether a record is worth a line: a request that is cut off at our end is not."""
    return not (record.exc_info and isinstance(record.exc_info[1], asyncio.CancelledError))
