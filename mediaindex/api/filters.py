"""The operators of a search as they come in a URL."""

from typing import Annotated, Literal

from fastapi import Query
from pydantic import StringConstraints

_Text = Annotated[str | None, Query(max_length=1000)]
_Names = list[Annotated[str, StringConstraints(max_length=1000)]]

MOST_NAMES = 100

Operators = tuple[tuple[str, str], ...]


async def operators(
    after: Annotated[_Text, Query(description="Taken in or after 2019, 2019-07, ...")] = None,
    before: Annotated[_Text, Query(description="Taken before that date.")] = None,
    on: Annotated[_Text, Query(alias="date", description="Taken on that day, month, year.")] = None,
    kind: Literal["photo", "video"] | None = None,
    folder: Annotated[_Text, Query(alias="in", description="In a folder of this name.")] = None,
    camera: _Text = None,
    near: Annotated[_Text, Query(description="Lisbon; Lisbon,50km; 38.7,-9.1,10km.")] = None,
    library: _Text = None,
    rating: Annotated[_Text, Query(description="At least this many stars.")] = None,
    person: Annotated[_Names, Query(max_length=MOST_NAMES, description="All of them.")] = [],  # noqa: B006 - FastAPI copies it
    album: Annotated[_Names, Query(max_length=MOST_NAMES, description="In all of them.")] = [],  # noqa: B006
    tag: Annotated[_Names, Query(max_length=MOST_NAMES, description="With all of them.")] = [],  # noqa: B006
    state: Annotated[
        list[Literal["favourite", "favorite", "archived", "trashed"]],
        Query(alias="is", max_length=MOST_NAMES, description="Archived: only those."),
    ] = [],  # noqa: B006
) -> Operators:
    """Return the operators that a URL holds; people, albums, tags and `is` any number of times."""
    once = {
        "after": after,
        "before": before,
        "date": on,
        "kind": kind,
        "in": folder,
        "camera": camera,
        "near": near,
        "library": library,
        "rating": rating,
    }
    several: dict[str, list[str]] = {"person": person, "album": album, "tag": tag, "is": [*state]}
    return (
        *((name, value) for name, value in once.items() if value),
        *((name, value) for name, values in several.items() for value in values if value),
    )
