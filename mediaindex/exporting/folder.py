"""The folder that an export writes to: never a media folder, and never over another's file.

Every name is opened below the folder's own handle, one after the other and no link among them, so
whatever is planted there leads nowhere else.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO
from urllib.parse import quote

from mediaindex.errors import AlreadyRunning, ConfigError, MediaIndexError
from mediaindex.exporting.names import AWKWARD, Manners, Target
from mediaindex.media.text import one_line
from mediaindex.store.columns import shown

MARKER = ".mediaindex-export"
"""Makes a folder one of ours: it lists all that was ever written to it, with its hash."""

HEAD = b"mediaindex export, version 1: the hash and the name of every file written here\n"
PART = ".mediaindex-part-"

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC

Identity = tuple[int, int]


class Taken(Exception):  # noqa: N818 - a state; never leaves this package
    """Something is in the place of a file to be written that is not ours to replace."""


class ExportFolder:
    """A folder that was opened for an export; see `open_folder`."""

    def __init__(self, path: Path, handle: int, marker: int, media: frozenset[Identity]) -> None:
        self.path = path
        self._handle, self._marker, self._media = handle, marker, media
        self._known, self._is_whole = _read_marker(marker)
        #: Nothing was ever written to it.
        self.is_new = not self._known
        self.manners = _manners(handle)

    def check(self, target: Target, content: bytes | None = None) -> None:
        """Check that a file may be written; `content`, if known, may be there already.

        Raises:
            Taken: It may not; the text says why.
        """
        try:
            with self._entered(target, make=False) as parent:
                self._check(parent, target, None if content is None else _digest(content))
        except FileNotFoundError:
            return

    def put(self, target: Target, content: bytes) -> bool:
        """Write a file, complete or not at all; False if it is there with the same content.

        Raises:
            MediaIndexError: It cannot be written.
            Taken: Something else is in its place.
        """
        digest = _digest(content)
        with _explained(self.path, target), self._entered(target, make=True) as parent:
            if self._check(parent, target, digest) == digest:
                return False
            with self._part() as (name, file):
                file.write(content)
                file.flush()
                self._settle(name, parent, target, digest)
        return True

    @contextmanager
    def written(self, target: Target) -> Iterator[BinaryIO]:
        """Give a file to write to, which takes its place when the block ends well.

        Raises:
            MediaIndexError: It cannot be written.
            Taken: Something else is in its place.
        """
        with (
            _explained(self.path, target),
            self._entered(target, make=True) as parent,
            self._part() as (name, file),
        ):
            self._check(parent, target)
            yield file
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            digest = _digest_of(file)
            self._check(parent, target)
            self._settle(name, parent, target, digest)

    @contextmanager
    def _part(self) -> Iterator[tuple[str, BinaryIO]]:
        name = PART + token_hex(8)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        file = os.open(name, flags, 0o666, dir_fd=self._handle)
        try:
            with os.fdopen(file, "w+b") as opened:
                yield name, opened
        finally:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._handle)

    def _settle(self, part: str, parent: int, target: Target, digest: str) -> None:
        # Noted first: killed in between, the older file is still known for ours.
        line = _line(target, digest)
        if _key(line) not in self._known:
            start = b"" if self._is_whole else b"\n"
            os.write(self._marker, start + line + b"\n")
            self._known.add(_key(line))
            self._is_whole = True
        os.replace(part, target[-1], src_dir_fd=self._handle, dst_dir_fd=parent)

    def _check(self, parent: int, target: Target, wanted: str | None = None) -> str | None:
        """Return the hash of what is in the target's place, None: nothing; Taken: not ours."""
        name, told = target[-1], _told(target)
        try:
            there = os.stat(name, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(there.st_mode):
            raise Taken(f"{told} is there and is no file")
        with os.fdopen(os.open(name, _FILE, dir_fd=parent), "rb") as file:
            digest = _digest_of(file)
        if digest != wanted and _key(_line(target, digest)) not in self._known:
            raise Taken(f"{told} is there and was not written by an export, or changed since")
        return digest

    @contextmanager
    def _entered(self, target: Target, *, make: bool) -> Iterator[int]:
        """Give the handle of the folder that a target is to lie in."""
        opened: list[int] = []
        here = self._handle
        try:
            for depth, name in enumerate(target[:-1], start=1):
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(name, dir_fd=here)
                try:
                    here = os.open(name, _FOLDER, dir_fd=here)
                except OSError as error:
                    if error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EMLINK):
                        raise
                    raise Taken(f"{_told(target[:depth])} is a link, or no folder") from error
                opened.append(here)
                if _identity(os.fstat(here)) in self._media:
                    raise Taken(f"{_told(target[:depth])} is the folder of a library")
            yield here
        finally:
            for handle in opened:
                os.close(handle)


