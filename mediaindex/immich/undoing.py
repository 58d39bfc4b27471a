"""What to do to take our words out of one asset of Immich's: decides only, and touches nothing."""

from dataclasses import dataclass

from mediaindex.clients.immich_shapes import Asset, Named
from mediaindex.immich.writing import EDITED, stands
from mediaindex.marked import alike, block, is_ours, without_block
from mediaindex.store.immich_written import Written


@dataclass(frozen=True)
class Undo:
    """What to send, so that nothing of ours is left."""

    #: To be put in place of what stands there; None: that stays.
    description: str | None = None
    tags_off: tuple[Named, ...] = ()
    #: Whether there may be a record to delete.
    record: bool = False
    #: Why some of it is left; None: nothing is.
    left: str | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nothing is to be sent."""
        return self.description is None and not self.tags_off and not self.record


def undo(asset: Asset, written: Written, *, edited: bool = False) -> Undo:
    """Return how to put back exactly what stood there before our first word.

    Where a person changed words around ours, theirs stay and ours go; what a person changed of ours
    is theirs, unless `edited` says that it is to go with ours.
    """
    description, left = _before(asset.description, written)
    if edited and left is not None and block(asset.description) is not None:
        rest = without_block(asset.description)
        description, left = written.before if alike(rest, written.before) else rest, None
    on = asset.tags or ()
    return Undo(
        description=description,
        tags_off=tuple(tag for tag in on if tag.name in written.tags),
        record=written.record is not None,
        left=left,
    )


def undo_marked(asset: Asset, tags: tuple[Named, ...] = ()) -> Undo:
    """Return how to take out all that is marked as ours, whoever wrote it and when."""
    text = asset.description
    while block(text) is not None:
        text = without_block(text)
    description = None if text == asset.description else text
    return Undo(description, tuple(tag for tag in tags if is_ours(tag.name)))


def is_undone(asset: Asset, done: Undo) -> bool:
    """Return whether Immich now has nothing of what was to be taken out."""
    off = {tag.id for tag in done.tags_off}
    if not off.isdisjoint(tag.id for tag in asset.tags or ()):
        return False
    return done.description is None or alike(asset.description, done.description)


def _before(current: str, written: Written) -> tuple[str | None, str | None]:
    if written.description is None and written.pending is None:
        return None, None
    how = stands(current, written)
    if how == "as written":
        return written.before, None
    if how == "moved":
        return without_block(current), None
    if how == "edited":
        return None, EDITED
    return None, None
