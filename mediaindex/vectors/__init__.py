"""What a vector index is, and how one is found by name.

An index is a cache: SQLite owns every vector, and an index that is lost, behind or corrupt is built
again from there. To add one, add one file here with a `build(folder)` function.
"""

from pathlib import Path
from pkgutil import resolve_name
from typing import Protocol, cast

import numpy as np

from mediaindex.errors import ConfigError
from mediaindex.types import Keys, Near, Space, Vectors


class VectorIndex(Protocol):
    """Holds vectors by key and finds the nearest. One writer at a time; any number of readers."""

    def add(self, space: Space, keys: Keys, vectors: Vectors) -> None:
        """Store `vectors`, float32 (n, dim), unit rows, under `keys`, in place of any there.

        Durable on return as far as the medium allows.

        Raises:
            RetryLater: It cannot be written right now; nothing may be assumed written.
        """

    def remove(self, space: Space, keys: Keys) -> None:
        """Forget `keys`; keys that are not there are no error."""

    def nearest(self, space: Space, query: Vectors, limit: int, among: Keys | None = None) -> Near:
        """Return the `limit` nearest to `query`, best first.

        Args:
            space: Where to look. A space never written to has nothing near.
            query: float32 (dim,), unit length.
            limit: At most this many.
            among: Only these keys count; None means all. An empty array finds nothing.
        """

    def count(self, space: Space) -> int:
        """Return how many vectors `space` holds."""

    def drop(self, space: Space) -> None:
        """Forget the whole space."""

    def is_whole(self) -> bool:
        """Return False once files that it had open were taken away; cheap.

        Questions are still answered, but of a part only, until each space that does not hold all
        is dropped and filled again; see `Sync.repair`.
        """

    def close(self) -> None:
        """Flush and release files; the index is not used after."""


def nothing_near() -> Near:
    """Return the answer of an empty space."""
    return Near(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))


def load(use: str, folder: Path) -> VectorIndex:
    """Build the index that config.yaml names, kept in `folder` (made if missing).

    Args:
        use: A module of this package (`chroma`, `exact`), or `package.module:function`.
        folder: Where the index keeps its files; belongs to this index alone.

    Raises:
        ConfigError: No such module, or it has no `build`.
    """
    path = use if ":" in use else f"{__name__}.{use}:build"
    try:
        build = resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"index {use!r}: nothing at {path}") from error
    return cast("VectorIndex", build(folder))
