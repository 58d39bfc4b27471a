"""Be a good neighbour: know when Immich itself needs the graphics card that describes pictures."""

import logging
import math
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
"""Nothing of its work came below what was left before for so long: it is stuck, or gets no less."""

LONGEST_S = 24 * 3600.0
"""Nor is it waited for longer than so at a time, however its work goes on."""

RESPITE_S = 6 * 3600.0
"""So long it is not waited for then, though it is busy."""

ANSWERS_WITHIN_S = 4.0


class Patience:
    """Decides whether to wait, by what the queues said; the clock is passed in."""

    def __init__(self) -> None:
        #: Why waiting was given up though there is work; None: it was not.
        self.given_up: str | None = None
        #: The least that each queue had to do since waiting began.
        self._least: dict[str, int] = {}
        self._moved_at = 0.0
        #: None: nothing is waited for.
        self._began_at: float | None = None
        self._go_on_until = -math.inf

    def look(self, queues: Sequence[Queue], at_s: float) -> str | None:
        """Return what Immich is doing on the card and how much is left of it; None: do not wait.

        Args:
            queues: All of its queues.
            at_s: Seconds on any clock that only goes forward.
        """
        left = {queue.name: to_do(queue) for queue in queues if queue.name in ON_THE_CARD}
        if not any(left.values()):
            self._begin(None, {})
            self._go_on_until = -math.inf
        elif at_s >= self._go_on_until:
            if self._began_at is None:
                self._begin(at_s, left)
            self._note(left, at_s)
        if self.given_up is not None or not any(left.values()):
            return None
        busiest = max(left, key=lambda name: left[name])
        return f"Immich is {ON_THE_CARD[busiest]}: {left[busiest]:,} to go"

    def _begin(self, at_s: float | None, left: dict[str, int]) -> None:
        self.given_up, self._began_at, self._moved_at = None, at_s, at_s or 0.0
        self._least = dict(left)

    def _note(self, left: dict[str, int], at_s: float) -> None:
        """Take in what is left. A queue that fails and tries again goes down and up for ever."""
        before = self._least
        if any(number < before.get(name, 0) for name, number in left.items()):
            self._moved_at = at_s
        self._least = {name: min(number, before.get(name, number)) for name, number in left.items()}
        began_at = at_s if self._began_at is None else self._began_at
        if at_s - self._moved_at >= STUCK_S:
            self.given_up = f"its queues have got no shorter for {STUCK_S / 3600:.0f} hours"
        elif at_s - began_at >= LONGEST_S:
            self._begin(None, {})
            self._go_on_until = at_s + RESPITE_S
            self.given_up = (
                f"it was busy for {LONGEST_S / 3600:.0f} hours, so both share the graphics card "
                f"for {RESPITE_S / 3600:.0f} hours"
            )
        else:
            self.given_up = None


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
                self._note(trouble or self._patience.given_up)
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
