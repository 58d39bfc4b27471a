"""What SQLite knows -> the vector indexes."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from mediaindex.errors import RetryLater
from mediaindex.store import embeddings
from mediaindex.store.database import Database
from mediaindex.types import Keys, Space, Vectors
from mediaindex.vectors import VectorIndex

log = logging.getLogger(__name__)

BATCH = 1024


class Sync:
    """Tells every index what came and went. An index that cannot be written is left behind."""

    def __init__(self, database: Database, indexes: Sequence[VectorIndex]) -> None:
        self._database = database
        self._indexes = list(indexes)
        #: Why an index was left behind; the next `repair` builds it again.
        self.trouble: str | None = None

    def step(self) -> int:
        """Bring the indexes up to date with one batch of changes.

        A change says only "look at this vector again", so doing one twice, late or out of order
        ends in the same state. The indexes are written first and the changes are forgotten after:
        a crash between the two repeats work and loses none.

        Returns:
            How many changes were handled; 0 means the indexes are up to date.
        """
        with self._database.read() as session:
            changes = embeddings.pending_changes(session, BATCH)
            if not changes:
                return 0
            last = changes[-1].id
            told = {change.space_id: set[int]() for change in changes}
            for change in changes:
                told[change.space_id].add(change.key)
            known = {space.id: space for space in embeddings.spaces(session)}
            batches = [
                (
                    known[space_id],
                    np.array(sorted(keys), dtype=np.int64),
                    embeddings.read_vectors(session, known[space_id], sorted(keys)),
                )
                for space_id, keys in told.items()
                if space_id in known
            ]
        for space, keys, (alive, vectors) in batches:
            gone = np.setdiff1d(keys, alive)
            self._each(partial(_tell, space=space, gone=gone, alive=alive, vectors=vectors))
        with self._database.write() as session:
            embeddings.forget_changes(session, last)
        return len(changes)

    def repair(self, on_progress: Callable[[int, int], None] = lambda _done, _of: None) -> int:
        """Build again, from SQLite, each space that an index does not hold in full.

        Args:
            on_progress: Told how many vectors are in, and of how many.

        Returns:
            How many spaces were built again.
        """
        while self.step():
            pass
        with self._database.read() as session:
            wanted = {
                space: embeddings.count_vectors(session, space)
                for space in embeddings.spaces(session)
            }
        built = 0
        for index in list(self._indexes):
            for space, count in wanted.items():
                if index.count(space) != count:
                    log.info("rebuilding %s of %s", space.kind, space.model_id)
                    self._only(
                        index, partial(self._fill, space=space, count=count, told=on_progress)
                    )
                    built += 1
        return built

    def drop(self, space: Space) -> None:
        """Forget a space everywhere."""
        self._each(lambda index: index.drop(space))

    def _fill(
        self, index: VectorIndex, space: Space, count: int, told: Callable[[int, int], None]
    ) -> None:
        index.drop(space)
        done = 0
        with self._database.read() as session:
            for keys, vectors in embeddings.all_vectors(session, space):
                index.add(space, keys, vectors)
                done += len(keys)
                told(done, count)

    def _each(self, work: Callable[[VectorIndex], None]) -> None:
        for index in list(self._indexes):
            self._only(index, work)

    def _only(self, index: VectorIndex, work: Callable[[VectorIndex], None]) -> None:
        try:
            work(index)
        except RetryLater as error:
            # Searches go on with the others; a second try in the same run would only loop.
            log.warning("an index cannot be written: %s", error)
            self.trouble = str(error)
            self._indexes.remove(index)


def _tell(index: VectorIndex, space: Space, gone: Keys, alive: Keys, vectors: Vectors) -> None:
    if len(gone):
        index.remove(space, gone)
    if len(alive):
        index.add(space, alive, vectors)
