"""The Chroma index: a graph on disk, quick at any size; SQLite can always make it again.

What shaped this file was measured (Chroma 1.5.9): `ef_search` counts only when a collection is
made; upserts of ids that are there are ten times slower than delete and add; more than some
thousand rows in one call raise and write nothing. A damaged folder may raise, hang, or end the
process: open it by `probe.open_checked`.
"""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mediaindex.errors import RetryLater
from mediaindex.types import Keys, Near, Space, Vectors
from mediaindex.vectors import nothing_near
from mediaindex.vectors.seal import MARK, Mark

EF_SEARCH = 200
"""How widely the graph is searched; 100, the default, misses more where vectors are alike."""

DIRTY = MARK
"""A file of this name that nobody holds locked tells of a user that was killed."""


class ChromaIndex:
    """Vectors in Chroma, one collection a space. A reader sees what was there when it opened."""

    def __init__(self, folder: Path) -> None:
        """Open or make the index in `folder`.

        Raises:
            RetryLater: Chroma cannot open it.
        """
        from chromadb.config import Settings

        self._trouble = _Trouble(folder)
        with self._trouble:
            folder.mkdir(parents=True, exist_ok=True)
            self._mark = Mark(folder)
            # No embedding function is ever given, so Chroma fetches no model; telemetry is off.
            settings = Settings(anonymized_telemetry=False, is_persistent=True)
            self._client = _open(str(folder), settings, self._mark)
            self._batch = min(self._client.get_max_batch_size(), 5000)
        self._collections: dict[str, Any] = {}
        self._naming = threading.RLock()

    def add(self, space: Space, keys: Keys, vectors: Vectors) -> None:
        """Store vectors under keys; see `VectorIndex.add`.

        Raises:
            RetryLater: Chroma cannot write.
        """
        # Of a key that comes twice, the last counts; Chroma would refuse the whole batch.
        last = np.sort(len(keys) - 1 - np.unique(keys[::-1], return_index=True)[1])
        keys, vectors = keys[last], vectors[last]
        with self._trouble:
            collection = self._made(space)
            for part in self._parts(len(keys)):
                ids = [str(key) for key in keys[part]]
                _delete(collection, ids)
                collection.add(ids=ids, embeddings=vectors[part])

    def remove(self, space: Space, keys: Keys) -> None:
        """Forget keys; see `VectorIndex.remove`.

        Raises:
            RetryLater: Chroma cannot write.
        """
        with self._trouble:
            collection = self._known(space)
            if collection is not None:
                for part in self._parts(len(keys)):
                    _delete(collection, [str(key) for key in keys[part]])

    def nearest(self, space: Space, query: Vectors, limit: int, among: Keys | None = None) -> Near:
        """Return the nearest, best first; see `VectorIndex.nearest`.

        With `among` the vectors asked for are fetched and compared here: right, and slower than
        `exact`, which answers such questions.

        Raises:
            RetryLater: Chroma cannot answer.
        """
        with self._trouble:
            collection = self._known(space)
            count = 0 if collection is None else min(limit, collection.count())
            if count < 1:
                return nothing_near()
            if among is not None:
                return self._nearest_of(collection, query, limit, among)
            found = collection.query(
                query_embeddings=query[None, :], n_results=count, include=["distances"]
            )
        keys = np.array([int(key) for key in found["ids"][0]], dtype=np.int64)
        return Near(keys, 1 - np.array(found["distances"][0], dtype=np.float32))

    def count(self, space: Space) -> int:
        """Return how many vectors a space holds.

        Raises:
            RetryLater: Chroma cannot say.
        """
        with self._trouble:
            collection = self._known(space)
            return 0 if collection is None else int(collection.count())

    def drop(self, space: Space) -> None:
        """Forget a space.

        Raises:
            RetryLater: Chroma cannot write.
        """
        # A question must not keep hold of what is deleted here.
        with self._trouble, self._naming:
            if self._known(space) is not None:
                self._client.delete_collection(_name(space))
            self._collections.pop(_name(space), None)

    def is_whole(self) -> bool:
        """Return False once its folder was taken away; it has to be opened anew then."""
        return self._mark.is_there()

    def close(self) -> None:
        """Let go of the files; what was written is on disk."""
        self._collections.clear()
        self._client.close()
        self._mark.leave(in_order=not self._trouble.seen)

    def _nearest_of(self, collection: Any, query: Vectors, limit: int, among: Keys) -> Near:  # noqa: ANN401
        keys: list[int] = []
        scores: list[float] = []
        for part in self._parts(len(among)):
            ids = [str(key) for key in among[part]]
            found = collection.get(ids=ids, include=["embeddings"])
            if found["ids"]:
                keys += [int(key) for key in found["ids"]]
                scores += (np.asarray(found["embeddings"], dtype=np.float32) @ query).tolist()
        names, values = np.array(keys, dtype=np.int64), np.array(scores, dtype=np.float32)
        order = np.lexsort((names, -values))[:limit]
        return Near(names[order], values[order])

    def _known(self, space: Space) -> Any:  # noqa: ANN401 - Chroma's own type changes by version
        """Return the space's collection, None where nothing was written yet."""
        from chromadb.errors import NotFoundError

        name = _name(space)
        with self._naming:
            if name not in self._collections:
                try:
                    found = self._client.get_collection(name, embedding_function=None)
                except NotFoundError:
                    return None
                self._collections[name] = found
            return self._collections[name]

    def _made(self, space: Space) -> Any:  # noqa: ANN401
        known = self._known(space)
        if known is None:
            known = self._client.create_collection(
                _name(space),
                embedding_function=None,
                configuration={"hnsw": {"space": "cosine", "ef_search": EF_SEARCH}},
            )
            self._collections[_name(space)] = known
        return known

    def _parts(self, count: int) -> Iterator[slice]:
        for start in range(0, count, self._batch):
            yield slice(start, start + self._batch)


def build(folder: Path) -> ChromaIndex:
    """Open the index in `folder`, made if missing.

    Raises:
        RetryLater: Chroma cannot open it.
    """
    return ChromaIndex(folder)


def _delete(collection: Any, ids: list[str]) -> None:  # noqa: ANN401 - Chroma's own types
    known = collection.get(ids=ids, include=[])["ids"]
    if known:
        collection.delete(ids=known)


def _open(folder: str, settings: Any, mark: Mark) -> Any:  # noqa: ANN401
    import chromadb
    from chromadb.api.shared_system_client import SharedSystemClient

    try:
        return chromadb.PersistentClient(folder, settings=settings)
    except BaseException:
        # Chroma would hand its half-made client to the next who asks for this folder.
        SharedSystemClient.clear_system_cache()
        mark.leave(in_order=False)
        raise


class _Trouble:
    """Turns what Chroma raises into `RetryLater` with its words, and remembers that it did."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        #: The folder may be damaged, so the next to open it should look first.
        self.seen = False

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        import chromadb.errors

        # Chroma's Rust core raises its own errors, plain ones, and PanicException, which is none
        # of Exception's children.
        panicked = type(error).__name__ == "PanicException"
        known = (chromadb.errors.ChromaError, RuntimeError, ValueError, OSError, KeyError)
        if panicked or isinstance(error, known):
            self.seen = True
            said = " ".join(str(error).split())[:300]
            raise RetryLater(f"the Chroma index in {self._folder}: {said}") from error


def _name(space: Space) -> str:
    told = f"{space.model_id}\0{space.kind}\0{space.dim}"
    return f"{space.kind}-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
