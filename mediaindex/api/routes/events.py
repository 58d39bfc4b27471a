"""What happens, as it happens."""

import asyncio
import json
import queue
import threading
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from mediaindex.api.house import Here
from mediaindex.api.plain import text_only
from mediaindex.api.problems import Busy
from mediaindex.daemon.events import Event, Events

router = APIRouter(tags=["events"])

HEARTBEAT_S = 15.0

LOOK_S = 0.2
"""How often each listener's queue is looked at: nobody sees the difference, and no listener keeps a
thread waiting."""

MOST_LISTENERS = 200

ABOUT = """Server-sent events: `event` is the kind (`library`, `sweep`, `progress`,
`daemon`), `data` one JSON object with `at` and what the kind tells. A comment line comes
every 15 s while nothing happens. The stream ends when the daemon stops."""


@router.get(
    "/events",
    response_class=StreamingResponse,
    description=ABOUT,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def events(request: Request, here: Here) -> StreamingResponse:
    """Tell what happens from now on."""
    told = here.service.events
    if told.listeners >= MOST_LISTENERS:
        raise Busy(f"{told.listeners} programs listen already")
    return StreamingResponse(
        stream(told, here.closing),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


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
