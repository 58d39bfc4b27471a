"""Which files that are gone from one place are those that appeared at another.

Decides from what a folder lists; knows no disk. Whoever is wrong here would give a file the
pictures of another, so what might be either is read instead.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

FINE_NS = 1_000_000
"""A time that is finer than a millisecond was hardly given twice to files of one size."""

MOST_ALIKE = 100
"""More files of one name, size and time are not told apart by their folders."""


@dataclass(frozen=True)
class Trace:
    """What is known of a file without reading it."""

    id: int
    #: Relative to the library's root.
    folder: str
    name: str
    size_bytes: int
    mtime_ns: int


def match(gone: Iterable[Trace], fresh: Iterable[Trace]) -> dict[int, int]:
    """Return which files that are gone (ids) are which that appeared (ids).

    They are the same in size and time, and in name; or their time is so fine that none but these
    two have it.
    """
    before, after = _alike(gone), _alike(fresh)
    found: dict[int, int] = {}
    for alike in before.keys() & after.keys():
        found.update(_same_name(before[alike], after[alike]))
        if len(before[alike]) == len(after[alike]) == 1 and alike[1] % FINE_NS:
            found[before[alike][0].id] = after[alike][0].id
    return found


def _alike(traces: Iterable[Trace]) -> dict[tuple[int, int], list[Trace]]:
    found: dict[tuple[int, int], list[Trace]] = defaultdict(list)
    for trace in traces:
        if trace.size_bytes:
            found[trace.size_bytes, trace.mtime_ns].append(trace)
    return found


def _same_name(gone: Sequence[Trace], fresh: Sequence[Trace]) -> Iterator[tuple[int, int]]:
    before, after = defaultdict(list), defaultdict(list)
    for trace in gone:
        before[trace.name].append(trace)
    for trace in fresh:
        after[trace.name].append(trace)
    for name in before.keys() & after.keys():
        if max(len(before[name]), len(after[name])) <= MOST_ALIKE:
            yield from _by_folder(before[name], after[name])


def _by_folder(gone: Sequence[Trace], fresh: Sequence[Trace]) -> Iterator[tuple[int, int]]:
    """Yield those of one name that are each other's only nearest, by the ends of their folders."""
    nearest_to_gone = {old.id: _nearest(old, fresh) for old in gone}
    nearest_to_fresh = {new.id: _nearest(new, gone) for new in fresh}
    for old_id, new_id in nearest_to_gone.items():
        if new_id is not None and nearest_to_fresh[new_id] == old_id:
            yield old_id, new_id


def _nearest(trace: Trace, others: Sequence[Trace]) -> int | None:
    shared = [(_shared_end(trace.folder, other.folder), other.id) for other in others]
    most = max(shared)[0]
    nearest = [id_ for length, id_ in shared if length == most]
    return nearest[0] if len(nearest) == 1 else None


def _shared_end(one: str, other: str) -> int:
    """Return how many folders, from the innermost out, are named the same."""
    count = 0
    for here, there in zip(reversed(one.split("/")), reversed(other.split("/")), strict=False):
        if here != there:
            break
        count += 1
    return count
