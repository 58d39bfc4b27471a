"""Ask an Immich for its assets, a page at a time, in the form of its version."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from mediaindex.clients.immich_answers import Odd, items, read_assets
from mediaindex.clients.immich_shapes import Asset, Wanted
from mediaindex.clients.immich_versions import Abilities

SHOWN = ("timeline", "archive", "hidden")
"""All but what is locked, which must not even be named: Immich refuses such a question."""

MOST_SIZE = 1000
MOST_PAGES = 20_000
"""Twenty million assets."""

Ask = Callable[[Mapping[str, Any]], Any]
"""Sends a body to `/search/metadata` and returns the JSON."""


def searched(ask: Ask, can: Abilities, wanted: Wanted, page_size: int) -> Iterator[list[Asset]]:
    """Yield what is wanted, each asset once.

    Raises:
        Odd: An answer is not as it should be, or never ends.
    """
    beside: dict[str, Any] = {"size": max(1, min(int(page_size), MOST_SIZE))}
    if not wanted.bare:
        beside |= {"withExif": True, "withPeople": True}
    seen: set[str] = set()
    for body in _trees(wanted) if can.filter_tree else _flats(can, wanted):
        pages = _by_cursor if can.filter_tree else _by_number
        for raw in pages(ask, {**body, **beside}, steady=can.steady_pages):
            fresh = [asset for asset in read_assets(raw) if asset.id not in seen]
            seen.update(asset.id for asset in fresh)
            if fresh:
                yield fresh


def _flats(can: Abilities, wanted: Wanted) -> Sequence[dict[str, Any]]:
    """Return the bodies of the flat form; a field that a version does not know, it drops."""
    body: dict[str, Any] = {}
    if wanted.updated_after is not None:
        body["updatedAfter"] = wanted.updated_after
    if wanted.album_id is not None:
        body["albumIds"] = [wanted.album_id]
    if wanted.tag_id is not None:
        body["tagIds"] = [wanted.tag_id]
    if wanted.trashed:
        body["withDeleted"] = True
    if can.whole_search:
        return [body]
    if can.visibility:
        return [{**body, "visibility": one} for one in SHOWN]
    return [{**body, "withArchived": True}]


def _trees(wanted: Wanted) -> Sequence[dict[str, Any]]:
    """Return the bodies with a filter, which without `trashedAt` would bring the trash too."""
    tree: dict[str, Any] = {"visibility": {"in": list(SHOWN)}}
    if wanted.updated_after is not None:
        tree["updatedAt"] = {"gte": wanted.updated_after}
    if wanted.album_id is not None:
        tree["albumIds"] = {"any": [wanted.album_id]}
    if wanted.tag_id is not None:
        tree["tagIds"] = {"any": [wanted.tag_id]}
    asked = [{**tree, "trashedAt": {"eq": None}}]
    if wanted.trashed:
        asked.append({**tree, "trashedAt": {"ne": None}})
    return [{"filter": one} for one in asked]


def _by_cursor(ask: Ask, body: Mapping[str, Any], *, steady: bool) -> Iterator[Sequence[Any]]:
    del steady
    ids: set[str] = set()
    told: set[str] = set()
    found, cursor = _page(ask(body), "nextCursor")
    while _brings(found, ids):
        yield found
        if cursor is None or cursor in told:
            return
        if not isinstance(cursor, str) or len(told) >= MOST_PAGES:
            raise Odd("pages that never end")
        told.add(cursor)
        found, cursor = _page(ask({**body, "cursor": cursor}), "nextCursor")


def _by_number(ask: Ask, body: Mapping[str, Any], *, steady: bool) -> Iterator[Sequence[Any]]:
    ids: set[str] = set()
    number = 1
    found, after = _page(ask({**body, "page": number}), "nextPage")
    while _brings(found, ids):
        yield found
        following = _number(after)
        if following is None or following <= number:
            return
        if following > MOST_PAGES:
            raise Odd("pages that never end")
        last, number = found[-1], following
        found, after = _page(ask({**body, "page": number}), "nextPage")
        if not steady and found:
            yield from _tied(ask, body, last, found[0])


def _tied(
    ask: Ask, body: Mapping[str, Any], last: object, first: object
) -> Iterator[Sequence[Any]]:
    """Yield all of the moment that a page's end parted.

    Before v3, what was taken in the same moment lies otherwise for every page, so that one of them
    may be on none.
    """
    moments = {one.get("fileCreatedAt") if isinstance(one, dict) else None for one in (last, first)}
    moment = moments.pop()
    if moments or not isinstance(moment, str):
        return
    try:
        # It stands there in ms, and may be finer.
        end = datetime.fromisoformat(moment) + timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise Odd("an asset that has no date") from error
    text = end.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    window = {"takenAfter": moment, "takenBefore": text, "size": MOST_SIZE, "page": 1}
    yield _page(ask({**body, **window}), "nextPage")[0]


def _brings(found: Sequence[Any], ids: set[str]) -> bool:
    """Return whether a page holds what no page before it held, and note what it holds."""
    before = len(ids)
    ids.update(str(one.get("id")) for one in found if isinstance(one, dict))
    return len(ids) > before


def _page(answer: object, following: str) -> tuple[Sequence[Any], Any]:
    """Return what a page holds, and what it says of the next."""
    assets = answer.get("assets") if isinstance(answer, dict) else None
    if not isinstance(assets, dict):
        raise Odd("a search that found neither something nor nothing")
    return items(assets.get("items"), "assets"), assets.get(following)


def _number(text: object) -> int | None:
    """Return a page's number, which comes as text; None: there is no other."""
    if text is None:
        return None
    if isinstance(text, bool) or not str(text).isascii() or not str(text).isdigit():
        raise Odd("a next page that has no number")
    return int(str(text)[:9])
