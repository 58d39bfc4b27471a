"""So many questions are answered at a time; the next ones wait a little, and no longer."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mediaindex.api.problems import Busy

AT_ONCE = max(2, os.cpu_count() or 2)
"""Each keeps one core busy. On two cores, beside a backlog, one at a time took three times as long
as two, and four no less (benchmarks/hardship.py load)."""

PATIENCE_S = 10.0

MOST_WAITING = 500


class Turns:
    """Hands out turns; of one event loop."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self.at_once = at_once
        #: How many wait for theirs now.
        self.waiting = 0
        self._patience_s = patience_s
        self._free = asyncio.Semaphore(at_once)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[None]:
        """Wait for a turn and have it until the end of the block.

        Raises:
            Busy: None came in time, or too many wait already.
        """
        if self.waiting >= MOST_WAITING:
            raise Busy(f"{self.waiting} questions wait for an answer; ask again in a moment")
        self.waiting += 1
        try:
            async with asyncio.timeout(self._patience_s):
                await self._free.acquire()
        except TimeoutError as error:
            raise Busy("too many questions are being answered; ask again in a moment") from error
        finally:
            self.waiting -= 1
        try:
            yield
        finally:
            self._free.release()
