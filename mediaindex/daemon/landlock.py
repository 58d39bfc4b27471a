"""Have the kernel forbid writing anywhere but below a few folders: Landlock, `man 7 landlock`.

The unit makes the file system read-only too, but cannot do so for a share that is mounted later;
and this also holds where there is no unit.
"""

import ctypes
import logging
import os
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""Numbers of the calls, the same on every processor."""

ASK_VERSION, BELOW_A_PATH, PR_SET_NO_NEW_PRIVS = 1, 1, 38

WRITE_FILE = 1 << 1
IN_A_FOLDER = sum(1 << bit for bit in range(4, 13))
"""Removing and making whatever there is."""
REFER = 1 << 13
"""Moving from one folder into another. Before version 2 none at all could, not even in ours."""
TRUNCATE = 1 << 14
"""From version 3 on; before, this is not held."""

ALWAYS = (Path("/dev"), Path("/proc"))
"""What is no file of anybody: the kernel has its own rules for these."""


def write_only_below(folders: Iterable[Path]) -> bool:
    """Forbid writing, making, moving and removing files anywhere but below `folders`, for good.

    Holds for this thread, and for every thread and process that is started from now on; so this
    belongs at the very start. What is mounted later is included. Reading is not concerned, nor are
    files that are open already, and permissions and times of files.

    Args:
        folders: They have to be there; one that is not stays closed.

    Returns:
        Whether the kernel does it: Linux 5.19 and newer, unless Landlock was left out.
    """
    if sys.platform != "linux":
        return False
    try:
        version = _call(CREATE_RULESET, None, 0, ASK_VERSION)
        if version < 2:
            return False
        _seal((*ALWAYS, *folders), WRITE_FILE, TRUNCATE if version > 2 else 0)
    except OSError as error:  # not built in, switched off, or a filter of system calls is older
        log.debug("no Landlock: %s", error)
        return False
    return True


def _seal(folders: Iterable[Path], *rights_of_files: int) -> None:
    rights = sum(rights_of_files) | IN_A_FOLDER | REFER
    ruleset = _call(CREATE_RULESET, struct.pack("=Q", rights), 8, 0)
    try:
        for folder in folders:
            if folder.is_dir():
                _open_up(ruleset, folder, rights)
        # Only who cannot gain privileges may give some up.
        if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "no_new_privs")
        _call(RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _open_up(ruleset: int, folder: Path, rights: int) -> None:
    beneath = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _call(ADD_RULE, ruleset, BELOW_A_PATH, struct.pack("=Qi", rights, beneath), 0)
    finally:
        os.close(beneath)


def _call(number: int, *words: int | bytes | None) -> int:
    """Make a system call.

    Raises:
        OSError: It failed.
    """
    passed = [ctypes.c_long(word) if isinstance(word, int) else word for word in words]
    result: int = ctypes.CDLL(None, use_errno=True).syscall(ctypes.c_long(number), *passed)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result
