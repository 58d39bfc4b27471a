"""Where things are found: on this server, and on its disks."""

from pathlib import Path

from mediaindex.api.problems import WrongRequest

BASE = "/api/v1"

HOOK = "/hooks/immich"
"""Where Immich wakes us; it shows a secret of its own and can do nothing else."""

OPEN = frozenset({"/health", "/ready"})
"""What is told without a token, so that whatever watches over services need not have it."""


def preview(sha256: str, at_ms: int) -> str:
    """Return the path of a moment's picture on this server."""
    return f"{BASE}/previews/{sha256}/{at_ms}"


def on_disk(path: str) -> Path:
    """Return a path that somebody named.

    Raises:
        WrongRequest: It depends on where one stands, or is none.
    """
    if not path.startswith("/") or "\0" in path:
        raise WrongRequest("path: expected a path on the daemon's machine, from / on")
    return Path(path)
