"""What a key of Immich's may do, what we would do with it, and what goes missing without."""

from collections.abc import Sequence
from dataclasses import dataclass

from mediaindex.clients.immich_shapes import EVERYTHING
from mediaindex.config import ImmichSettings


@dataclass(frozen=True)
class Use:
    """What one permission is for."""

    permission: str
    what_for: str
    #: Without it nothing can be done at all.
    is_needed: bool = False
    #: The settings that ask for it; "": it is always of use.
    setting: str = ""


USES = (
    Use("asset.read", "photos, with their people, places and favourites", is_needed=True),
    Use("user.read", "whose key it is", is_needed=True),
    Use("album.read", "albums"),
    Use("tag.read", "tags"),
    Use("asset.upload", "which photos are locked (nothing is uploaded by it)"),
    Use("asset.statistics", "noticing within minutes what was locked"),
    Use("asset.update", "descriptions and records of ours", setting="write"),
    Use("tag.create", "tags of ours", setting="write"),
    Use("tag.asset", "tags of ours", setting="write"),
    Use("tag.delete", "taking tags of ours away again", setting="write"),
    Use("queue.read", "whether it is busy; of an admin's key", setting="yield_gpu"),
)


@dataclass(frozen=True)
class Held:
    """One permission, and whether a key has it."""

    use: Use
    #: None: the server cannot tell.
    has: bool | None
    #: Whether the settings in force make use of it.
    is_asked_for: bool


def held(permissions: frozenset[str] | None, section: ImmichSettings) -> Sequence[Held]:
    """Return every permission that we have a use for, and whether a key has it.

    Args:
        permissions: Of the key; None: the server cannot tell.
        section: The settings in force.
    """
    return [Held(use, _has(permissions, use), _is_asked_for(use, section)) for use in USES]


def lacking(permissions: frozenset[str] | None, section: ImmichSettings) -> Sequence[Use]:
    """Return the permissions that a key lacks and that the settings in force make use of."""
    every = held(permissions, section)
    return [one.use for one in every if one.has is False and one.is_asked_for]


def _has(permissions: frozenset[str] | None, use: Use) -> bool | None:
    if permissions is None:
        return None
    return EVERYTHING in permissions or use.permission in permissions


def _is_asked_for(use: Use, section: ImmichSettings) -> bool:
    if use.setting == "write":
        wants = {"asset.update": {"description", "record"}}.get(use.permission, {"tags"})
        return bool(wants & set(section.write))
    return use.setting != "yield_gpu" or section.yield_gpu
