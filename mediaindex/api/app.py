"""All that can be asked, as one application."""

import logging
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediaindex import __version__
from mediaindex.api.bounds import Bounds
from mediaindex.api.house import House
from mediaindex.api.paths import BASE
from mediaindex.api.problems import tell, tell_all
from mediaindex.api.routes import assets, cli, events, libraries, search, watching, work
from mediaindex.api.shapes import ErrorAnswer

log = logging.getLogger(__name__)

ABOUT = """Find photos, and the seconds of videos, in plain words; and see to the daemon that
indexes them.

On the Unix socket nothing is needed to ask; on TCP every request shows the token of the settings
(`Authorization: Bearer ...`), but for `/health` and `/ready`. Every error is told as
`{"error": {"kind", "message"}}`. Times are ISO 8601; those that end in `_ms` are milliseconds."""

TAGS = [
    {"name": "search", "description": "Find photos and moments of videos."},
    {"name": "assets", "description": "What is known of one photo or video."},
    {"name": "libraries", "description": "The folders that are indexed."},
    {"name": "work", "description": "How indexing goes, and what to do about it."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "watching", "description": "For whatever watches over services."},
]


def build(house: House) -> ASGIApp:
    """Return the application; whoever may reach it may do everything."""
    app = FastAPI(
        title="mediaindex",
        version=__version__,
        description=ABOUT,
        openapi_tags=TAGS,
        servers=[{"url": "/", "description": "Where this description was read."}],
        docs_url=None,  # these pages are built from a CDN's scripts
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
        # It tells OpenTelemetry of every request, wherever some library has set that up.
        telemetry={
            "tracing": False,
            "metrics": False,
            "logs": False,
            "operation_spans": False,
            "auto_configure": False,
        },
    )
    app.state.house = house
    tell_all(app)
    shown = Depends(HTTPBearer(auto_error=False, description="Needed on TCP only."))
    problems: dict[int | str, dict[str, Any]] = {
        "default": {"model": ErrorAnswer, "description": "It cannot be done; why."}
    }
    public = APIRouter(dependencies=[shown], responses=problems)
    for topic in (search, assets, libraries, work, events):
        public.include_router(topic.router, prefix=BASE)
    app.include_router(public)
    app.include_router(watching.router, responses=problems)
    app.include_router(cli.router)
    return _Last(Bounds(app), house)


class _Last:
    """Tells what nobody expected: to the log all of it, to the client nothing."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        has_begun = False

        async def watched(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - it is logged, and the daemon lives on
            answer = tell(error)
            self._house.metrics.errors.labels(answer.kind).inc()
            if not has_begun:
                await answer(scope, receive, send)
