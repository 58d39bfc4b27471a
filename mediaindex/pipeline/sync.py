"""What SQLite knows -> the vector indexes."""

import logging
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from mediaindex.errors import RetryLater
from mediaindex.store import embeddings, facets
from mediaindex.store.database import Database
from mediaindex.types import Keys, Space, Vectors
from mediaindex.vectors import VectorIndex
from mediaindex.vectors.facets import Facets

log = logging.getLogger(__name__)

BATCH = 1024


class Sync:
    """Tells every index what came and went. An index that cannot be written is left behind."""

    def __init__(
        self,
        database: Database,
        indexes: Sequence[VectorIndex],
        facets: Facets,
        *,
        forgets: bool = True,
    ) -> None:
        """Begin with the oldest change.

        Args:
            database: The store.
            indexes: Those to tell.
            facets: What filters compare.
            forgets: Whether changes are forgotten once told; not where another index, which is not
                open, has to be told as well.
        """
        self._database = database
        self._forgets = forgets
        self._indexes = list(indexes)
        self._facets: Facets | None = facets
        #: Why an index was left behind.
        self.trouble: str | None = None
        # Up to which change all that still can be written was told.
        self._told_assets = self._told_vectors = 0

    def step(self) -> int:
        """Bring the indexes up to date with one batch of changes.

        A change says only "look at this again", so doing one twice, late or out of order ends in
        the same state. The indexes are written first and the changes are forgotten after: a crash
        between the two repeats work and loses none. With an index left behind nothing is forgotten,
        so that the next `Sync` tells it all that it missed.

        Returns:
            How many changes were handled; 0 means the indexes are up to date.
        """
        return self._step_assets() + self._step_vectors()

    def _step_assets(self) -> int:
        with self._database.read() as session:
            changes = facets.pending_asset_changes(session, self._told_assets, BATCH)
            if not changes:
                return 0
            told = facets.read_facets(session, [change.asset_id for change in changes])
        self._tell_facets(lambda known: known.tell(*told))
        self._told_assets = changes[-1].id
        if self._forgets and not self.trouble:
            with self._database.write() as session:
                facets.forget_asset_changes(session, self._told_assets)
        return len(changes)

    def _step_vectors(self) -> int:
        with self._database.read() as session:
            changes = embeddings.pending_changes(session, self._told_vectors, BATCH)
            if not changes:
                return 0
            owned = facets.owners(session, [change.key for change in changes])
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
        self._tell_facets(lambda known: known.own(*owned))
        for space, keys, (alive, vectors) in batches:
            gone = np.setdiff1d(keys, alive)
            self._each(partial(_tell, space=space, gone=gone, alive=alive, vectors=vectors))
        self._told_vectors = changes[-1].id
        if self._forgets and not self.trouble:
            with self._database.write() as session:
                embeddings.forget_changes(session, self._told_vectors)
        return len(changes)

    def repair(self, on_progress: Callable[[int, int], None] = lambda _done, _of: None) -> int:
        """Build again, from SQLite, each space that an index does not hold in full.

        Args:
            on_progress: Told how many vectors are in, and of how many.

        Returns:
            How many spaces were built again.
        """
        wanted = self._caught_up()
        self._repair_facets()
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

    def _caught_up(self) -> dict[Space, int]:
        """Tell the indexes all that is known, and return how many vectors each space has by then.

        Counted where nothing is pending: what somebody stored a moment ago must not make an index
        look as if it had lost something.
        """
        while True:
            while self.step():
                pass
            with self._database.read() as session:
                if not embeddings.pending_changes(session, self._told_vectors, 1):
                    return {
                        space: embeddings.count_vectors(session, space)
                        for space in embeddings.spaces(session)
                    }

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

    def _repair_facets(self) -> None:
        if self._facets is None:
            return
        with self._database.read() as session:
            known = self._facets.read()
            if (
                known is None
                or np.count_nonzero(known.assets["is_visible"]) != facets.count_visible(session)
                or len(known.owners) <= facets.newest_key(session)
            ):
                log.info("making the facets again")
                told = facets.all_facets(session), facets.all_owners(session)
                self._tell_facets(lambda lost: lost.rebuild(*told))

    def _tell_facets(self, work: Callable[[Facets], None]) -> None:
        try:
            if self._facets is not None:
                work(self._facets)
        except RetryLater as error:
            log.warning("what filters compare cannot be written: %s", error)
            self.trouble = str(error)
            self._facets = None


def _tell(index: VectorIndex, space: Space, gone: Keys, alive: Keys, vectors: Vectors) -> None:
    if len(gone):
        index.remove(space, gone)
    if len(alive):
        index.add(space, alive, vectors)
