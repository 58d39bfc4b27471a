"""Neighbouring moments of a video that were found are one stretch of it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from mediaindex.search.hits import Hit

UPPER = 0.5
"""Moments join where they lie in the upper half of the likenesses found: in a small library every
moment is found somewhere."""


def merged(hits: Sequence[Hit]) -> list[Hit]:
    """Return the hits with moments that follow each other as one, in the place of the best.

    It keeps the best one's frame (`at_ms`) and gets the span of all. Weak moments join none, and
    nor do those that hardly look like the question, unless they say all that was asked for.
    """
    ends = {
        hit.shown.moment_id: (run[0].shown.start_ms, run[-1].shown.end_ms)
        for run in _runs(_joining(hits))
        for hit in run
    }
    found: dict[tuple[int, int, int], Hit] = {}
    for hit in hits:
        start_ms, end_ms = ends.get(hit.shown.moment_id, (hit.shown.start_ms, hit.shown.end_ms))
        shown = replace(hit.shown, start_ms=start_ms, end_ms=end_ms)
        found.setdefault((shown.asset_id, start_ms, end_ms), replace(hit, shown=shown))
    return list(found.values())


def _joining(hits: Sequence[Hit]) -> list[Hit]:
    alike = {hit.shown.moment_id: likeness for hit in hits for likeness in _likeness(hit)}
    least, most = min(alike.values(), default=0.0), max(alike.values(), default=0.0)
    bar = least + UPPER * (most - least)
    return [
        hit
        for hit in hits
        if not hit.weak
        and (
            any(reason.says_all for reason in hit.why)
            or alike.get(hit.shown.moment_id, bar - 1) >= bar
        )
    ]


def _runs(hits: Sequence[Hit]) -> Iterator[list[Hit]]:
    """Yield moments that follow each other without a gap, in order of time."""
    run: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.shown.asset_id, hit.shown.start_ms)):
        last = run[-1].shown if run else None
        if last and (last.asset_id, last.end_ms) != (hit.shown.asset_id, hit.shown.start_ms):
            yield run
            run = []
        run.append(hit)
    if run:
        yield run


def _likeness(hit: Hit) -> list[float]:
    """Return how much it looks like the question, if that is why it was found."""
    said = (reason.similarity for reason in hit.why if reason.by == "picture")
    return [similarity for similarity in said if similarity is not None]
