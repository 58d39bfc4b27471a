"""The embedder that the stages share: built once, or the reason why it cannot be."""

import threading
import time
from collections.abc import Callable

from mediaindex.embedders import Embedder
from mediaindex.errors import RetryLater

NOT_BUILT = "?"
"""The version while nobody knows it: that of no result."""

LOOK_AGAIN_S = 60.0
"""So long a model that is not there is taken to be missing still: its download takes minutes."""


class Model:
    """An embedder on demand, from any thread.

    Not there is a state of its own, with a reason, and no error. It lasts `look_again_s`; then
    nobody knows once more, and whoever asks next looks.
    """

    def __init__(
        self,
        build: Callable[[], Embedder],
        look_again_s: float = LOOK_AGAIN_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._build = build
        self._look_again_s = look_again_s
        self._clock = clock
        self._embedder: Embedder | None = None
        self._missing: RetryLater | None = None
        self._look_again_at = 0.0
        self._building = threading.Lock()

    @property
    def embedder(self) -> Embedder:
        """The embedder; built by who asks first, which takes seconds.

        Raises:
            RetryLater: Its weights are not on this machine; the text names the remedy.
        """
        found = self._embedder
        if found is not None:
            return found
        with self._building:
            if self._embedder is None:
                self._look()
            if self._embedder is None:
                raise self._missing or RetryLater("no model")
            return self._embedder

    @property
    def version(self) -> str | None:
        """The `model_id` of results that count; None, where the model is not there: any counts.

        Builds nothing, as it is asked for under the write lock. Until the model is built, and when
        it is time to look for it again, no result counts, so that whoever looks for work finds
        some and makes ready for it.
        """
        if self._embedder is not None:
            return self._embedder.model_id
        return None if self._is_missing() else NOT_BUILT

    def look_again(self) -> None:
        """Have whoever asks next look for a model that was missing: a person did something."""
        self._look_again_at = 0.0

    def _is_missing(self) -> bool:
        return self._missing is not None and self._clock() < self._look_again_at

    def _look(self) -> None:
        if self._is_missing():
            return
        try:
            self._embedder, self._missing = self._build(), None
        except RetryLater as error:
            self._missing, self._look_again_at = error, self._clock() + self._look_again_s
