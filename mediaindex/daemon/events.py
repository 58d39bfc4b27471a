"""What happens in the daemon, told to whoever listens."""

import queue
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

Kind = Literal["library", "sweep", "progress", "daemon", "immich"]

BACKLOG = 1000
"""So many events wait for a listener that is slow; more, and it loses the oldest."""


@dataclass(frozen=True)
class Event:
    """One thing that happened."""

    #: `library`: it went offline or came back, or how it is watched changed. `sweep`: one ended.
    #: `progress`: what the stages did. `daemon`: what it does as a whole. `immich`: a reading of it
    #: ended.
    kind: Kind
    #: JSON values.
    data: Mapping[str, Any]
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


class Events:
    """Passes events on to any number of listeners; from any thread, and nobody ever waits."""

    def __init__(self) -> None:
        self._listeners: set[queue.Queue[Event]] = set()
        self._lock = threading.Lock()

    def tell(self, kind: Kind, **data: Any) -> None:  # noqa: ANN401 - any JSON values
        """Tell everybody who listens now."""
        event = Event(kind, data)
        with self._lock:
            for listener in self._listeners:
                if listener.full():
                    listener.get_nowait()
                listener.put_nowait(event)

    @contextmanager
    def listen(self) -> Iterator["queue.Queue[Event]"]:
        """Give a queue that gets all that happens from now on, until the end of the block."""
        listener: queue.Queue[Event] = queue.Queue(BACKLOG)
        with self._lock:
            self._listeners.add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                self._listeners.discard(listener)

    @property
    def listeners(self) -> int:
        """How many listen."""
        return len(self._listeners)
