"""Walk a library: which files are there, folder by folder, less what is excluded."""

import errno
import fnmatch
import glob
import heapq
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

EARLIEST_NS, LATEST_NS = -(2**63), 2**63 - 1
"""Nanoseconds since 1970 that 64 bits hold, 1677 to 2262; file systems and `touch` go further."""

NOWHERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""What a file that went since it was listed answers, and a link to nowhere or in a circle."""


@dataclass(frozen=True)
class FoundFile:
    """A regular file as the folder lists it."""

    name: str
    size_bytes: int
    #: A time that 64 bits cannot hold is taken for the nearest that they can.
    mtime_ns: int


@dataclass(frozen=True)
class FoundFolder:
    """One folder with the files that count in it; folders within are found on their own."""

    #: Relative to the root, "/" between names; "" is the root.
    path: str
    files: tuple[FoundFile, ...]
    #: Why it, or a file in it, could not be looked at; None if all could. Nothing is known then of
    #: what lies in it and below.
    unreadable: str | None = None


@dataclass(frozen=True)
class Rules:
    """What to pass by."""

    #: Names with * and ?; one with a "/" is a path from the root. Case-insensitive.
    exclude: tuple[str, ...] = ()
    #: A folder that holds a file of this name is passed by with all below it.
    marker: str = ".nomedia"
    hidden: bool = False
    follow_links: bool = False
    _names: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _paths: re.Pattern[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = [pattern for pattern in self.exclude if "/" not in pattern]
        paths = [pattern.strip("/") for pattern in self.exclude if "/" in pattern]
        object.__setattr__(self, "_names", _any_of(names))
        object.__setattr__(self, "_paths", _any_of(paths))

    def excluded(self, path: str, name: str) -> bool:
        """Return True if the file or folder `name`, at `path` from the root, is passed by."""
        if name.startswith(".") and not self.hidden:
            return True
        return bool(self._names.fullmatch(name) or self._paths.fullmatch(path))


def walk(
    root: Path, rules: Rules, below: str = "", *, shallow: bool = False
) -> Iterator[FoundFolder]:
    """Yield every folder of a library that is not excluded, in order of path, behind links last.

    Only regular files are listed. Nothing is opened. A folder that cannot be looked into is yielded
    with the reason, so that its files are not taken for gone. A link to a folder that was found
    already is passed by: there are more ways through folders that link to each other than any walk
    could take.

    Args:
        root: The library's root.
        rules: What to pass by.
        below: Begin at this folder, relative to the root. Nothing is yielded if it is gone, or no
            walk from the root would come to it.
        shallow: Only that folder.
    """
    if below and is_passed_by(root, below, rules):
        return
    waiting = [(0, below)]
    walked: set[tuple[int, int]] = set()
    while waiting:
        links, path = heapq.heappop(waiting)
        try:
            here = _identity(root / path)
            # Without links no folder is met twice, and some file systems give one number to many.
            if links and here in walked:
                continue
            with os.scandir(root / path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
            if any(entry.name == rules.marker for entry in entries):
                continue
            folders, files = _sort_out(path, entries, rules)
        except OSError as error:
            # What its holder named a moment ago is away rather than gone: it is being unmounted.
            if not (below and path == below and is_gone(root, below)):
                yield FoundFolder(path, (), error.strerror or str(error))
            continue
        walked.add(here)
        for inside, is_link in [] if shallow else folders:
            heapq.heappush(waiting, (links + is_link, inside))
        yield FoundFolder(path, tuple(files))


def is_passed_by(root: Path, path: str, rules: Rules) -> bool:
    """Return True if no walk from the root would come to `path`, a file or a folder."""
    holder, way = root, ""
    for name in path.split("/"):
        way = f"{way}/{name}" if way else name
        if rules.excluded(way, name) or os.path.lexists(holder / rules.marker):
            return True
        holder /= name
        if holder.is_symlink() and not rules.follow_links:
            return True
    return False


def is_gone(root: Path, path: str) -> bool:
    """Return True if a folder is surely not there any more: the one that held it says so.

    Where that one cannot be listed, or names a folder that cannot be, nobody knows.
    """
    holder = root
    for name in path.split("/"):
        try:
            if name not in os.listdir(holder):  # noqa: PTH208 - names are all that is asked
                return True
        except NotADirectoryError:
            return True
        except OSError:
            return False
        holder /= name
    return os.path.isfile(holder)  # noqa: PTH113 - says no where it cannot be asked


def may_be_there(path: Path, *, follow_links: bool) -> bool:
    """Return False only if it is sure that no regular file is at `path`."""
    try:
        return stat.S_ISREG(path.stat(follow_symlinks=follow_links).st_mode)
    except OSError as error:
        return error.errno not in NOWHERE


def _identity(folder: Path) -> tuple[int, int]:
    found = folder.stat()
    return found.st_dev, found.st_ino


def _sort_out(
    path: str, entries: Sequence["os.DirEntry[str]"], rules: Rules
) -> tuple[list[tuple[str, bool]], list[FoundFile]]:
    folders, files = [], []
    for entry in entries:
        inside = f"{path}/{entry.name}" if path else entry.name
        if rules.excluded(inside, entry.name):
            continue
        try:
            if entry.is_dir(follow_symlinks=rules.follow_links):
                folders.append((inside, entry.is_symlink()))
                continue
            found = entry.stat(follow_symlinks=rules.follow_links)
        except OSError as error:
            if error.errno in NOWHERE:
                continue
            raise
        if stat.S_ISREG(found.st_mode):
            mtime_ns = max(EARLIEST_NS, min(found.st_mtime_ns, LATEST_NS))
            files.append(FoundFile(entry.name, found.st_size, mtime_ns))
    return folders, files


def literal(path: str) -> str:
    """Return the pattern of `Rules.exclude` that passes by this very path from the root."""
    return "/" + glob.escape(path)


def _any_of(patterns: Sequence[str]) -> re.Pattern[str]:
    # "(?!)" matches nothing: an empty list excludes nothing.
    return re.compile("|".join(map(fnmatch.translate, patterns)) or "(?!)", re.IGNORECASE)
