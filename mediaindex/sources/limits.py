"""What the kernel allows to those who watch folders, and how to be allowed more."""

import errno
from dataclasses import dataclass
from pathlib import Path

INOTIFY = Path("/proc/sys/fs/inotify")
SYSCTL_FILE = "/etc/sysctl.d/60-mediaindex.conf"


@dataclass(frozen=True)
class Limits:
    """What one user may have of inotify, all programs together."""

    #: Folders that are watched.
    watches: int
    #: One for each library that is watched.
    instances: int
    #: Events that nobody has read yet, of one library; any more are lost.
    queued: int


def read_limits() -> Limits | None:
    """Return the limits in force now; None where there is no inotify."""
    names = ("max_user_watches", "max_user_instances", "max_queued_events")
    try:
        return Limits(*(int((INOTIFY / name).read_text()) for name in names))
    except (OSError, ValueError):
        return None


def enough(limit: int, more: int) -> int:
    """Return a limit with room for twice as many `more` on top of what `limit` allows to others."""
    return 1 << (limit + 2 * more - 1).bit_length()


def why_refused(error: OSError, folders: int, limits: Limits | None) -> str:
    """Return why folders cannot be watched, and what to type so that they can.

    Args:
        error: What the kernel answered.
        folders: How many folders there are to watch.
        limits: What is in force.
    """
    if error.errno == errno.ENOSPC:
        limit = limits.watches if limits else 8192
        remedy = _remedy("max_user_watches", enough(limit, folders))
        return f"{folders} folders are more than may still be watched (limit {limit}); {remedy}"
    if error.errno == errno.EMFILE:
        limit = limits.instances if limits else 128
        remedy = _remedy("max_user_instances", enough(limit, limit // 2))
        return f"too many programs are watching folders (limit {limit}); {remedy}"
    return f"the folders cannot be watched: {error.strerror or error}"


def _remedy(name: str, value: int) -> str:
    setting = f"fs.inotify.{name}={value}"
    return (
        f"to raise it: sudo sysctl {setting}, and for good: "
        f"echo {setting} | sudo tee -a {SYSCTL_FILE} (of a container: on its host)"
    )
