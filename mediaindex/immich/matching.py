"""Which path of Immich's is which of ours. Knows no disk and no database.

Immich tells paths inside its own container. The checksum that it has for files of external
libraries (SHA-1 of "path:" and the path) follows from that path alone: it says nothing of what lies
here, and is not needed for a match.
"""

from collections.abc import Iterable

from mediaindex.immich.account import PathPair
from mediaindex.store.immich_paths import mapped


def ours_of(path: str, pairs: Iterable[PathPair]) -> str | None:
    """Return where a path of Immich's lies here; None: in no folder that is known.

    The pair with the longest folder holds. What comes below it stays as Immich writes it, which may
    be composed otherwise than here (NFC, NFD): see `immich_paths.forms`.
    """
    return mapped(path, ((pair.theirs, pair.ours) for pair in pairs))


def theirs_of(path: str, pairs: Iterable[PathPair]) -> str | None:
    """Return where a path of ours lies in Immich's container; None: in no folder that it has."""
    return mapped(path, ((pair.ours, pair.theirs) for pair in pairs))
