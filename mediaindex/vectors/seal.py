"""Tells whether an index folder is as its last user left it, and left it in order.

Whoever opens a folder leaves a mark in it: a file that stays locked as long as that process has the
folder open. The last to leave in order writes a seal, the sizes and times of all files. A folder
that nobody has open and whose seal does not fit was killed in, changed, or damaged.
"""

import fcntl
import json
import os
import tempfile
from pathlib import Path

MARK = "OPEN"
"""How the names of marks begin."""

SEAL = "SEAL"


class Mark:
    """Says that this process has a folder open, until `leave` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        """Leave a mark in `folder` and break its seal.

        Raises:
            OSError: The folder cannot be written.
        """
        self._folder = folder
        self._file, name = tempfile.mkstemp(prefix="opening-", dir=folder)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        # Named only once it is locked, so that nobody takes it for a dead one.
        self._path = folder / f"{MARK}-{name.rsplit('-', 1)[-1]}"
        Path(name).rename(self._path)
        (folder / SEAL).unlink(missing_ok=True)

    def is_there(self) -> bool:
        """Return False once the mark, and so the folder, was taken away."""
        return self._path.exists()

    def leave(self, in_order: bool) -> None:
        """Take the mark away; the last to leave seals the folder.

        Args:
            in_order: Nothing went wrong. Else the mark stays as a dead one, for the next to see.
        """
        if in_order:
            self._path.unlink(missing_ok=True)
            if self._folder.is_dir() and not _marks(self._folder):
                _write_seal(self._folder)
        os.close(self._file)


def in_use(folder: Path) -> bool:
    """Return whether somebody alive has `folder` open, this process included."""
    return any(not _is_dead(mark) for mark in _marks(folder))


def is_sound(folder: Path) -> bool:
    """Return whether `folder` can be trusted unseen: new, or as it was left, and left in order."""
    if not folder.exists():
        return True
    if _marks(folder):
        return False
    there = _inventory(folder)
    if not there:
        return True
    try:
        return bool(json.loads((folder / SEAL).read_text()) == there)
    except (OSError, ValueError):
        return False


def forget_the_dead(folder: Path) -> None:
    """Take away the marks of processes that ended without leaving."""
    for mark in _marks(folder):
        if _is_dead(mark):
            mark.unlink(missing_ok=True)


def _marks(folder: Path) -> list[Path]:
    return list(folder.glob(f"{MARK}*"))


def _is_dead(mark: Path) -> bool:
    try:
        file = os.open(mark, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(file)
    return True


def _inventory(folder: Path) -> dict[str, list[int]]:
    if not folder.is_dir():
        return {"": []}
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.parent / SEAL != path:
            at = path.stat()
            found[str(path.relative_to(folder))] = [at.st_size, at.st_mtime_ns]
    return found


def _write_seal(folder: Path) -> None:
    fresh = folder / "sealing"
    fresh.unlink(missing_ok=True)
    told = json.dumps(_inventory(folder))
    fresh.write_text(told)
    fresh.replace(folder / SEAL)
