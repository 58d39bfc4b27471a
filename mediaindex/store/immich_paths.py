"""How paths of Immich's and of ours are written, and how one follows from the other."""

import unicodedata
from collections.abc import Iterable


def forms(path: str) -> tuple[str, ...]:
    """Return a path as it may be written here: as it is, composed, and decomposed as on a Mac."""
    if path.isascii():
        return (path,)
    both = (unicodedata.normalize(form, path) for form in ("NFC", "NFD"))
    return tuple(dict.fromkeys((path, *both)))


def composed(name: str) -> str:
    """Return a name or a path in the form that all forms of it have in common."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def parts(path: str) -> tuple[str, ...]:
    """Return the names in an absolute path, composed; "." and double slashes mean nothing."""
    return _names(composed(path))


def mapped(path: str, pairs: Iterable[tuple[str, str]]) -> str | None:
    """Return where a path lies, by pairs of a folder and what it is elsewhere; None: in none.

    The pair with the longest folder holds. What comes below it stays as it is written.
    """
    names, above_all = _names(path), parts(path)
    best, found = -1, None
    for start, other in pairs:
        above = parts(start)
        if above_all[: len(above)] == above and len(above) > best:
            best = len(above)
            found = "/".join((other.rstrip("/"), *names[len(above) :]))
    return found


def _names(path: str) -> tuple[str, ...]:
    return tuple(name for name in path.split("/") if name not in ("", "."))
