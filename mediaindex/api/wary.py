"""One connection, in which nobody may take our open files by saying nothing."""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from mediaindex.api.slots import Slots, neighbourhood

SPEAKS_WITHIN_S = 20.0
"""From the beginning, or from the last answer, until a request's header has come in whole."""


class Wary(H11Protocol):
    """Takes a connection if there is a slot for it, and hangs up where no request comes in."""

    def __init__(self, slots: Slots, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(*args, **kwargs)
        self._slots = slots
        self._slot: str | None = None
        self._hang_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, or hang up."""
        super().connection_made(transport)
        name = neighbourhood(self.client[0]) if self.client else ""
        if not self._slots.take(name):
            transport.abort()
            return
        self._slot = name
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection."""
        super().connection_lost(exc)
        self._stop_watching()
        if self._slot is not None:
            self._slots.give_back(self._slot)
            self._slot = None

    def data_received(self, data: bytes) -> None:
        """Take what was sent."""
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self._watch()

    def _watch(self) -> None:
        """Let the clock run while no request is being answered; what trickles in does not stop it.

        A body has a clock of its own (`bounds`).
        """
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering or self.transport.is_closing():
            self._stop_watching()
        elif self._hang_up is None:
            self._hang_up = self.loop.call_later(SPEAKS_WITHIN_S, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None
