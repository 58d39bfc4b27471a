"""Open a file of the user's: to read only, leaving no trace, and never waiting on a pipe."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from mediaindex.errors import RetryLater, Unusable


@contextmanager
def open_to_read(path: Path) -> Iterator[BufferedReader]:
    """Give a regular file, open for reading; its time of last access stays where that may be.

    Raises:
        RetryLater: It is not there now, or may not be read.
        Unusable: It is a pipe, a socket, a device or a folder.
    """
    try:
        descriptor = _open(path)
    except OSError as error:
        if error.errno == errno.ENXIO:  # what a socket answers
            raise Unusable("is no regular file") from error
        raise RetryLater(f"cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unusable("is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        try:
            yield file
        except OSError as error:
            if not is_of_the_disk(error):
                raise
            raise RetryLater(f"cannot be read: {error.strerror}") from error


def is_of_the_disk(error: OSError) -> bool:
    """Return whether the disk or the network failed, and not a decoder at what it read.

    A decoder's own complaint has no number, or is about a place where no file can be read.
    """
    return error.errno not in (None, errno.EINVAL)


def _open(path: Path) -> int:
    # Not waiting: opening a pipe that nobody writes to would last for ever.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # only a file's owner may leave its access time alone
        return os.open(path, flags)
