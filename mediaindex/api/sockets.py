"""The sockets that we listen at, bound by ourselves so that nobody else gets in."""

import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mediaindex.clients.unix_http import short_address
from mediaindex.errors import AlreadyRunning, ConfigError

BACKLOG = 256

PROBE_S = 2.0


@contextmanager
def unix_socket(path: Path, mode: int) -> Iterator[socket.socket]:
    """Listen at `path` until the end of the block; then remove it, if it is still ours.

    Its folder is made for its owner alone if it is not there.

    Args:
        path: Where; its folder decides who gets at it, too.
        mode: Who may connect: whoever may write to it.

    Raises:
        AlreadyRunning: Another daemon answers there.
        ConfigError: It cannot be made, or something that is no socket lies there.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with short_address(path) as address:
            _clear(path, address)
            opened = _listen(address, mode)
            made = _identity(path)
    except OSError as error:
        raise ConfigError(f"cannot listen at {path}: {error.strerror or error}") from error
    try:
        yield opened
    finally:
        opened.close()
        # Another daemon may have come after somebody removed ours; what it made stays.
        if _identity(path) == made:
            path.unlink(missing_ok=True)


@contextmanager
def tcp_socket(host: str, port: int) -> Iterator[socket.socket]:
    """Listen at an address until the end of the block; port 0: at one that is free.

    Raises:
        ConfigError: Nobody can listen there.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        opened = socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        where = f"serve.listen: cannot listen at {host}, port {port}"
        raise ConfigError(f"{where}: {error.strerror or error}") from error
    with opened:
        yield opened


def _clear(path: Path, address: str) -> None:
    """Remove the socket that a daemon that is gone left behind; never anything else."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ConfigError(f"cannot listen at {path}: it is there already, and is no socket")
    if _answers(address):
        raise AlreadyRunning(f"another mediaindex serve answers at {path} already")
    path.unlink(missing_ok=True)


def _answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_S)
        try:
            probe.connect(address)
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (TimeoutError, BlockingIOError):
            return True  # somebody has it open, and too much to do
        return True


def _listen(address: str, mode: int) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        opened.bind(address)
        # Nobody can connect before `listen`, so the mode holds from the first connection on; the
        # umask, which would decide it earlier, is one for all threads.
        Path(address).chmod(mode)
        opened.listen(BACKLOG)
    except OSError:
        opened.close()
        raise
    return opened


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
