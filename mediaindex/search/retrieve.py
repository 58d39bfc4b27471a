"""Rankings of the same question: pictures, words as vectors, words as they stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

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


Says = Literal["person", "all", "some"]
"""A person says all words asked for; all of them stand somewhere; or some do."""


@dataclass(frozen=True)
class Asked:
    """The words of a question as expressions of full text; None: there are none."""

    some: str | None
    all: str | None

    def tiers(self) -> Iterator[tuple[Says, str]]:
        """Yield who says what and its expression, the best first."""
        if self.all is not None:
            yield "person", fulltext.by_person(self.all)
            yield "all", self.all
        if self.some is not None and self.some != self.all:
            yield "some", self.some


class Candidate(NamedTuple):
    """One moment in one ranking. A question makes hundreds of them."""

    asset_id: int
    moment_id: int
    #: The cosine; of full text, its rank value negated, so that more is better.
    score: float
    #: Of the vector that is near; 0 for full text.
    key: int = 0
    #: Of full text, where the words stand, and how much of what was asked for they say.
    document_id: int = 0
    says: Says = "some"
    #: No nearer than chance brings one; only pictures are marked so.
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
        space: Pictures, texts or captions of the model that made `query`.
        query: float32 (dim,), unit length.
        wanted: Acts inside: a filter never starves the result.
        limit: At most this many.
        each: `moment` for all moments of an asset instead of its best.
    """
    keys, depth = None, limit * 5 // 4
    if not wanted.is_empty:
        keys, depth = _narrowed(session, indexes, space, wanted, depth)
    while True:
        near = indexes.nearest(space, query, depth, keys)
        passing = moments.passing(session, space, near.keys.tolist(), wanted)
        best = _best_of_each(near, passing, each)
        if len(best) >= limit or len(near.keys) < depth:
            return best[:limit]
        total = indexes.exact.count(space) if keys is None else len(keys)
        if depth >= total:
            return best
        depth = min(total, depth * GROWTH)


def _narrowed(
    session: Session, indexes: Indexes, space: Space, wanted: Filter, depth: int
) -> tuple[Keys | None, int]:
    """Return the keys to compare, None for all, and how far down the ranking to look at first."""
    known = indexes.facets.read()
    names = narrow.of_names(wanted)
    if known is not None and names.is_empty:
        mask = narrow.passing_assets(known.assets, wanted)
        for words in (*wanted.said, *wanted.said_here):
            mask &= narrow.listed(moments.assets_saying(session, words), len(mask))
        for words in wanted.unsaid:
            mask &= ~narrow.listed(moments.assets_saying(session, words, whole=True), len(mask))
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
            id_ = asset_id if each == "asset" else moment_id
            if id_ not in best:
                best[id_] = Candidate(asset_id, moment_id, score, key)
    return list(best.values())


def placed(candidates: Sequence[Candidate], pictures: Sequence[Candidate]) -> list[Candidate]:
    """Return what holds for a whole asset with that moment of it that looks best.

    Args:
        candidates: What was found, by words or as vectors of words.
        pictures: The moments that look like the question, best first.
    """
    if not any(found.is_whole for found in candidates):
        return list(candidates)
    best: dict[int, int] = {}
    for picture in pictures:
        best.setdefault(picture.asset_id, picture.moment_id)
    return [
        found._replace(moment_id=best[found.asset_id])
        if found.is_whole and found.asset_id in best
        else found
        for found in candidates
    ]


def matching_words(
    session: Session, asked: Asked, wanted: Filter, limit: int, each: Each = "asset"
) -> list[Candidate]:
    """Return what is said in the words asked for and passes, best first.

    Where a person says all of them comes first, then what else says all, then what says some.

    Args:
        session: An open session; only read from.
        asked: The words.
        wanted: Acts inside: a filter never starves the result.
        limit: At most this many.
        each: `moment` for all moments of an asset instead of its best.
    """
    best: dict[tuple[int, int | None], Candidate] = {}
    for says, expression in asked.tiers():
        if len(best) >= limit:
            break
        found = _said(session, expression, wanted, limit, each)
        if not found:
            continue
        first = moments.first_moments(session, {match.asset_id for match in found}, wanted)
        for match in found:
            moment_id = match.moment_id or first.get(match.asset_id)
            if moment_id is None:
                continue
            key = match.asset_id, None if each == "asset" else match.moment_id
            known = best.get(key)
            if known is None:
                best[key] = _candidate(match, moment_id, says)
            elif known.is_whole and match.moment_id and says != "some":
                # The asset says it, and so does this moment of it: the one to be shown.
                best[key] = known._replace(moment_id=moment_id, is_whole=False)
    return list(best.values())[:limit]


def _said(
    session: Session, expression: str, wanted: Filter, limit: int, each: Each
) -> list[fulltext.Match]:
    """Return documents of enough assets, however many the moments are that say the same."""
    depth = limit * 2
    while True:
        found = fulltext.match(session, expression, wanted, depth)
        if (
            each == "moment"
            or len(found) < depth
            or len({match.asset_id for match in found}) >= limit
        ):
            return found
        depth *= GROWTH


def _candidate(match: fulltext.Match, moment_id: int, says: Says) -> Candidate:
    return Candidate(
        match.asset_id,
        moment_id,
        -match.rank,
        document_id=match.document_id,
        says=says,
        is_whole=match.moment_id is None,
    )
