"""All that can be asked, as one application."""

from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.security import HTTPBearer
from starlette.types import ASGIApp, Receive, Scope, Send

from mediaindex import __version__
from mediaindex.api.bounds import Bounds
from mediaindex.api.house import House
from mediaindex.api.paths import BASE
from mediaindex.api.problems import tell_all
from mediaindex.api.routes import assets, cli, events, health, immich, libraries, search, work
from mediaindex.api.shapes import ErrorAnswer

ABOUT = """Find photos, and the seconds of videos, in plain words; and see to the daemon that
indexes them.

On the Unix socket nothing is needed to ask; on TCP every request shows the token of the settings
(`Authorization: Bearer ...`), but for `/health` and `/ready`; `/hooks/immich` has a secret of its
own. Every error is told as
`{"error": {"kind", "message"}}`. Times are ISO 8601; those that end in `_ms` are milliseconds."""

TAGS = [
    {"name": "search", "description": "Find photos and moments of videos."},
    {"name": "assets", "description": "What is known of one photo or video."},
    {"name": "libraries", "description": "The folders that are indexed."},
    {"name": "work", "description": "How indexing goes, and what to do about it."},
    {"name": "immich", "description": "What is read of Immich, and how it wakes us."},
    {"name": "events", "description": "What happens, as it happens."},
    {"name": "health", "description": "For whatever watches over services."},
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
    for topic in (search, assets, libraries, work, immich, events):
        public.include_router(topic.router, prefix=BASE)
    app.include_router(public)
    app.include_router(health.router, responses=problems)
    app.include_router(immich.hooks, responses=problems)
    app.include_router(cli.router)
    app.add_middleware(Bounds)
    return _Told(app)


class _Told:
    """Ends errors that were told and logged; the server under us would log them once more."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(Exception):
            await self._app(scope, receive, send)
