"""Find by itself which of Immich's folders is which of ours. Touches neither disk nor database."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mediaindex.immich.account import PathPair
from mediaindex.store.immich_paths import parts

TRIED = 100
"""So many pairs are tried, those that most speaks for first."""

TELLING = 3
"""Photos of so many different sizes in two folders do not agree by chance."""

Names = tuple[str, ...]
"""The names in a path, composed."""


@dataclass(frozen=True)
class Theirs:
    """One asset of Immich's."""

    path: str
    #: None: it does not say.
    size_bytes: int | None


@dataclass(frozen=True)
class Ours:
    """One file of ours."""

    #: Of its library, absolute.
    root: str
    #: Absolute.
    path: str
    size_bytes: int


@dataclass(frozen=True)
class FoundPair:
    """Two folders that seem to be one."""

    pair: PathPair
    #: So many of the sample lie here as they lie there.
    agree: int
    #: So many of the sample lie in Immich's folder, and nowhere in ours.
    lacking: int


@dataclass(frozen=True)
class Proposal:
    """What a person may confirm."""

    pairs: tuple[FoundPair, ...]
    #: So many of the sample lie in none of the folders.
    elsewhere: int

    @property
    def paths(self) -> tuple[PathPair, ...]:
        """The pairs alone."""
        return tuple(found.pair for found in self.pairs)


@dataclass(frozen=True)
class _Pair:
    theirs: Names
    ours: Names


def find_pairs(samples: Sequence[Theirs], ours: Iterable[Ours]) -> Proposal:
    """Return which folders seem to be one, those that most agrees in first.

    Files of one name (and size, where Immich tells it) propose the folders above what their paths
    have in common; then the pair that explains most of the sample is taken, and again of the rest.
    A camera's names (IMG_0001.jpg) stand in hundreds of folders: what explains only files that
    another pair explains already is taken only where sizes speak for it.

    Args:
        samples: Some of Immich's assets, from all over its folders.
        ours: Our files; those with no name of the sample's need not be among them.
    """
    known = _Known(samples, ours)
    left, taken = set(range(len(samples))), list[_Pair]()
    candidates = [pair for pair, _ in known.proposed().most_common(TRIED)]
    while candidates:
        explained = {pair: known.explained(pair) & left for pair in candidates}
        best = max(candidates, key=lambda pair: (len(explained[pair]), -len(pair.theirs)))
        candidates.remove(best)
        if not explained[best]:
            break
        if known.is_credible(best, explained[best], taken):
            taken.append(best)
            left -= explained[best]
    return known.proposal(taken)


class _Known:
    def __init__(self, samples: Sequence[Theirs], ours: Iterable[Ours]) -> None:
        self._samples = [(parts(sample.path), sample.size_bytes) for sample in samples]
        names = {path[-1] for path, _ in self._samples if path}
        self._sizes: dict[Names, int] = {}
        self._roots: dict[Names, int] = {}
        self._named: Mapping[str, list[Names]] = defaultdict(list)
        for file in ours:
            path = parts(file.path)
            if path and path[-1] in names:
                self._sizes[path] = file.size_bytes
                self._roots[path] = len(parts(file.root))
                self._named[path[-1]].append(path)

    def proposed(self) -> Counter[_Pair]:
        """Return what speaks for each pair of folders: a file of which there is one says most."""
        votes: Counter[_Pair] = Counter()
        for path, size in self._samples:
            alike = self._alike(path, size)
            for ours in alike:
                pair = self._above(path, ours)
                if pair:
                    # In thousandths: a counter holds whole numbers.
                    votes[pair] += 1 + 1000 // len(alike)
        return votes

    def explained(self, pair: _Pair) -> set[int]:
        """Return which of the sample lie here where the pair says."""
        return {
            number
            for number, (path, size) in enumerate(self._samples)
            if _is_below(path, pair.theirs) and self._is_there(_swapped(path, pair), size)
        }

    def is_credible(self, pair: _Pair, explained: set[int], taken: Sequence[_Pair]) -> bool:
        """Return whether what a pair explains is more than chance."""
        sizes = {self._samples[number][1] for number in explained} - {None}
        alone = sum(len(self._alike(*self._samples[number])) == 1 for number in explained)
        if len(sizes) >= TELLING and alone * 2 > len(explained):
            return True
        fresh = sum(
            not any(_is_below(_swapped(self._samples[number][0], pair), one.ours) for one in taken)
            for number in explained
        )
        below = sum(_is_below(path, pair.theirs) for path, _ in self._samples)
        return fresh * 2 > len(explained) and len(explained) * 2 >= below

    def proposal(self, taken: Sequence[_Pair]) -> Proposal:
        """Return what was found, with its numbers."""
        lying: Counter[_Pair] = Counter()
        agreeing: Counter[_Pair] = Counter()
        for path, size in self._samples:
            above = [pair for pair in taken if _is_below(path, pair.theirs)]
            if above:
                pair = max(above, key=lambda pair: len(pair.theirs))
                lying[pair] += 1
                agreeing[pair] += self._is_there(_swapped(path, pair), size)
        found = [
            FoundPair(
                PathPair("/" + "/".join(pair.theirs), "/" + "/".join(pair.ours)),
                agreeing[pair],
                lying[pair] - agreeing[pair],
            )
            for pair in taken
        ]
        found.sort(key=lambda one: -one.agree)
        return Proposal(tuple(found), len(self._samples) - lying.total())

    def _alike(self, path: Names, size: int | None) -> list[Names]:
        named = self._named.get(path[-1], []) if path else []
        return [ours for ours in named if size is None or self._sizes[ours] == size]

    def _is_there(self, ours: Names, size: int | None) -> bool:
        found = self._sizes.get(ours)
        return found is not None and (size is None or size == found)

    def _above(self, theirs: Names, ours: Names) -> _Pair | None:
        """Return the highest folders below which two paths are alike; ours is in one library."""
        most = min(len(theirs) - 1, len(ours) - self._roots[ours])
        alike = 0
        while alike < most and theirs[-1 - alike] == ours[-1 - alike]:
            alike += 1
        return _Pair(theirs[:-alike], ours[:-alike]) if alike else None


def _is_below(path: Names, folder: Names) -> bool:
    return len(path) > len(folder) and path[: len(folder)] == folder


def _swapped(path: Names, pair: _Pair) -> Names:
    return pair.ours + path[len(pair.theirs) :]
