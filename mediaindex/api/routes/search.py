"""Search, in words or by a picture."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request

from mediaindex.api.filters import Operators, operators
from mediaindex.api.house import Here, House, PictureTurn, Turn
from mediaindex.api.paths import preview
from mediaindex.api.plain import Plain
from mediaindex.api.problems import WrongRequest
from mediaindex.api.shapes import SearchAnswer
from mediaindex.errors import MediaIndexError
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.search.shape import as_json

router = APIRouter(tags=["search"])

PICTURE = {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}


@dataclass(frozen=True)
class Wanted:
    """A question as it comes in a URL."""

    words: str
    operators: Operators
    limit: int | None
    moments: bool
    literal: bool

    def asked(self, here: House) -> Asked:
        """Return it as the daemon is asked."""
        section = here.service.config.settings.search
        return Asked(
            words=self.words,
            operators=self.operators,
            limit=self.limit or section.limit,
            moments=self.moments,
            understand=section.understand and not self.literal,
        )


async def wanted(
    q: Annotated[str, Query(max_length=10_000, description="Words, operators included.")] = "",
    limit: Annotated[int | None, Query(ge=1, le=10_000)] = None,
    moments: Annotated[
        bool, Query(description="Every stretch of a video that matches, not just the best.")
    ] = False,
    literal: Annotated[
        bool, Query(description="Do not read dates or places in the words as filters.")
    ] = False,
    given: Annotated[Operators, Depends(operators)] = (),
) -> Wanted:
    """Return the question that a URL holds."""
    return Wanted(q, given, limit, moments, literal)


Asks = Annotated[Wanted, Depends(wanted)]


@router.get("/search", response_model=SearchAnswer, dependencies=[Turn])
def search(here: Here, asks: Asks) -> Plain:
    """Find the photos and the moments of videos that words and filters describe."""
    asked = asks.asked(here)
    return Plain(found(here.ask(asked, date.today()), asked))


async def picture_of(request: Request) -> bytes:
    """Return the body.

    Raises:
        WrongRequest: There is none.
    """
    body = await request.body()
    if not body:
        raise WrongRequest("send the picture itself as the body of the request")
    return body


@router.post(
    "/search/like",
    response_model=SearchAnswer,
    dependencies=[PictureTurn, Turn],
    openapi_extra={"requestBody": {"required": True, **PICTURE}},
)
def search_like(here: Here, asks: Asks, picture: Annotated[bytes, Depends(picture_of)]) -> Plain:
    """Find pictures that look like the one in the body (20 MB at most), words and filters too."""
    asked = asks.asked(here)
    with kept(picture) as file:
        answer = here.ask(replace(asked, like=file), date.today())
    return Plain(found(answer, asked))


@contextmanager
def kept(picture: bytes) -> Iterator[Path]:
    """Keep a picture in a file until the end of the block; errors there do not tell its name.

    Where the daemon keeps what it throws away again, when it starts at the latest.
    """
    with tempfile.NamedTemporaryFile(prefix="asked-") as file:
        file.write(picture)
        file.flush()
        try:
            yield Path(file.name)
        except MediaIndexError as error:
            raise type(error)(str(error).replace(file.name, "the picture")) from error


def found(answer: Answer, asked: Asked) -> dict[str, Any]:
    """Return an answer as `mediaindex search --json` does, each hit with its preview."""
    shape = as_json(answer, asked)
    for hit, told in zip(answer.hits, shape["hits"], strict=True):
        told["sha256"] = hit.shown.sha256
        told["preview"] = preview(hit.shown.sha256, hit.shown.at_ms)
    return shape
