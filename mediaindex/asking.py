"""Ask the store a question without a daemon: open what is needed, answer, close."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.embedders import Embedder
from mediaindex.errors import AlreadyRunning, QueryError, RetryLater, StoreError
from mediaindex.media.hashing import content_hash
from mediaindex.media.photo import Limits, decode_photo
from mediaindex.pipeline.serving import serving
from mediaindex.pipeline.sync import Sync
from mediaindex.search.asked import Asked
from mediaindex.search.check import check
from mediaindex.search.engine import Engine
from mediaindex.search.hits import Answer
from mediaindex.search.parse import parse
from mediaindex.search.query import Note, Query
from mediaindex.store.assets import asset_by_hash, known_places
from mediaindex.store.counts import blocked_reason, count_undescribed
from mediaindex.store.database import Database
from mediaindex.store.embeddings import count_vectors, spaces
from mediaindex.store.lock import worker_lock
from mediaindex.types import Vectors
from mediaindex.vectors.indexes import Indexes

LIKE_PX = 768


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
        query = _understood(config, database, asked, today)
        embedder, missing = _embedder(config, database, query, asked)
        if embedder is None and query.terms:
            told = f"only names, written words, dates and places were searched: {missing}"
            query = replace(query, notes=(*query.notes, Note(told)))
        like = None
        if asked.like is not None:
            like = _look(embedder, asked.like, missing)
            query = _all_but(database, asked.like, query)
        engine = Engine(database, indexes, embedder, config.settings.search)
        answer = engine.answer(query, like, asked.limit, "moment" if asked.moments else "asset")
        if query.terms and (not answer.hits or answer.no_good_match):
            answer = replace(answer, notes=(*answer.notes, *_not_described(config, database)))
        return answer


def _not_described(config: Config, database: Database) -> list[str]:
    """Return what may be the reason why nothing was found: nobody has described it yet."""
    if config.settings.caption.use == "off":
        return []
    with database.read() as session:
        number = count_undescribed(session)
    are = "moment is" if number == 1 else "moments are"
    return [f"{number:,} {are} not described yet"] if number else []


def _understood(config: Config, database: Database, asked: Asked, today: date) -> Query:
    with database.read() as session:
        query = parse(
            asked.words,
            today,
            known_places(session),
            operators=asked.operators,
            understand=asked.understand,
            find_place=lambda name: parts.find_place(config, name),
        )
        if query.is_empty and asked.like is None:
            raise QueryError("nothing was asked: give words, or an operator such as after:2019")
        doubts = check(session, query.filter)
    return replace(query, notes=(*query.notes, *map(Note, doubts)))


def _embedder(
    config: Config, database: Database, query: Query, asked: Asked
) -> tuple[Embedder | None, str]:
    """Return the model that looked at the pictures, if it is needed; and why it is not there."""
    with database.read() as session:
        model = serving(session)
        missing = blocked_reason(session, "embed")
    missing = missing or "no picture has been looked at yet; run mediaindex index"
    if model is None or not (query.terms or query.phrases or query.excluded or asked.like):
        return None, missing
    try:
        return parts.embedder(config, model.use, model.model), missing
    except RetryLater as error:
        return None, str(error)


def _all_but(database: Database, picture: Path, query: Query) -> Query:
    """Leave the picture itself out of its likes."""
    sha256 = content_hash(picture).sha256
    with database.read() as session:
        asset = asset_by_hash(session, sha256)
    besides = () if asset is None else (asset.id,)
    return replace(query, filter=replace(query.filter, besides=besides))


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
    """Build the index again if it was deleted, damaged, or left behind by a run that was killed.

    Not while somebody is indexing, who does it. Counting 100,000 vectors takes a millisecond.
    """
    with database.read() as session:
        lost = indexes.facets.read() is None or any(
            indexes.exact.count(space) != count_vectors(session, space) for space in spaces(session)
        )
    if not lost:
        return
    try:
        with worker_lock(config.state_dir):
            Sync(database, indexes.all(), indexes.facets, forgets=False).repair()
    except AlreadyRunning:
        return


def _look(embedder: Embedder | None, picture: Path, missing: str) -> Vectors:
    if embedder is None:
        raise RetryLater(f"cannot look at {picture}: {missing}")
    found: Vectors = embedder.embed_images([decode_photo(picture, LIKE_PX, Limits()).pixels])[0]
    return found
