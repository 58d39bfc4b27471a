"""End what is asked of Immich as soon as it is to end, and not when its answer comes."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from mediaindex.clients.immich import ImmichClient
from mediaindex.errors import BrokenOff, MediaIndexError

LOOK_S = 0.5


@contextmanager
def broken_off(client: ImmichClient, stop: threading.Event) -> Iterator[None]:
    """Close a client when `stop` is set, or at the end of the block.

    Raises:
        BrokenOff: It was set, and what was on its way was cut.
    """
    is_over = threading.Event()

    def watch() -> None:
        while not is_over.is_set():
            if stop.wait(LOOK_S):
                client.close()
                return

    threading.Thread(target=watch, name="end of reading", daemon=True).start()
    try:
        yield
    except BrokenOff:
        raise
    except MediaIndexError as error:
        if stop.is_set():
            raise BrokenOff("the reading of Immich was ended; the next one goes on") from error
        raise
    finally:
        is_over.set()
        client.close()
