"""Be a good neighbour: know when Immich itself needs the graphics card that describes pictures."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing

from mediaindex.clients import wire
from mediaindex.clients.immich_shapes import Queue
from mediaindex.config import Config
from mediaindex.errors import MediaIndexError
from mediaindex.immich.account import open_client
from mediaindex.immich.accounts import accounts as every_account
from mediaindex.store.database import Database

log = logging.getLogger(__name__)

ON_THE_CARD = {
    "smartSearch": "preparing its search",
    "faceDetection": "looking for faces",
    "facialRecognition": "telling faces apart",
    "ocr": "reading text in photos",
}
"""Immich's queues whose work a graphics card does, and what that is."""

ASKED_EVERY_S = 15.0
"""What it said serves for so long, whoever asks."""

LOOK_AGAIN_S = 30.0
"""Who waits for it looks again after so long."""

STUCK_S = 12 * 3600.0
"""Nothing of its work got less for so long: it is stuck, and nobody is there to see to it."""

ANSWERS_WITHIN_S = 4.0


class Patience:
    """Decides whether to wait, by what the queues said; the clock is passed in."""

    def __init__(self) -> None:
        #: Whether waiting was given up, for nothing moves there.
        self.is_over = False
        self._before: dict[str, int] = {}
        self._moved_at = 0.0

    def look(self, queues: Sequence[Queue], at_s: float) -> str | None:
        """Return what Immich is doing on the card and how much is left of it; None: do not wait.

        Args:
            queues: All of its queues.
            at_s: Seconds on any clock that only goes forward.
        """
        left = {queue.name: to_do(queue) for queue in queues if queue.name in ON_THE_CARD}
        has_moved = any(left.get(name, 0) < before for name, before in self._before.items())
        if has_moved or not any(self._before.values()):
            self._moved_at = at_s
        self._before = left
        self.is_over = at_s - self._moved_at >= STUCK_S
        if self.is_over or not any(left.values()):
            return None
        busiest = max(left, key=lambda name: left[name])
        return f"Immich is {ON_THE_CARD[busiest]}: {left[busiest]:,} to go"


def to_do(queue: Queue) -> int:
    """Return how much a queue has to do yet; what waits in a paused one waits for a person."""
    return queue.active + (0 if queue.is_paused else queue.waiting)


class Neighbour:
    """Asks Immich whether it needs the card. Safe from any thread."""

    def __init__(
        self, config: Config, database: Database, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Contact nothing yet; nothing ever is while no account is connected.

        Args:
            config: The settings in force.
            database: It knows the accounts.
            clock: Seconds; only goes forward.
        """
        #: Why it is not waited for though that was asked for; for people. None: it is.
        self.trouble: str | None = None
        self._config, self._database, self._clock = config, database, clock
        self._lock = threading.Lock()
        self._patience = Patience()
        self._said: str | None = None
        self._ask_at = clock()

    def busy(self) -> str | None:
        """Return what Immich does on the card now; None: nothing, or it cannot be asked."""
        with self._lock:
            if self._clock() >= self._ask_at:
                queues, trouble = self._queues()
                self._said = self._patience.look(queues, self._clock())
                if self._patience.is_over:
                    trouble = f"its queues have not moved for {STUCK_S / 3600:.0f} hours"
                self._note(trouble)
                self._ask_at = self._clock() + ASKED_EVERY_S
            return self._said

    def _queues(self) -> tuple[Sequence[Queue], str | None]:
        """Return the queues as the first account tells that may, and why none did."""
        with self._database.read() as session:
            accounts = every_account(session)
        trouble = None
        for account in accounts:
            try:
                with (
                    closing(open_client(self._config, account)) as client,
                    wire.within(ANSWERS_WITHIN_S),
                ):
                    return client.queues(), None
            except MediaIndexError as error:
                trouble = trouble or f"its queues cannot be asked ({error})"
        return (), trouble

    def _note(self, why: str | None) -> None:
        """Keep the trouble for whoever asks, and log it once."""
        trouble = why and f"captions do not wait for Immich (immich.yield_gpu): {why}"
        if trouble is not None and trouble != self.trouble:
            log.warning("%s", trouble)
        self.trouble = trouble
