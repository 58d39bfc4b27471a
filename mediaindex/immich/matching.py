"""Which path of Immich's is which of ours. Knows no disk and no database.

Immich tells paths inside its own container. The checksum that it has for files of external
libraries (SHA-1 of "path:" and the path) follows from that path alone: it says nothing of what lies
here, and is not needed for a match.
"""

import unicodedata
from collections.abc import Iterable

from mediaindex.immich.account import PathPair


def ours_of(path: str, pairs: Iterable[PathPair]) -> str | None:
    """Return where a path of Immich's lies here; None: in no folder that is known.

    The pair with the longest folder holds. What comes below it stays as Immich writes it, which may
    be composed otherwise than here (NFC, NFD): see `forms`.
    """
    return _mapped(path, ((pair.theirs, pair.ours) for pair in pairs))


def theirs_of(path: str, pairs: Iterable[PathPair]) -> str | None:
    """Return where a path of ours lies in Immich's container; None: in no folder that it has."""
    return _mapped(path, ((pair.ours, pair.theirs) for pair in pairs))


def forms(path: str) -> tuple[str, ...]:
    """Return a path as it may be written here: as it is, composed, and decomposed as on a Mac."""
    if path.isascii():
        return (path,)
    both = (unicodedata.normalize(form, path) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((path, *both)))


def parts(path: str) -> tuple[str, ...]:
    """Return the names in an absolute path, composed; "." and double slashes mean nothing."""
    composed = path if path.isascii() else unicodedata.normalize("NFC", path)
    return tuple(name for name in composed.split("/") if name not in ("", "."))


def _mapped(path: str, pairs: Iterable[tuple[str, str]]) -> str | None:
    names, composed = _names(path), parts(path)
    best, found = -1, None
    for start, other in pairs:
        above = parts(start)
        if composed[: len(above)] == above and len(above) > best:
            best = len(above)
            found = "/".join((other.rstrip("/"), *names[len(above) :]))
    return found


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split("/") if name not in ("", "."))
