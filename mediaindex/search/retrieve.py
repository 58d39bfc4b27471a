"""Three rankings of the same question: pictures, words as vectors, words as they stand."""

from dataclasses import dataclass

import numpy as np
from sqlalchemy.orm import Session

from mediaindex.store import fulltext, moments
from mediaindex.store.embeddings import count_vectors
from mediaindex.store.filters import Filter
from mediaindex.types import Space, Vectors
from mediaindex.vectors.indexes import Indexes

FEW_KEYS = 50_000
"""A filter that at most so many vectors pass is answered by looking at just these."""

GROWTH = 8
"""How much further down the ranking each look goes, until enough pass a filter that many pass."""


@dataclass(frozen=True)
class Candidate:
    """One moment in one ranking."""

    asset_id: int
    moment_id: int
    #: The cosine; of full text, its rank value negated, so that more is better.
    score: float
    #: Of the vector that is near; 0 for full text.
    key: int = 0
    #: Of full text, the passage that matched.
    passage: str | None = None


def nearest_moments(
    session: Session, indexes: Indexes, space: Space, query: Vectors, wanted: Filter, limit: int
) -> list[Candidate]:
    """Return the best moment of each of the `limit` nearest assets that pass `wanted`, best first.

    Args:
        session: An open session; only read from.
        indexes: Where the vectors of `space` are.
        space: Pictures or texts of the model that made `query`.
        query: float32 (dim,), unit length.
        wanted: Acts inside: a filter never starves the result.
        limit: At most this many.
    """
    among = None if wanted.is_empty else moments.keys_passing(session, space, wanted, FEW_KEYS)
    total = count_vectors(session, space) if among is None else len(among)
    keys = None if among is None else np.array(sorted(among), dtype=np.int64)
    depth = limit * 4
    while True:
        near = indexes.nearest(space, query, depth, keys)
        found = moments.passing(session, space, near.keys.tolist(), wanted)
        best: dict[int, Candidate] = {}
        for key, score in zip(near.keys.tolist(), near.scores.tolist(), strict=True):
            if key in found:
                moment_id, asset_id = found[key]
                best.setdefault(asset_id, Candidate(asset_id, moment_id, score, key))
        if len(best) >= limit or depth >= total or len(near.keys) < depth:
            return list(best.values())[:limit]
        depth *= GROWTH


def matching_words(
    session: Session, expression: str | None, wanted: Filter, limit: int
) -> list[Candidate]:
    """Return the assets whose words match a full-text expression and that pass, best first."""
    if expression is None:
        return []
    found = fulltext.match(session, expression, wanted, limit * 2)
    first = moments.first_moments(session, {match.asset_id for match in found})
    best: dict[int, Candidate] = {}
    for match in found:
        moment_id = match.moment_id or first.get(match.asset_id)
        if moment_id is not None:
            candidate = Candidate(match.asset_id, moment_id, -match.rank, passage=match.passage)
            best.setdefault(match.asset_id, candidate)
    return list(best.values())[:limit]
