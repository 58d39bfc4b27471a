"""One at a time: locks on the state folder that end with the process that holds them."""

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
    refusal = (
        "another mediaindex (process {holder}) is indexing into {folder}; "
        "this one leaves it to that"
    )
    with _lock(state_dir, "worker.lock", refusal):
        yield


@contextmanager
def immich_lock(state_dir: Path) -> Iterator[None]:
    """Hold the right to bring `state_dir` in line with Immich, until the end of the block.

    Raises:
        AlreadyRunning: Another process holds it; the text names it.
    """
    refusal = (
        "another mediaindex (process {holder}) is at work on Immich now; try again in a minute"
    )
    with _lock(state_dir, "immich.lock", refusal):
        yield


@contextmanager
def writing_lock(state_dir: Path) -> Iterator[None]:
    """Hold the right to change anything in Immich, until the end of the block or of the process.

    Raises:
        AlreadyRunning: Another process, or another part of this one, holds it.
    """
    refusal = (
        "another mediaindex (process {holder}) is writing to Immich, or takes out what was written "
        "there; try again when it is done"
    )
    with _lock(state_dir, "immich-writing.lock", refusal):
        yield


@contextmanager
def _lock(state_dir: Path, name: str, refusal: str) -> Iterator[None]:
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = os.open(state_dir / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            _take(file)
        except BlockingIOError as error:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip() or "?"
            raise AlreadyRunning(refusal.format(holder=holder, folder=state_dir)) from error
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
