"""What differs between versions of Immich, and what each can do."""

from dataclasses import dataclass

from mediaindex.clients.immich_shapes import Version

OLDEST, NEWEST = Version(1, 130, 0), Version(3, 2, 10**6)
"""What lies between is known. A newer one is read and not written to; an older one neither."""


@dataclass(frozen=True)
class Abilities:
    """What a server of some version can do."""

    #: Its description, tags and records may be written: nothing newer than what we know.
    writing: bool
    #: It keeps values of ours for each asset. (Before, there was one key, and not ours.)
    records: bool
    #: It reads text in pictures.
    ocr: bool
    #: It takes filters as a tree, and pages by cursor.
    filter_tree: bool
    #: An asset is on the timeline, archived, hidden or locked. Before, it was archived or not.
    visibility: bool = True
    #: A search that names no visibility finds all that is not locked, not the timeline alone.
    #: A candidate of v3.0 did not yet, so of v3.0 it is not believed.
    whole_search: bool = True
    #: Pages are in an order that is the same for each.
    steady_pages: bool = True
    #: An album's assets are searched for. Before, they came with it, and a search that named an
    #: album found everything, in the versions that did not know the field.
    album_search: bool = True
    #: Its queues are told as a list.
    queues: bool = True


def abilities(version: Version) -> Abilities:
    """Return what a server can do."""
    return Abilities(
        writing=OLDEST <= version <= NEWEST,
        records=version >= Version(2, 5, 0),
        ocr=version >= Version(2, 2, 0),
        filter_tree=version >= Version(3, 2, 0),
        visibility=version >= Version(1, 133, 0),
        whole_search=version >= Version(3, 1, 0),
        steady_pages=version >= Version(3, 0, 0),
        album_search=version >= Version(3, 0, 0),
        queues=version >= Version(2, 4, 0),
    )
