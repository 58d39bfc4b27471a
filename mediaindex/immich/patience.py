"""Wait where Immich has too much to do, as it asks, and then try again; but not for ever."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import Asset, Wanted
from mediaindex.errors import ServerBusy

TRIES = 5

MOST_WAIT_S = 60.0

LOOK_S = 0.2

T = TypeVar("T")


def patiently(act: Callable[[], T], is_over: Callable[[], bool]) -> T:
    """Do what may be done again, up to five times while Immich is busy.

    Raises:
        ServerBusy: It still is, or it is over; and what `act` raises.
    """
    for attempt in range(1, TRIES):
        try:
            return act()
        except ServerBusy as busy:
            if is_over():
                raise
            _wait(2.0 ** (attempt - 1) if busy.after_s is None else busy.after_s, is_over)
    return act()


def listed(client: ImmichClient, wanted: Wanted, is_over: Callable[[], bool]) -> Iterator[Asset]:
    """Yield the assets that are asked for, each once, also where Immich was busy in between."""
    met = set[str]()
    pages = client.pages(wanted)

    def another() -> list[Asset] | None:
        nonlocal pages
        try:
            page = next(pages, None)
        except ServerBusy:
            pages = client.pages(wanted)  # that one is over
            raise
        return None if page is None else [one for one in page if one.id not in met]

    while (new := patiently(another, is_over)) is not None:
        met.update(one.id for one in new)
        yield from new


def _wait(seconds: float, is_over: Callable[[], bool]) -> None:
    until = time.monotonic() + min(seconds, MOST_WAIT_S)
    while (rest := until - time.monotonic()) > 0 and not is_over():
        time.sleep(min(rest, LOOK_S))
