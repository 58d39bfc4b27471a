"""What to do with one asset of Immich's: decides only, and touches nothing.

A person's words outrank ours. What they wrote stays as it is, letter by letter; what they changed
of ours is theirs, and left alone from then on.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from mediaindex.clients.immich_shapes import Asset, Named
from mediaindex.immich.words import Wish
from mediaindex.marked import BEGIN, TAG, alike, block, with_block, without_block
from mediaindex.store.immich_written import TAKEN_OUT as TAKEN_OUT
from mediaindex.store.immich_written import Written

SHOWN = ("timeline", "archive")
"""The visibilities of what may be written to: neither hidden nor locked."""

EDITED = "somebody changed our words in Immich, so they are theirs now"
NOT_OURS = (
    "a block of mediaindex stands in its description that this database knows nothing of; "
    "mediaindex immich revert --all takes such blocks out"
)
OTHERS_RECORD = (
    "another program keeps a record under the name mediaindex there, so none of ours is written"
)
WIPED = (
    "Immich throws away what is written there, as it does in libraries that it may only read: let "
    "it write beside the files, or set immich.write: [record]; then: mediaindex immich write "
    "--again"
)


@dataclass(frozen=True)
class Plan:
    """What to send, and what to remember."""

    #: The description without ours, byte for byte.
    before: str
    #: To be put in place of what stands there; None: that stays.
    description: str | None = None
    #: Whole paths.
    tags_on: tuple[str, ...] = ()
    tags_off: tuple[Named, ...] = ()
    #: Those of ours that stand there afterwards, or that somebody took off.
    tags: tuple[str, ...] = ()
    #: None: none is sent.
    record: dict[str, Any] | None = None
    #: Why description, and maybe tags, are left alone; None: they are not.
    trouble: str | None = None
    #: Why no record is written though one is wanted; None: it is.
    left_record: str | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be sent."""
        sent = (self.description is not None, self.tags_on, self.tags_off, self.record)
        return not any(sent)


def may_be_written(asset: Asset, user_id: str) -> bool:
    """Return whether an asset is this person's own, and none of those that are kept apart."""
    return asset.owner_id == user_id and asset.visibility in SHOWN and not asset.is_trashed


def plan(wish: Wish, asset: Asset, written: Written | None) -> Plan:
    """Return what is to be sent, so that an asset says what we have to say.

    Args:
        wish: What we have to say.
        asset: As it stands in Immich at this moment.
        written: What is known of our words on it; None: nothing.
    """
    before, description, trouble = _description(wish.words, asset.description, written)
    ours = () if written is None else written.tags
    on, off = _tags(wish, asset, written) if trouble != WIPED else ((), ())
    if _is_adopted(wish.words, asset.description, written):
        ours = (*ours, *_ours_on(asset))
    gone = {tag.name for tag in off}
    record = wish.record if written is None or as_json(wish.record) != written.record else None
    return Plan(
        before=before,
        description=description,
        tags_on=on,
        tags_off=off,
        tags=tuple(dict.fromkeys([*(tag for tag in ours if tag not in gone), *on])),
        record=record,
        trouble=trouble,
    )


def without_record(todo: Plan) -> Plan:
    """Return a plan less its record, as another program's stands there."""
    return replace(todo, record=None, left_record=OTHERS_RECORD)


def is_our_record(value: object) -> bool:
    """Return whether a record has the form of those that we write; `wish` makes them."""
    return isinstance(value, Mapping) and value.keys() >= {"caption", "model", "mediaindex"}


def as_json(record: dict[str, Any] | None) -> str | None:
    """Return a record as it is remembered."""
    return None if record is None else json.dumps(record, sort_keys=True)


@dataclass(frozen=True)
class Found:
    """What became of our words, some time after they were written."""

    #: Immich threw them away, description and tags.
    is_wiped: bool = False
    #: What somebody did to them, for people; None: nothing.
    trouble: str | None = None


def look(asset: Asset, written: Written) -> Found:
    """Return what became of what we wrote."""
    names = {tag.name for tag in asset.tags or ()}
    tags_gone = bool(written.tags) and asset.tags is not None and names.isdisjoint(written.tags)
    if written.description is None:
        return Found(is_wiped=tags_gone)
    how = stands(asset.description, written)
    if how == "gone":
        return Found(is_wiped=True)
    return Found(trouble={"edited": EDITED, "replaced": TAKEN_OUT}.get(how))


def stands(current: str, written: Written) -> str:
    """Return how our words stand in a description.

    `as written`; `moved`: with other words of a person around them; `edited`; `gone`: with what
    stood before; `replaced`: a person's other words stand there, and none of ours.
    """
    known = [text for text in (written.pending, written.description) if text is not None]
    if any(alike(current, text) for text in known):
        return "as written"
    words = block(current)
    if words is not None and any(alike(words, block(text) or "") for text in known):
        return "moved"
    if alike(current, written.before):
        return "gone"
    if words is not None or (BEGIN in current and BEGIN not in written.before):
        return "edited"
    return "replaced"


def _description(
    words: str | None, current: str, written: Written | None
) -> tuple[str, str | None, str | None]:
    """Return what a person wrote, the description to put, if any, and why none is put."""
    if written is not None and written.trouble not in {None, OTHERS_RECORD}:
        return written.before, None, written.trouble
    if words is None:
        return written.before if written else current, None, None
    if written is None or (written.description is None and written.pending is None):
        return _first(words, current)
    how = stands(current, written)
    if how == "edited":
        return written.before, None, EDITED
    if how == "replaced" and written.description is not None:
        return written.before, None, TAKEN_OUT
    before = written.before
    if how in ("moved", "replaced"):
        before = without_block(current)
    wanted = with_block(before, words)
    if how == "moved" and alike(block(current) or "", block(wanted) or ""):
        return before, None, None
    return before, None if alike(current, wanted) else wanted, None


def _first(words: str, current: str) -> tuple[str, str | None, str | None]:
    """Return the same for an asset that we never described, as far as is known."""
    wanted, there = with_block(current, words), block(current)
    if there is None:
        return current, wanted, None
    if alike(there, block(wanted) or ""):  # the database is an older one than these words
        return without_block(current), None, None
    return current, None, NOT_OURS


def _is_adopted(words: str | None, current: str, written: Written | None) -> bool:
    """Return whether words stand there that are ours, and of which the database knows nothing."""
    if words is None or (written is not None and written.trouble not in {None, OTHERS_RECORD}):
        return False
    is_known = written is not None and (written.description or written.pending) is not None
    there = block(current)
    return not is_known and there is not None and alike(there, block(with_block("", words)) or "")


def _ours_on(asset: Asset) -> list[str]:
    """Return the tags of our tree that an asset has: with a block of ours these are ours, too."""
    return [tag.name for tag in asset.tags or () if tag.name.startswith(f"{TAG}/")]


def _tags(
    wish: Wish, asset: Asset, written: Written | None
) -> tuple[tuple[str, ...], tuple[Named, ...]]:
    """Return which tags to put on, and which of ours to take off."""
    if asset.tags is None or not wish.tags:
        return (), ()
    there = {tag.name: tag for tag in asset.tags}
    ours = () if written is None else written.tags
    off = tuple(there[tag] for tag in ours if tag in there and tag not in wish.tags)
    refused: set[str] = set()
    if written is not None and written.digest and not there.keys().isdisjoint(ours):
        refused = set(ours) - there.keys()  # somebody took these off, one by one
    return tuple(tag for tag in wish.tags if tag not in there and tag not in refused), off
