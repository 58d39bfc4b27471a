"""For our own commands: the same question and answer as without a daemon, nothing reshaped.

Not part of what other programs may rely on: it changes with the version, which is checked.
"""

import json
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from mediaindex import __version__
from mediaindex.api.house import Here, Turn
from mediaindex.api.problems import Problem, WrongRequest
from mediaindex.api.routes.search import kept
from mediaindex.search.asked import Asked

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Question:
    """A question without its picture, which may lie where the daemon cannot read."""

    words: str
    operators: tuple[tuple[str, str], ...] = ()
    limit: int = 20
    moments: bool = False
    understand: bool = True


@dataclass(frozen=True)
class Sent:
    """What our commands send."""

    asked: Question
    today: date
    version: str
    #: As base64.
    picture: bytes | None = None


async def read(request: Request) -> Sent:
    """Return what was sent.

    Raises:
        Problem: Another version sent it.
        WrongRequest: It is none of our forms.
    """
    try:
        body = json.loads(await request.body())
        version = body["version"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise WrongRequest("expected the question of a mediaindex command") from error
    if version != __version__:
        raise Problem(409, "WrongVersion", f"the daemon is mediaindex {__version__}")
    try:
        return msgspec.convert(body, Sent)
    except msgspec.ValidationError as error:
        raise WrongRequest(str(error)) from error


async def picture_turn(here: Here, sent: Annotated[Sent, Depends(read)]) -> AsyncIterator[None]:
    """Let a question have its turn among those that bring a picture, if it brings one."""
    async with here.pictures.take() if sent.picture else nullcontext():
        yield


@router.post("/cli/ask", dependencies=[Depends(picture_turn, scope="function"), Turn])
def ask(here: Here, sent: Annotated[Sent, Depends(read)]) -> Response:
    """Answer as `asking.ask` does; lone surrogates of names stay."""
    asked = Asked(**vars(sent.asked))
    with nullcontext() if sent.picture is None else kept(sent.picture) as file:
        answer = here.ask(replace(asked, like=file), sent.today)
    text = json.dumps(msgspec.to_builtins(answer))
    return Response(text, media_type="application/json")
