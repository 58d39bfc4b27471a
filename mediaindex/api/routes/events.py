"""What happens, as it happens."""

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from mediaindex.api.house import Here, House
from mediaindex.api.plain import text_only
from mediaindex.api.problems import Busy
from mediaindex.daemon.events import Event, Events

router = APIRouter(tags=["events"])

HEARTBEAT_S = 15.0

LOOK_S = 0.2
"""How often each listener's queue is looked at: nobody sees the difference, and no listener keeps a
thread waiting."""

ABOUT = """Server-sent events: `event` is the kind (`library`, `sweep`, `progress`,
`daemon`, `immich`), `data` one JSON object with `at` and what the kind tells. A comment line comes
every 15 s while nothing happens. The stream ends when the daemon stops."""


@router.get(
    "/events",
    response_class=StreamingResponse,
    description=ABOUT,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(here: Here) -> StreamingResponse:
    """Tell what happens from now on."""
    return Stream(here)


class Stream(StreamingResponse):
    """What happens, for as long as there is a slot for whoever listens."""

    media_type = "text/event-stream"

    def __init__(self, here: House) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(stream(here.service.events, here.closing), headers=headers)
        self._listeners = here.listeners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what happens.

        Raises:
            Busy: So many programs listen already.
        """
        if not self._listeners.take():
            raise Busy(f"{self._listeners.most} programs listen already")
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._listeners.give_back()


async def stream(
    events: Events, closing: threading.Event, heartbeat_s: float = HEARTBEAT_S
) -> AsyncIterator[str]:
    """Yield the stream's text until `closing`; whoever stops reading is forgotten."""
    loop = asyncio.get_running_loop()
    with events.listen() as told:
        yield ": what happens from now on\n\n"
        said_at = loop.time()
        while not closing.is_set():
            try:
                text = as_text(told.get_nowait())
            except queue.Empty:
                if loop.time() - said_at < heartbeat_s:
                    await asyncio.sleep(LOOK_S)
                    continue
                text = ": still here\n\n"
            said_at = loop.time()
            yield text


def as_text(event: Event) -> str:
    """Return an event as its stream has it."""
    data = {"at": event.at.isoformat(), **event.data}
    written = json.dumps(data, ensure_ascii=False, default=str)
    return f"event: {event.kind}\ndata: {text_only(written)}\n\n"
