"""One worker at a time: a lock on the state folder that ends with the process that holds it."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediaindex.errors import AlreadyRunning


@contextmanager
def worker_lock(state_dir: Path) -> Iterator[None]:
    """Hold the right to work on `state_dir`, until the end of the block or of the process.

    Raises:
        AlreadyRunning: Another process holds it; the text names it.
    """
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(state_dir / "worker.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            _take(file)
        except BlockingIOError as error:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "?"
            raise AlreadyRunning(
                f"another mediaindex (process {holder}) is indexing into {state_dir}; "
                "this one leaves it to that"
            ) from error
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(file)


def is_held(state_dir: Path) -> bool:
    """Return True if a process works on `state_dir` now."""
    try:
        file = os.open(state_dir / "worker.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _take(file: int) -> None:
    """Take the lock; twice, as somebody may only have looked whether it is held."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        time.sleep(0.05)
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
