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
    #: It keeps values of ours for each asset.
    records: bool
    #: It reads text in pictures.
    ocr: bool
    #: It takes filters as a tree, and pages by cursor.
    filter_tree: bool


def abilities(version: Version) -> Abilities:
    """Return what a server can do."""
    raise NotImplementedError
