"""Tell systemd how the daemon is: `sd_notify`, in a few lines and without its library.

Where no one asked to be told (a terminal, a container, macOS), nothing happens. Nothing here
raises: a message that is lost is no reason to end.
"""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)


def notify(state: str, environ: Mapping[str, str] = os.environ) -> bool:
    """Send `KEY=value` lines (`man 3 sd_notify`); returns whether somebody is listening.

    Safe from any thread. The process that systemd started has to send it (`NotifyAccess=main`).
    """
    address = environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):  # none, or one of another kind (vsock)
        return False
    if address[0] == "@":  # in the abstract namespace, which has no files
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
            door.settimeout(1)
            door.connect(address)
            door.sendall(state.encode(errors="replace"))  # names of files may be anything
    except OSError as error:
        log.debug("systemd could not be told %r: %s", state, error)
        return False
    return True


def ready() -> None:
    """Say that questions are answered from now on; also that a reload is over."""
    notify("READY=1")


def reloading() -> None:
    """Say that the settings are read again; `ready` says that this is over."""
    # Since systemd 253 it has to say when, by the clock that is never set.
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")


def stopping() -> None:
    """Say that it is ending."""
    notify("STOPPING=1")


def status(text: str) -> None:
    """Say in one line what it does now, for `systemctl status`."""
    notify(f"STATUS={' '.join(text.split())}")


def extend(seconds: float) -> None:
    """Ask for so long from now on, while starting or stopping; say it again before that is over."""
    notify(f"EXTEND_TIMEOUT_USEC={round(seconds * 1_000_000)}")


def alive() -> None:
    """Say that work goes on; if this is not said for `watchdog_s`, the daemon is killed."""
    notify("WATCHDOG=1")


def watchdog_s(environ: Mapping[str, str] = os.environ) -> float | None:
    """Return after how many seconds without `alive` the daemon is killed; None: never.

    Half of it is a good time between two.
    """
    meant_for = environ.get("WATCHDOG_PID") or str(os.getpid())
    usec = environ.get("WATCHDOG_USEC", "")
    if meant_for != str(os.getpid()) or not usec.isdecimal() or int(usec) == 0:
        return None
    return int(usec) / 1_000_000
