"""Ask the store a question without a daemon: open what is needed, answer, close."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.embedders import Embedder
from mediaindex.errors import AlreadyRunning, RetryLater, StoreError
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.media.places import Gazetteer
from mediaindex.pipeline.serving import serving
from mediaindex.pipeline.sync import Sync
from mediaindex.search.engine import Engine
from mediaindex.search.hits import Answer
from mediaindex.search.parse import parse
from mediaindex.store.assets import known_places
from mediaindex.store.database import Database
from mediaindex.store.embeddings import has_vectors, spaces
from mediaindex.store.lock import worker_lock
from mediaindex.types import Place, Vectors
from mediaindex.vectors.indexes import Indexes

LIKE_PX = 768


@dataclass(frozen=True)
class Asked:
    """A question as the user put it."""

    #: Words, operators included; may be empty.
    words: str
    #: A picture to find the like of.
    like: Path | None = None
    limit: int = 20
    #: Read dates and known places in the words as filters.
    understand: bool = True


def ask(config: Config, asked: Asked, today: date) -> Answer:
    """Answer one question.

    Raises:
        QueryError: The question cannot be understood.
        RetryLater: A picture was given, and the model that would look at it is not there.
        StoreError: There is no database, or it cannot be used.
        Unusable: The picture cannot be decoded.
    """
    if not config.database_path.exists():
        raise StoreError("nothing is indexed yet; try: mediaindex index ~/Pictures")
    with _opened(config) as (database, indexes):
        with database.read() as session:
            model = serving(session)
            places = known_places(session)
        query = parse(
            asked.words,
            today,
            places,
            understand=asked.understand,
            find_place=lambda name: _find_place(config, name),
        )
        embedder = None
        missing = "no picture has been embedded yet"
        if model is not None and (query.terms or query.phrases or query.excluded or asked.like):
            try:
                embedder = parts.embedder(config, model.use, model.model)
            except RetryLater as error:
                missing = str(error)
        like = _look(embedder, asked.like, missing) if asked.like else None
        engine = Engine(database, indexes, embedder, config.settings.search)
        return engine.answer(query, like, asked.limit)


@contextmanager
def _opened(config: Config) -> Iterator[tuple[Database, Indexes]]:
    database = parts.store(config)
    try:
        indexes = parts.indexes_to_ask(config, database)
        try:
            _catch_up(config, database, indexes)
            yield database, indexes
        finally:
            indexes.close()
    finally:
        database.close()


def _catch_up(config: Config, database: Database, indexes: Indexes) -> None:
    """Build the index again if it was deleted; not while somebody is indexing, who does it."""
    with database.read() as session:
        lost = indexes.facets.read() is None or any(
            indexes.exact.count(space) == 0 and has_vectors(session, space)
            for space in spaces(session)
        )
    if not lost:
        return
    try:
        with worker_lock(config.state_dir):
            Sync(database, indexes.all(), indexes.facets).repair()
    except AlreadyRunning:
        return


def _look(embedder: Embedder | None, picture: Path, missing: str) -> Vectors:
    if embedder is None:
        raise RetryLater(f"cannot look at {picture}: {missing}")
    found: Vectors = embedder.embed_images([decode_photo(picture, LIKE_PX, Limits()).pixels])[0]
    return found


def _find_place(config: Config, name: str) -> Sequence[Place]:
    gazetteer = Gazetteer.open(config.cache_dir / "places")
    try:
        return gazetteer.find(name)
    finally:
        gazetteer.close()
