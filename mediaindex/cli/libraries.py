"""Libraries by their names or folders, of a daemon."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mediaindex.clients.daemon import Daemon
from mediaindex.errors import ConfigError


def libraries(daemon: Daemon) -> list[dict[str, Any]]:
    """Return all libraries as `/api/v1/libraries` tells them."""
    told: list[dict[str, Any]] = daemon.get("/api/v1/libraries")["libraries"]
    return told


def named(daemon: Daemon, wanted: str) -> Mapping[str, Any]:
    """Return the library of this name or folder.

    Raises:
        ConfigError: There is none.
    """
    known = libraries(daemon)
    folder = str(Path(wanted).expanduser().resolve())
    for library in known:
        if wanted == library["name"] or folder == library["root"]:
            return library
    names = ", ".join(library["name"] for library in known) or "none"
    raise ConfigError(f"there is no library {wanted!r}; known: {names}")
