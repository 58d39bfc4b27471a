"""Bring rankings together, and questions of several parts into one vector."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from mediaindex.types import Vectors

K = 60
"""Cormack, Clarke, Buettcher: Reciprocal Rank Fusion (SIGIR 2009); with it the first few ranks
differ little, and to stand in two rankings outweighs a better place in one."""

EXCLUSION = 0.5
"""How much of an excluded meaning is taken away. All of it would turn the question over: it would
find whatever is least like the excluded, and not what was asked for."""


@dataclass(frozen=True)
class Ranking:
    """One way of answering: ids, best first."""

    name: str
    weight: float
    ids: tuple[int, ...]


class Fused(NamedTuple):
    """One id in the common ranking."""

    id: int
    #: 0 to 1; 1 is first in every ranking.
    score: float


def fuse(rankings: Sequence[Ranking]) -> list[Fused]:
    """Return all ids of all rankings, best first, equals by id: weighted reciprocal-rank fusion.

    Each ranking gives its weight over (60 + rank); what is in several gets the sum.
    """
    best = sum(ranking.weight for ranking in rankings) / (K + 1)
    if best <= 0:
        return []
    scores: dict[int, float] = {}
    for ranking in rankings:
        for rank, found in enumerate(dict.fromkeys(ranking.ids), start=1):
            scores[found] = scores.get(found, 0.0) + ranking.weight / (K + rank)
    fused = [Fused(found, score / best) for found, score in scores.items()]
    return sorted(fused, key=lambda item: (-item.score, item.id))


def combine_terms(
    vectors: Vectors, weights: Sequence[float], excluded: Vectors | None = None
) -> Vectors:
    """Return one direction to look in: the weighted sum, less what is excluded.

    Args:
        vectors: float32 (n, dim), unit rows, n >= 1.
        weights: One for each; a negative one pushes away.
        excluded: float32 (m, dim), unit rows, or None. Only what is in them and not in the wanted
            is taken away, so that "beach -people" does not move away from beaches.

    Returns:
        float32 (dim,), unit length.
    """
    wanted = np.asarray(weights, dtype=np.float32) @ vectors
    wanted = _unit(wanted)
    for row in excluded if excluded is not None else ():
        apart = row - (row @ wanted) * wanted
        if float(np.linalg.norm(apart)) > 1e-6:
            wanted = wanted - EXCLUSION * _unit(apart)
    return _unit(wanted)


def _unit(vector: Vectors) -> Vectors:
    length = float(np.linalg.norm(vector))
    scaled: Vectors = (vector / length if length > 0 else vector).astype(np.float32)
    return scaled
