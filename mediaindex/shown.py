"""The nouns of an answer: what is shown of a moment. They load at once, for the commands."""

import os
from dataclasses import dataclass
from datetime import datetime


def readable(name: str) -> str:
    """Return a path or name fit for a terminal, JSON or full text: bad bytes become U+FFFD."""
    return os.fsencode(name).decode("utf-8", errors="replace")


@dataclass(frozen=True)
class Caption:
    """A vision-language model's words on a moment, or on a whole video."""

    #: One or more whole sentences.
    description: str
    tags: tuple[str, ...] = ()
    #: What can be read in the picture, verbatim, a line for each line; "" where nothing can.
    text_in_image: str = ""
    #: Where it is, in a few words ("kitchen", "beach at sunset"); "" if not said.
    setting: str = ""


@dataclass(frozen=True)
class Origin:
    """How a caption came about."""

    #: As the settings name it.
    model: str
    #: Of the weights, as the server tells; "" where it does not.
    digest: str
    prompt_version: str
    #: The server's address.
    server: str
    #: Wall time of all requests that it took, in vain or not.
    duration_ms: int
    #: How many tokens were answered, and how fast; None where the server does not tell.
    tokens: int | None = None
    tokens_per_s: float | None = None


@dataclass(frozen=True)
class Said:
    """A caption as it is stored."""

    caption: Caption
    origin: Origin
    made_at: datetime


@dataclass(frozen=True)
class Shown:
    """What is shown of a moment that was found."""

    moment_id: int
    asset_id: int
    sha256: str
    kind: str
    start_ms: int
    end_ms: int
    at_ms: int
    #: Where its files lie, or lay if none is there; as the file system has them, oldest first.
    paths: tuple[str, ...]
    taken_at: datetime | None
    taken_local: datetime | None
    taken_source: str | None
    place: str | None
    latitude: float | None
    longitude: float | None
    camera: str | None
    width_px: int | None
    height_px: int | None
    rating: int | None
    #: What people wrote, in the order it is worth.
    words: tuple[str, ...]
    #: What a model says of the moment, and of the whole video; None: nothing.
    caption: Said | None = None
    summary: Said | None = None
    #: Its page in Immich, for a browser; None: it is not there.
    immich_url: str | None = None
