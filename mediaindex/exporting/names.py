"""Names of the files in a mirrored tree. Decides only; touches no disk."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

from mediaindex.errors import Unusable
from mediaindex.media.text import one_line
from mediaindex.store.columns import folded, shown
from mediaindex.store.exports import Lying

Target = tuple[str, ...]
"""A file below the folder of an export: the folders on the way, and its name."""

AWKWARD = '<>:"|?*\\\x01'
"""What file systems made for Windows take in no name."""

_AWKWARD = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f]')
_WRONG_END = re.compile(r"[. ]+$")


@dataclass(frozen=True)
class Manners:
    """What a file system does with names."""

    #: A name is the same in capitals, or however its accents are composed.
    folds: bool = False
    takes_awkward: bool = True
    #: Bytes that are not UTF-8.
    takes_any_bytes: bool = True
    most_bytes: int = 255


class Names:
    """Gives each file its name in the mirrored tree; the same ones if asked in the same order."""

    def __init__(
        self, libraries: Mapping[int, str], manners: Manners, reserved: tuple[str, ...] = ()
    ) -> None:
        """See there for the names of `libraries`, oldest first; `reserved` are none of theirs."""
        self._manners = manners
        self._taken: set[bytes] = set()
        self._libraries: dict[int, str] = {}
        used = {folded(name) for name in reserved}
        for id_, name in libraries.items():
            plain = self._fitting(name.replace("/", "_"))
            number, free = 1, plain
            while folded(free) in used:
                number += 1
                free = f"{plain}-{number}"
            used.add(folded(free))
            self._libraries[id_] = free

    def target(self, lying: Lying, suffix: str) -> tuple[Target, bool]:
        """Return where the words on a file go, and whether its name had to be altered.

        Raises:
            Unusable: The name is none that lies below its library.
        """
        parts = lying.folder.split("/") if lying.folder else []
        for part in (*parts, lying.name):
            if part in ("", ".", "..") or "/" in part or "\0" in part:
                raise Unusable(
                    f"{one_line(shown(lying.path))} is no path that lies below its library"
                )
        folders = (self._libraries[lying.library_id], *map(self._fitting, parts))
        name = self._fitting(lying.name, suffix)
        if self._is_taken((*folders, name)):
            name = self._altered(lying.name, suffix)
        target = (*folders, name)
        return target, target[1:] != (*parts, lying.name + suffix)

    def _is_taken(self, target: Target) -> bool:
        if not self._manners.folds:
            return False
        # Sixteen bytes of each: a million paths would fill the memory.
        key = blake2b(folded("/".join(target)).encode(errors="surrogateescape"), digest_size=16)
        if key.digest() in self._taken:
            return True
        self._taken.add(key.digest())
        return False

    def _fitting(self, name: str, suffix: str = "") -> str:
        manners = self._manners
        is_bad = (
            name in ("", ".", "..")
            or "\0" in name
            or len(os.fsencode(name + suffix)) > manners.most_bytes
            or (not manners.takes_any_bytes and not _is_text(name))
            or (
                not manners.takes_awkward
                and (_AWKWARD.search(name) or _WRONG_END.search(name + suffix))
            )
        )
        return self._altered(name, suffix) if is_bad else name + suffix

    def _altered(self, name: str, suffix: str) -> str:
        """Return a name that any file system takes, and that no other file gets."""
        plain = os.fsencode(name).decode(errors="replace")
        plain = _WRONG_END.sub("", _AWKWARD.sub("_", plain)) or "_"
        end = f"~{blake2b(os.fsencode(name), digest_size=4).hexdigest()}{suffix}"
        room = self._manners.most_bytes - len(end)
        return plain.encode()[:room].decode(errors="ignore") + end


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
