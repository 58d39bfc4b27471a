"""The indexes of one database side by side, and which of them answers."""

import logging
from dataclasses import dataclass
from pathlib import Path

from mediaindex.errors import RetryLater
from mediaindex.types import Keys, Near, Space, Vectors
from mediaindex.vectors import VectorIndex
from mediaindex.vectors.facets import Facets

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Indexes:
    """The exact index, and Chroma where it is wanted."""

    exact: VectorIndex
    #: What filters compare.
    facets: Facets
    #: None where the settings want no Chroma, or where it cannot be used now.
    chroma: VectorIndex | None
    #: Above this many vectors in a space, Chroma answers what has no filter.
    exact_below: int
    #: What was wrong with a folder that had to be set aside; for people.
    set_aside: str | None = None

    def nearest(self, space: Space, query: Vectors, limit: int, among: Keys | None = None) -> Near:
        """Return the `limit` nearest to `query`; see `VectorIndex.nearest`.

        A filter is answered exactly: a graph index loses what passes a selective one. So is all
        that Chroma, behind or just made anew, does not hold in full.
        """
        if self.chroma is None or among is not None:
            return self.exact.nearest(space, query, limit, among)
        count = self.exact.count(space)
        try:
            if count > self.exact_below and self.chroma.count(space) >= count:
                return self.chroma.nearest(space, query, limit)
        except RetryLater as error:
            log.info("answered without Chroma: %s", error)
        return self.exact.nearest(space, query, limit)

    def all(self) -> list[VectorIndex]:
        """Return every index that is to be kept up."""
        return [self.exact] if self.chroma is None else [self.exact, self.chroma]

    def are_whole(self) -> bool:
        """Return False once files of any were taken away while they were in use; cheap.

        Whoever writes to them has `Sync.repair` make them again.

        Raises:
            RetryLater: The files cannot be read.
        """
        return self.facets.read() is not None and all(index.is_whole() for index in self.all())

    def close(self) -> None:
        """Release their files."""
        for index in self.all():
            index.close()


def index_folder(cache_dir: Path, database_id: str) -> Path:
    """Return where the indexes of one database lie; another database never sees them."""
    return cache_dir / "index" / database_id
