"""What speaks for a hit in each ranking, and which of a video's moments stands for it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mediaindex.search.fuse import Fused, K
from mediaindex.search.hits import Reason
from mediaindex.search.retrieve import Candidate, Each
from mediaindex.store.fulltext import Passage


@dataclass
class Place:
    """Where a ranking has something."""

    ranking: str
    #: The first is 1.
    rank: int
    candidate: Candidate


Places = dict[int, dict[str, Place]]
"""The best place that something has in each ranking, by its id and the ranking's name."""


@dataclass(frozen=True)
class Found:
    """What was found, before it is read what is shown of it."""

    moment_id: int
    score: float
    why: tuple[Reason, ...]


def places_of(
    rankings: Mapping[str, Sequence[Candidate]], each: Each, ids: Collection[int]
) -> Places:
    """Return the best place that each of `ids` has in each ranking, of those that have it."""
    found: Places = {id_: {} for id_ in ids}
    for name, candidates in rankings.items():
        for rank, candidate in enumerate(candidates, start=1):
            mine = found.get(candidate.id(each))
            if mine is not None and name not in mine:
                mine[name] = Place(name, rank, candidate)
    return found


def described(
    captions: Sequence[Candidate], words: Sequence[Candidate], each: Each
) -> tuple[int, ...]:
    """Return the ids of the ranking of captions: what a person says in so many words goes first.

    A person who says all that was asked for outranks every model that says it too, in this ranking
    as in that of the words. How things look still counts for each by itself.
    """
    told = [candidate.id(each) for candidate in words if candidate.says == "person"]
    return tuple(dict.fromkeys([*told, *(candidate.id(each) for candidate in captions)]))


def found(
    item: Fused,
    places: Sequence[Place],
    weights: Mapping[str, float],
    passages: Mapping[int, Passage],
) -> Found:
    """Return what was found with why, each ranking's reason in their order."""
    reasons = tuple(_reason(place, passages) for place in places)
    return Found(_moment(places, weights), item.score, reasons)


def _moment(places: Sequence[Place], weights: Mapping[str, float]) -> int:
    """Return the moment that is shown: that says all that was asked for, else has most for it."""
    own = [place for place in places if not place.candidate.is_whole]
    for place in own:
        if place.ranking == "words" and place.candidate.says != "some":
            return place.candidate.moment_id
    votes: dict[int, float] = {}
    for place in own:
        if not place.candidate.weak:
            vote = weights[place.ranking] / (K + place.rank)
            moment_id = place.candidate.moment_id
            votes[moment_id] = votes.get(moment_id, 0.0) + vote
    return max(votes, key=votes.__getitem__) if votes else places[0].candidate.moment_id


def _reason(place: Place, passages: Mapping[int, Passage]) -> Reason:
    candidate, name = place.candidate, place.ranking
    if name != "words":
        return Reason(name, place.rank, candidate.score, weak=candidate.weak)
    passage = passages.get(candidate.document_id)
    return Reason(
        name,
        place.rank,
        passage=passage.text if passage else None,
        source=passage.source if passage else None,
        says_all=candidate.says != "some" and not candidate.is_whole,
    )
