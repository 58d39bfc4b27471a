"""Three rankings of the same question: pictures, words as vectors, words as they stand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from sqlalchemy.orm import Session

from mediaindex.search import narrow
from mediaindex.store import fulltext, moments
from mediaindex.store.filters import Filter
from mediaindex.types import Keys, Near, Space, Vectors
from mediaindex.vectors.indexes import Indexes

FEW_KEYS = 50_000
"""A filter that so many vectors pass at most can be answered by comparing just these."""

PAGED_SHARE = 0.2
"""Where more than this share passes, looking further down the ranking is quicker than that."""

GROWTH = 8
"""How much further down the next look goes, where the guess fell short."""


Each = Literal["asset", "moment"]
"""What there may be only one hit of."""


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
    #: No nearer than chance brings one; only pictures are judged.
    weak: bool = False
    #: What was found holds for the whole asset, and any moment stands for it.
    is_whole: bool = False

    def id(self, each: Each) -> int:
        """Return what there may be only one hit of."""
        return self.asset_id if each == "asset" else self.moment_id


def nearest_moments(
    session: Session,
    indexes: Indexes,
    space: Space,
    query: Vectors,
    wanted: Filter,
    limit: int,
    each: Each = "asset",
) -> list[Candidate]:
    """Return the best moment of each of the `limit` nearest assets that pass `wanted`, best first.

    Args:
        session: An open session; only read from.
        indexes: Where the vectors of `space` are.
        space: Pictures or texts of the model that made `query`.
        query: float32 (dim,), unit length.
        wanted: Acts inside: a filter never starves the result.
        limit: At most this many.
        each: `moment` for all moments of an asset instead of its best.
    """
    keys, depth = None, limit * 5 // 4
    if not wanted.is_empty:
        keys, depth = _narrowed(session, indexes, space, wanted, depth)
    total = indexes.exact.count(space) if keys is None else len(keys)
    while True:
        near = indexes.nearest(space, query, depth, keys)
        passing = moments.passing(session, space, near.keys.tolist(), wanted)
        best = _best_of_each(near, passing, each)
        if len(best) >= limit or len(near.keys) < depth or depth >= total:
            return best[:limit]
        depth = min(total, depth * GROWTH)


def _narrowed(
    session: Session, indexes: Indexes, space: Space, wanted: Filter, depth: int
) -> tuple[Keys | None, int]:
    """Return the keys to compare, None for all, and how far down the ranking to look at first."""
    known = indexes.facets.read()
    names = narrow.of_names(wanted)
    if known is not None and names.is_empty:
        mask = narrow.passing_assets(known.assets, wanted)
        for expression in wanted.said:
            mask &= narrow.listed(moments.assets_saying(session, expression), len(mask))
        for expression in wanted.unsaid:
            mask &= ~narrow.listed(moments.assets_saying(session, expression), len(mask))
        return narrow.keys_of(known, mask), depth
    share = moments.share_passing(session, space, wanted)
    if share < PAGED_SHARE:
        if known is not None:
            ids = moments.assets_passing(session, wanted)
            return narrow.keys_of(known, narrow.listed(ids, len(known.assets))), depth
        among = moments.keys_passing(session, space, wanted, FEW_KEYS)
        if among is not None:
            return np.array(sorted(among), dtype=np.int64), depth
    return None, round(depth / max(share, 0.01))


def _best_of_each(near: Near, found: Mapping[int, tuple[int, int]], each: Each) -> list[Candidate]:
    best: dict[int, Candidate] = {}
    for key, score in zip(near.keys.tolist(), near.scores.tolist(), strict=True):
        if key in found:
            moment_id, asset_id = found[key]
            candidate = Candidate(asset_id, moment_id, score, key)
            best.setdefault(candidate.id(each), candidate)
    return list(best.values())


def placed(candidates: Sequence[Candidate], pictures: Sequence[Candidate]) -> list[Candidate]:
    """Return what holds for a whole asset with that moment of it that looks best.

    Args:
        candidates: What was found, by words or as vectors of words.
        pictures: The moments that look like the question, best first.
    """
    best: dict[int, int] = {}
    for picture in pictures:
        best.setdefault(picture.asset_id, picture.moment_id)
    return [
        replace(found, moment_id=best.get(found.asset_id, found.moment_id))
        if found.is_whole
        else found
        for found in candidates
    ]


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
            candidate = Candidate(
                match.asset_id,
                moment_id,
                -match.rank,
                passage=match.passage,
                is_whole=match.moment_id is None,
            )
            best.setdefault(match.asset_id, candidate)
    return list(best.values())[:limit]
