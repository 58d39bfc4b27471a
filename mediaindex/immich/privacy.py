"""Why a photo is not shown, as Immich has it. Touches nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from mediaindex.store.withheld import ARCHIVED, HIDDEN, LOCKED, TRASHED


@dataclass(frozen=True)
class Standing:
    """How one of Immich's assets stands there."""

    #: `timeline`, `archive`, `hidden`, `locked`.
    visibility: str
    is_trashed: bool
    #: The key cannot see it any more.
    is_vanished: bool
    #: A person said that it may be shown though it cannot be seen any more.
    is_shown: bool


def reason(standings: Iterable[Standing]) -> str | None:
    """Return why an asset of ours is not shown that is all of these in Immich; None: it is.

    Locked in any wins, as whoever locked one copy did not mean to show another. Else the most open
    counts. What vanished was locked, as far as anybody can tell, but if it lay in the trash: there
    it was emptied out.
    """
    counting = [one for one in standings if not (one.is_shown and _is_unseen(one))]
    if any(_is_locked(one) for one in counting):
        return LOCKED
    if not counting:
        return None
    open_to = {one.visibility for one in counting if not one.is_trashed}
    if not open_to:
        return TRASHED
    if "timeline" in open_to:
        return None
    return ARCHIVED if "archive" in open_to else HIDDEN


def _is_unseen(one: Standing) -> bool:
    return one.is_vanished or one.visibility == "locked"


def _is_locked(one: Standing) -> bool:
    return one.visibility == "locked" or (one.is_vanished and not one.is_trashed)
