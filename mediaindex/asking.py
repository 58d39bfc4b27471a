"""Answer questions: one alone, or any number while the program goes on."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.embedders import Embedder
from mediaindex.errors import AlreadyRunning, ConfigError, QueryError, RetryLater, StoreError
from mediaindex.media.hashing import content_hash
from mediaindex.media.photo import Limits, Photo, decode_photo
from mediaindex.media.places import Gazetteer
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.serving import Serving, serving
from mediaindex.pipeline.sync import Sync
from mediaindex.search.asked import Asked
from mediaindex.search.calibration import Chances
from mediaindex.search.check import check
from mediaindex.search.engine import Engine
from mediaindex.search.hits import Answer
from mediaindex.search.kept import Kept
from mediaindex.search.parse import parse
from mediaindex.search.query import Note, Query
from mediaindex.search.remembering import Remembering, Texts
from mediaindex.search.where import KnownPlaces
from mediaindex.store.assets import asset_by_hash, known_places
from mediaindex.store.counts import blocked_reason, count_undescribed
from mediaindex.store.database import Database
from mediaindex.store.embeddings import count_vectors, spaces
from mediaindex.store.lock import worker_lock
from mediaindex.types import Place
from mediaindex.vectors.indexes import Indexes

LIKE_PX = 768

AT_ONCE = 8
"""So many questions are worked at side by side; more only get in each other's way."""

SEEN_AGAIN_S = 5.0
"""So old may be what is known of the library as a whole: its places, and what is not described."""

LOOK_AGAIN_S = 30.0
"""So long a model that was not there is not looked for."""

WARMING = Asked("a photo of the sea", understand=False)

FindEmbedder = Callable[[Serving], Embedder]

Decode = Callable[[Path, int], Photo]
"""Decodes a picture that was asked with, so many pixels large at most; raises as `decode_photo`."""


def decode_here(picture: Path, fit_px: int) -> Photo:
    """Decode a picture in this process: for who asks with a file of their own."""
    return decode_photo(picture, fit_px, Limits())


