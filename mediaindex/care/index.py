"""Compare the indexes with the vectors that SQLite has, and make anew what differs."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediaindex import parts
from mediaindex.care import OnNote
from mediaindex.config import Config
from mediaindex.errors import RetryLater
from mediaindex.pipeline.sync import Sync
from mediaindex.store import embeddings, facets, settings
from mediaindex.store.database import Database
from mediaindex.types import Space
from mediaindex.vectors.exact import ExactIndex
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import index_folder
from mediaindex.vectors.probe import probe
from mediaindex.vectors.seal import in_use, is_sound


@dataclass(frozen=True)
class Differences:
    """How the indexes differ from SQLite; for people, and empty where they do not."""

    #: Changes that the indexes were not told.
    behind: int
    #: Spaces of which the exact index does not hold just what SQLite has.
    exact: tuple[Space, ...]
    #: What filters compare is missing or wrong.
    facets: bool
    #: What is wrong with Chroma's folder; None: nothing that can be seen from outside.
    chroma: str | None

    @property
    def told(self) -> list[str]:
        """The differences in words."""
        found = [f"{self.behind:,} changes behind"] if self.behind else []
        found += [f"{space.kind} vectors are missing or wrong" for space in self.exact]
        if self.facets:
            found.append("what filters compare is missing or wrong")
        return found + ([f"Chroma: {self.chroma}"] if self.chroma else [])


def compare(config: Config, database: Database, on_note: OnNote) -> Differences:
    """Compare every vector and facet with SQLite's; changes nothing.

    For the one who holds the worker's lock.
    """
    folder = _folder(config, database)
    if folder is None:
        return Differences(0, (), facets=False, chroma=None)
    exact = ExactIndex(folder / "exact")
    with database.read() as session:
        behind = embeddings.count_changes(session)
        wrong = []
        for space in embeddings.spaces(session):
            on_note(f"comparing {space.kind} vectors of {space.model_id}")
            if exact.differs(space, embeddings.all_vectors(session, space)):
                wrong.append(space)
        exact.close()
    return Differences(
        behind,
        tuple(wrong),
        facets=_facets_differ(database, Facets(folder / "facets")),
        chroma=_chroma_trouble(config, folder / "chroma"),
    )


def mend(config: Config, database: Database, found: Differences, on_note: OnNote) -> str | None:
    """Make anew what differs, and bring all up to date; returns what could not be done.

    For the one who holds the worker's lock.
    """
    folder = _folder(config, database)
    if folder is not None and found.facets:
        shutil.rmtree(folder / "facets", ignore_errors=True)
    indexes = parts.indexes(config, database)
    try:
        for space in found.exact:
            indexes.exact.drop(space)
        sync = Sync(database, indexes.all(), indexes.facets)
        sync.repair(lambda done, of: on_note(f"building the index again: {done:,} of {of:,}"))
    except RetryLater as error:
        return str(error)
    finally:
        indexes.close()
    return sync.trouble


def _folder(config: Config, database: Database) -> Path | None:
    with database.read() as session:
        known = settings.recall(session, settings.DATABASE_ID)
        if known is None and not embeddings.spaces(session):
            return None
    return index_folder(config.cache_dir, known or "")


def _facets_differ(database: Database, facets_there: Facets) -> bool:
    try:
        there = facets_there.read()
    except RetryLater:
        return True
    with database.read() as session:
        if there is None:
            return next(facets.all_facets(session), None) is not None
        if np.count_nonzero(there.assets["is_visible"]) != facets.count_visible(session):
            return True
        for ids, records in facets.all_facets(session):
            # By their bytes: a place that is not known is NaN, which equals nothing.
            if ids[-1] >= len(there.assets) or there.assets[ids].tobytes() != records.tobytes():
                return True
        for keys, assets in facets.all_owners(session):
            if keys[-1] >= len(there.owners) or (there.owners[keys] != assets).any():
                return True
    return False


def _chroma_trouble(config: Config, folder: Path) -> str | None:
    """Return what is wrong with Chroma's folder, looked at in a child; None: nothing is."""
    if config.settings.index.use == "exact" or in_use(folder) or is_sound(folder):
        return None
    return probe(folder)
