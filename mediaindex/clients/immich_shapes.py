"""What Immich answers, as values: one meaning for all its versions."""

from dataclasses import dataclass
from typing import Literal

Visibility = Literal["timeline", "archive", "hidden", "locked"]

EVERYTHING = "all"
"""The permission that stands for every other."""


@dataclass(frozen=True, order=True)
class Version:
    """A server's version."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


@dataclass(frozen=True)
class User:
    """Whose key it is."""

    id: str
    name: str
    is_admin: bool


@dataclass(frozen=True)
class Named:
    """A person, a tag or an album, by the id and the name that Immich has for it."""

    id: str
    #: Of a tag the whole path: `travel/lisbon`.
    name: str


@dataclass(frozen=True)
class Album:
    """An album that this person owns or was let into."""

    id: str
    name: str
    description: str
    asset_count: int
    #: As Immich writes it.
    updated_at: str


@dataclass(frozen=True)
class Asset:
    """One photo or video, as Immich has it."""

    id: str
    owner_id: str
    #: Of an external library; None: it was uploaded.
    library_id: str | None
    kind: Literal["photo", "video"]
    #: In Immich's own container, from / on.
    path: str
    #: SHA-1, 40 hex digits. In an external library of "path:" and `path`, else of the content.
    checksum: str
    #: None: it does not say.
    size_bytes: int | None
    visibility: Visibility
    is_trashed: bool
    is_favourite: bool
    #: A time, as Immich writes it (ISO 8601, UTC).
    updated_at: str
    #: "" where there is none.
    description: str = ""
    city: str = ""
    state: str = ""
    country: str = ""
    #: Those with a name, who are not hidden.
    people: tuple[Named, ...] = ()
    #: None: this answer does not tell.
    tags: tuple[Named, ...] | None = None
    #: The video of a live photo.
    live_video_id: str | None = None
    #: Immich does not find its file, and has put it into the trash for that.
    is_offline: bool = False


@dataclass(frozen=True)
class Wanted:
    """Which assets are asked for: all but the locked ones, which no key ever sees."""

    #: Only what changed at this time or later, as Immich writes times.
    updated_after: str | None = None
    album_id: str | None = None
    tag_id: str | None = None
    #: What is in the trash comes too.
    trashed: bool = False
    #: Only which they are: without size, description, places and people, which is quicker.
    bare: bool = False


@dataclass(frozen=True)
class Queue:
    """One of Immich's own queues of work."""

    #: As Immich has it: `smartSearch`, `faceDetection`.
    name: str
    active: int
    waiting: int
    is_paused: bool
