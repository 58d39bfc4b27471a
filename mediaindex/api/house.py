"""What the routes share: the daemon that is asked, and the door's own counts."""

import threading
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, cast

from fastapi import Depends, Request

from mediaindex.api.metrics import Metrics
from mediaindex.api.slots import Slots
from mediaindex.api.turns import Turns
from mediaindex.daemon.service import Service
from mediaindex.overview import disk_bytes
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.search.kept import Kept

MOST_LISTENERS = 200

DISK_S = 60.0
"""So long it is believed how much of the disk is used: counting goes through every preview."""


@dataclass(frozen=True)
class House:
    """What the routes share. Safe from any thread."""

    service: Service
    #: Whether the daemon's work goes on, at whatever pace; False: it hangs.
    is_alive: Callable[[], bool]
    metrics: Metrics
    #: Set when the door is being closed.
    closing: threading.Event = field(default_factory=threading.Event)
    turns: Turns = field(default_factory=Turns)
    #: Of pictures that were sent, one is decoded at a time; the others wait here, and in no turn.
    pictures: Turns = field(default_factory=lambda: Turns(at_once=1))
    listeners: Slots = field(default_factory=lambda: Slots(MOST_LISTENERS))
    _disk: Kept[None, dict[str, int]] = field(default_factory=lambda: Kept(1, DISK_S))

    def disk_bytes(self) -> dict[str, int]:
        """Return how much of the disk is used for what, as of the last minute."""
        return self._disk.get(None, lambda: disk_bytes(self.service.config))

    def ask(self, asked: Asked, today: date) -> Answer:
        """Have the daemon answer, and count it; raises as `Service.ask`."""
        began = time.perf_counter()
        try:
            answer = self.service.ask(asked, today)
        except Exception:
            self.metrics.searches.labels("error").inc()
            raise
        self.metrics.seconds.observe(time.perf_counter() - began)
        self.metrics.searches.labels("found" if answer.hits else "nothing").inc()
        return answer


async def house(request: Request) -> House:
    """Return what the routes share; async, so that no thread is needed for it."""
    return cast("House", request.app.state.house)


Here = Annotated[House, Depends(house)]


async def turn(here: Here) -> AsyncIterator[None]:
    """Let a question have its turn first; it ends before the answer is sent.

    Raises:
        Busy: None came in time.
    """
    async with here.turns.take():
        yield


Turn = Depends(turn, scope="function")


async def picture_turn(here: Here) -> AsyncIterator[None]:
    """Let a question that brings a picture have its turn among these, before that among all.

    Raises:
        Busy: None came in time.
    """
    async with here.pictures.take():
        yield


PictureTurn = Depends(picture_turn, scope="function")