@contextmanager
def open_folder(path: Path, media: frozenset[Identity]) -> Iterator[ExportFolder]:
    """Open the folder of an export, made if need be; nobody else may at the same time.

    Args:
        path: Checked by `place.checked_place`.
        media: The folders of all libraries, none of which may be written to.

    Raises:
        AlreadyRunning: Another export writes to it.
        ConfigError: It cannot be made or written, or it holds something else than an export.
    """
    opened: list[int] = []
    try:
        try:
            path.mkdir(parents=True, exist_ok=True)
            opened.append(os.open(path, _FOLDER))
            _check_holds_export(path, opened[0])
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            opened.append(os.open(MARKER, flags, 0o666, dir_fd=opened[0]))
            _lock(path, opened[1])
            _begin_marker(path, opened[1])
            _sweep_parts(opened[0])
            folder = ExportFolder(path, opened[0], opened[1], media)
        except OSError as error:
            raise ConfigError(f"cannot write to {path}: {error.strerror}") from error
        yield folder
    finally:
        for handle in opened:
            os.close(handle)


@contextmanager
def _explained(path: Path, target: Target) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        name = _told((str(path), *target))
        raise MediaIndexError(
            f"cannot write {name}: {error.strerror}; what was written before it stays"
        ) from error


def _check_holds_export(path: Path, handle: int) -> None:
    names = sorted(os.listdir(handle))
    if names and MARKER not in names:
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise ConfigError(
            f"{path} holds other things than an export of mediaindex "
            f"({_told(names[:3], ', ')}{more}); name a new or an empty folder"
        )


def _lock(path: Path, marker: int) -> None:
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise AlreadyRunning(f"another export is writing to {path}") from error
    except OSError:
        pass  # some network folders know no locks


def _begin_marker(path: Path, marker: int) -> None:
    there = os.fstat(marker)
    if not stat.S_ISREG(there.st_mode) or there.st_nlink > 1:
        raise ConfigError(f"{path / MARKER} is no file of its own; name another folder")
    if there.st_size == 0:
        os.write(marker, HEAD)
    elif os.pread(marker, len(HEAD), 0) != HEAD:
        raise ConfigError(f"{path / MARKER} was not written by an export; name another folder")


def _read_marker(marker: int) -> tuple[set[bytes], bool]:
    """Return the keys of the marker's lines, and whether the last one has its end."""
    os.lseek(marker, 0, os.SEEK_SET)
    line = HEAD
    known: set[bytes] = set()
    with os.fdopen(os.dup(marker), "rb") as file:
        for line in file:
            known.add(_key(line.rstrip(b"\n")))
    known.discard(_key(HEAD.rstrip(b"\n")))
    return known, line.endswith(b"\n")


def _sweep_parts(handle: int) -> None:
    """Delete what an export that was killed left half written."""
    for name in os.listdir(handle):
        if name.startswith(PART):
            with suppress(OSError):
                os.unlink(name, dir_fd=handle)


def _manners(handle: int) -> Manners:
    """Find out, with files of no length that are gone at once, what names the folder takes."""
    probe = PART + token_hex(8)
    try:
        most = min(os.fpathconf(handle, "PC_NAME_MAX"), 255)
    except (OSError, ValueError):
        most = 255
    with suppress(OSError), _probed(handle, probe + "é"):
        folds = _is_there(handle, probe.upper() + "É") or _is_there(handle, probe + "e\u0301")
        return Manners(
            folds,
            _takes(handle, probe + AWKWARD),
            _takes(handle, probe + "\udcff"),
            most if most > 0 else 255,
        )
    return Manners()


@contextmanager
def _probed(handle: int, name: str) -> Iterator[None]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    os.close(os.open(name, flags, 0o666, dir_fd=handle))
    try:
        yield
    finally:
        os.unlink(name, dir_fd=handle)


def _takes(handle: int, name: str) -> bool:
    try:
        with _probed(handle, name):
            return True
    except OSError:
        return False


def _is_there(handle: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=handle, follow_symlinks=False)
    except OSError:
        return False
    return True


def _told(names: Sequence[str], between: str = "/") -> str:
    """Return names fit for a terminal."""
    return one_line(shown(between.join(names)))


def _identity(found: os.stat_result) -> Identity:
    return found.st_dev, found.st_ino


def _line(target: Target, digest: str) -> bytes:
    return f"{digest} {quote(os.fsencode('/'.join(target)))}".encode()


def _key(line: bytes) -> bytes:
    """Return what is kept of a line in memory: a million of them would fill it."""
    return blake2b(line, digest_size=16).digest()


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


def _digest_of(file: BinaryIO) -> str:
    found = blake2b(digest_size=16)
    while some := file.read(1 << 20):
        found.update(some)
    return found.hexdigest()