class Asker:
    """Answers any number of questions from one library, and keeps warm what they need.

    Safe from any thread. It writes nothing and waits for no writer.
    """

    def __init__(
        self,
        config: Config,
        database: Database,
        indexes: Indexes,
        find_embedder: FindEmbedder | None = None,
        clock: Callable[[], float] = time.monotonic,
        decode: Decode = decode_here,
    ) -> None:
        """Answer with the settings, store and indexes given, which stay the caller's.

        Args:
            config: The settings; for others, make another `Asker`.
            database: The store.
            indexes: Where vectors lie; in a program that writes to them, the same ones.
            find_embedder: Gives the embedder of the model that answers, or raises `RetryLater`;
                None: built from the settings.
            clock: Monotonic, seconds.
            decode: Decodes what is asked with.
        """
        self._config, self._database, self._indexes = config, database, indexes
        self._find = find_embedder or (lambda model: parts.embedder(config, model.use, model.model))
        self._clock = clock
        self._decode = decode
        self._turns = threading.BoundedSemaphore(AT_ONCE)
        self._serving: tuple[Serving, Model] | None = None
        self._switching = threading.Lock()
        self._texts = Texts()
        self._chances = Chances(clock)
        self._gazetteer = Kept[None, Gazetteer](1)
        self._places = Kept[None, KnownPlaces](1, SEEN_AGAIN_S, clock)
        self._undescribed = Kept[None, int](1, SEEN_AGAIN_S, clock)

    def ask(self, asked: Asked, today: date) -> Answer:
        """Answer one question.

        Raises:
            QueryError: The question cannot be understood.
            RetryLater: A picture was given, and the model that would look at it is not there; or
                the store or an index cannot be read right now.
            Unusable: The picture cannot be decoded.
        """
        with self._turns:
            try:
                return self._answer(asked, today)
            except OperationalError as error:
                raise RetryLater(f"{self._database.path} cannot be read: {error.orig}") from error

    def warm(self) -> None:
        """Load what a first question needs, by answering one; takes seconds, and never fails."""
        with suppress(RetryLater, ConfigError):
            self.ask(WARMING, date.min)

    def close(self) -> None:
        """Let go of the model and of all that was kept; questions under way are still answered."""
        with self._switching:
            self._serving = None
        self._gazetteer.clear()

    def _answer(self, asked: Asked, today: date) -> Answer:
        query, model, missing = self._understood(asked, today)
        embedder = None
        if model is not None:
            try:
                embedder = model.embedder
                _read(embedder, query)
            except RetryLater as error:
                embedder, missing = None, str(error)
        if embedder is None and query.terms:
            told = f"only names, written words, dates and places were searched: {missing}"
            query = replace(query, notes=(*query.notes, Note(told)))
        like = None
        if asked.like is not None:
            if embedder is None:
                raise RetryLater(f"cannot look at {asked.like}: {missing}")
            like = embedder.embed_images([self._decode(asked.like, LIKE_PX).pixels])[0]
            query = _all_but(self._database, asked.like, query)
        settings = self._config.settings.search
        engine = Engine(self._database, self._indexes, embedder, settings, self._chances)
        answer = engine.answer(query, like, asked.limit, "moment" if asked.moments else "asset")
        if query.terms and (not answer.hits or answer.no_good_match):
            answer = replace(answer, notes=(*answer.notes, *self._not_described()))
        return answer

    def _understood(self, asked: Asked, today: date) -> tuple[Query, Model | None, str]:
        """Return what is asked, the model if it is needed, and why it may not be there."""
        with self._database.read() as session:
            query = parse(
                asked.words,
                today,
                self._places.get(None, lambda: KnownPlaces(known_places(session))),
                operators=asked.operators,
                understand=asked.understand,
                find_place=self._find_place,
            )
            if query.is_empty and asked.like is None:
                raise QueryError("nothing was asked: give words, or an operator such as after:2019")
            doubts = check(session, query.filter)
            model, missing = None, ""
            if query.terms or query.phrases or query.excluded or asked.like:
                model, missing = self._model(session)
        return replace(query, notes=(*query.notes, *map(Note, doubts))), model, missing

    def _model(self, session: Session) -> tuple[Model | None, str]:
        """Return the model that looked at the pictures; or None, and why there is none."""
        served = serving(session)
        if served is None:
            reason = blocked_reason(session, "embed")
            return None, reason or "no picture has been looked at yet (mediaindex index FOLDER)"
        with self._switching:
            if self._serving is None or self._serving[0] != served:
                build = partial(self._remembering, served)
                self._serving = served, Model(build, LOOK_AGAIN_S, self._clock)
            return self._serving[1], ""

    def _remembering(self, served: Serving) -> Embedder:
        return Remembering(self._find(served), self._texts)

    def _find_place(self, name: str) -> list[Place]:
        folder = self._config.cache_dir / "places"
        try:
            return self._gazetteer.get(None, lambda: Gazetteer.open(folder)).find(name)
        except OSError as error:
            said = error.strerror or str(error)
            raise RetryLater(f"the list of places in {folder} cannot be made: {said}") from error

    def _not_described(self) -> list[str]:
        """Return what may be the reason why nothing was found: nobody has described it yet."""
        if self._config.settings.caption.use == "off":
            return []
        number = self._undescribed.get(None, self._count_undescribed)
        are = "moment is" if number == 1 else "moments are"
        return [f"{number:,} {are} not described yet"] if number else []

    def _count_undescribed(self) -> int:
        with self._database.read() as session:
            return count_undescribed(session)


def ask(config: Config, asked: Asked, today: date) -> Answer:
    """Answer one question without a daemon: open what is needed, answer, close.

    Raises:
        QueryError: The question cannot be understood.
        RetryLater: A picture was given, and the model that would look at it is not there.
        StoreError: There is no database, or it cannot be used.
        Unusable: The picture cannot be decoded.
    """
    if not config.database_path.exists():
        raise StoreError("nothing is indexed yet; try: mediaindex index ~/Pictures")
    with _opened(config) as (database, indexes), closing(Asker(config, database, indexes)) as asker:
        return asker.ask(asked, today)


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


def _read(embedder: Embedder, query: Query) -> None:
    """Have the model read the question: before the store is, and so that its trouble is told."""
    for text in (*(term.text for term in query.terms), *query.phrases, *query.excluded):
        if embedder.split_text(text):
            embedder.embed_texts([text])


def _all_but(database: Database, picture: Path, query: Query) -> Query:
    """Leave the picture itself out of its likes."""
    sha256 = content_hash(picture).sha256
    with database.read() as session:
        asset = asset_by_hash(session, sha256)
    besides = () if asset is None else (asset.id,)
    return replace(query, filter=replace(query.filter, besides=besides))
