"""The folders of a library that are watched: those that are not excluded, and no others."""

import errno
import heapq
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mediaindex.sources.folder import Rules
from mediaindex.sources.inotify import IN, Inotify

MASK = (
    IN.IN_CREATE
    | IN.IN_CLOSE_WRITE
    | IN.IN_MOVED_FROM
    | IN.IN_MOVED_TO
    | IN.IN_DELETE
    | IN.IN_ONLYDIR
    | IN.IN_EXCL_UNLINK
    | IN.IN_MASK_ADD
)
"""What a folder is watched for.

`IN_MODIFY` is not in it: it comes with every write, which fills the queue while a film is copied.
Whoever writes closes in the end, also who writes through a mapping (of which `IN_MODIFY` says
nothing). What is missed is a file cut short by its path alone (truncate(2)) and a changed date; the
sweep finds both. `IN_MASK_ADD`: a link to the root leaves the root's own mask as it is.
"""

MASK_OF_ROOT = MASK | IN.IN_DELETE_SELF | IN.IN_MOVE_SELF

NO_MORE = frozenset({errno.ENOSPC, errno.ENOMEM})
"""What the kernel answers when it will watch no further folder at all."""


@dataclass(slots=True)
class _Held:
    wd: int
    #: How many links lead to it.
    links: int
    #: Names of folders in it that are watched.
    inside: set[str] = field(default_factory=set)


class WatchedFolders:
    """Puts watches on folders and takes them away. One thread's, but for `paths`."""

    def __init__(
        self, root: Path, rules: Rules, inotify: Inotify, is_stopping: Callable[[], bool]
    ) -> None:
        """Make it, with nothing watched yet.

        Args:
            root: The library's root.
            rules: What is never watched.
            inotify: Where the notices go.
            is_stopping: Asked before each folder; True ends the walk where it is.
        """
        self._root = os.fspath(root)
        self._rules = rules
        self._inotify = inotify
        self._is_stopping = is_stopping
        self._held: dict[str, _Held] = {}
        self._paths: dict[int, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, path: str) -> bool:
        return path in self._held

    def paths(self, wd: int) -> tuple[str, ...]:
        """Return the folders that a watch is on: several where one is mounted in two places.

        From any thread. None for a watch that was put a moment ago; what happens in that moment is
        found by the look that follows.
        """
        return self._paths.get(wd, ())

    def plant(self, path: str) -> None:
        """Watch a folder and all below it that are not excluded, links last as in `folder.walk`.

        Each is watched first and listed then, so that none can appear in between unseen. The root
        is watched whatever lies in it.

        Args:
            path: Relative to the root; its parent must be watched, or it is passed by.

        Raises:
            OSError: The root cannot be watched; or ENOSPC, ENOMEM: no more folders can.
        """
        waiting = [(self._links_to(path), path)]
        while waiting and not self._is_stopping():
            links, here = heapq.heappop(waiting)
            if self._hold(here, links):
                for inside, is_link in self._folders_in(here):
                    heapq.heappush(waiting, (links + is_link, inside))

    def drop(self, path: str) -> None:
        """Watch a folder and all below it no more."""
        self._parent_of(path).inside.discard(path.rpartition("/")[2])
        waiting = [path]
        while waiting:
            here = waiting.pop()
            if (held := self._held.pop(here, None)) is None:
                continue
            waiting.extend(_join(here, name) for name in held.inside)
            left = tuple(other for other in self._paths.get(held.wd, ()) if other != here)
            if left:
                self._paths[held.wd] = left
            elif self._paths.pop(held.wd, None):
                self._inotify.remove(held.wd)

    def mend(self) -> list[str]:
        """Watch what should be watched by now and is not; return the folders that begin it.

        Nothing tells that a marker was taken out of a folder, that a disk was mounted upon one,
        that one may be read now, or that what a link leads to has appeared.

        Raises:
            OSError: As of `plant`.
        """
        begun = []
        for path in sorted(self._held):
            if path not in self._held or self._is_stopping():
                continue
            missing = [path] if self._is_another(path) else self._missing_in(path)
            for top in missing:
                self.drop(top)
                self.plant(top)
            begun += [top for top in missing if top in self._held]
        return begun

    def forget(self, wd: int) -> None:
        """Let go of a watch that the kernel has taken away, with all below it."""
        for path in self._paths.pop(wd, ()):
            self.drop(path)

    def _is_another(self, path: str) -> bool:
        try:
            wd = self._inotify.add(self._full(path), self._mask(path))
        except OSError as error:
            if not path or error.errno in NO_MORE:
                raise
            return True
        if wd not in self._paths:
            self._inotify.remove(wd)  # only asked for; it may be one to pass by
        return wd != self._held[path].wd

    def _missing_in(self, path: str) -> list[str]:
        return [inside for inside, _ in self._folders_in(path) if inside not in self._held]

    def _parent_of(self, path: str) -> _Held:
        parent = self._held.get(path.rpartition("/")[0]) if path else None
        return parent or _Held(-1, 0)

    def _links_to(self, path: str) -> int:
        is_link = bool(path) and os.path.islink(self._full(path))  # noqa: PTH114 - surrogates, speed
        return self._parent_of(path).links + is_link

    def _hold(self, path: str, links: int) -> bool:
        parent, _, name = path.rpartition("/")
        if path in self._held or (path and (parent not in self._held or self._is_marked(path))):
            return False
        try:
            wd = self._inotify.add(self._full(path), self._mask(path))
        except OSError as error:
            if not path or error.errno in NO_MORE:
                raise
            return False
        if links and wd in self._paths:
            return False
        self._held[path] = _Held(wd, links)
        self._paths[wd] = (*self._paths.get(wd, ()), path)
        if path:
            self._held[parent].inside.add(name)
        return True

    def _folders_in(self, path: str) -> list[tuple[str, bool]]:
        entries = list_folder(self._full(path))
        if any(entry.name == self._rules.marker for entry in entries):
            if path:
                self.drop(path)
            return []
        return list(folders_among(path, entries, self._rules))

    def _is_marked(self, path: str) -> bool:
        marker = self._rules.marker
        return bool(marker) and os.path.lexists(f"{self._full(path)}/{marker}")

    def _mask(self, path: str) -> int:
        if not path:
            return MASK_OF_ROOT
        return MASK if self._rules.follow_links else MASK | IN.IN_DONT_FOLLOW

    def _full(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


def list_folder(folder: str) -> list["os.DirEntry[str]"]:
    """Return what is in a folder; nothing if it cannot be looked into."""
    try:
        with os.scandir(folder) as listing:
            return list(listing)
    except OSError:
        return []


def folders_among(
    path: str, entries: list["os.DirEntry[str]"], rules: Rules
) -> Iterator[tuple[str, bool]]:
    """Yield path from the root, and whether it is a link, of each folder that is not excluded."""
    for entry in entries:
        inside = _join(path, entry.name)
        try:
            is_folder = entry.is_dir(follow_symlinks=rules.follow_links)
        except OSError:
            continue
        if is_folder and not rules.excluded(inside, entry.name):
            yield inside, entry.is_symlink()


def count_folders(root: Path, rules: Rules, is_stopping: Callable[[], bool]) -> int:
    """Return how many folders of a library would be watched; links are not counted."""
    waiting, count = [""], 0
    while waiting and not is_stopping():
        path = waiting.pop()
        entries = list_folder(f"{os.fspath(root)}/{path}")
        if not any(entry.name == rules.marker for entry in entries):
            count += 1
            found = folders_among(path, entries, rules)
            waiting.extend(inside for inside, is_link in found if not is_link)
    return count


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
