"""Immich, which lives beside us: how reading it goes, and how it wakes us."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import APIKeyHeader

from mediaindex.api.hook import HEADER, is_shown, refused
from mediaindex.api.house import Here
from mediaindex.api.paths import HOOK
from mediaindex.api.plain import Plain
from mediaindex.api.shapes import AcceptedAnswer, ImmichAnswer, ReadingAnswer
from mediaindex.immich.standing import standing

router = APIRouter(tags=["immich"])
hooks = APIRouter(tags=["immich"])

Secret = Depends(
    APIKeyHeader(
        name=HEADER,
        scheme_name="WebhookSecret",
        auto_error=False,
        description="`immich.webhook_secret` of the settings.",
    )
)


@router.get("/immich", response_model=ImmichAnswer)
def immich(
    here: Here,
    vanished: Annotated[bool, Query(description="Name what vanished there, too.")] = False,
) -> Plain:
    """Tell which accounts of Immich are connected, how each stands, and what is read now."""
    service = here.service
    found = standing(service.database, vanished=vanished)
    return Plain({**found, "now": asdict(service.state().immich)})


@router.post("/immich/sync", response_model=ReadingAnswer, status_code=202)
def sync(
    here: Here,
    full: Annotated[bool, Query(description="All of it, not only what changed.")] = False,
) -> Plain:
    """Read Immich as soon as possible; its `reading` has ended when `now.ended` is as high."""
    number = here.service.read_immich(full=full)
    return Plain({"version": 1, "accepted": True, "reading": number}, 202)


@hooks.post(
    HOOK,
    response_model=AcceptedAnswer,
    status_code=202,
    dependencies=[Secret],
)
async def hear(here: Here, request: Request) -> Plain:
    """Let a workflow of Immich say that something changed; what it sends is not looked at.

    It has to show the secret of the settings and no token, and can do nothing else.
    """
    if not is_shown(request.scope["headers"], here.service.hook_secret):
        return refused()
    here.service.hear_of_immich()
    return Plain({"version": 1, "accepted": True}, 202)
