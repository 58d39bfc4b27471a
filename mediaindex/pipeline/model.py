"""The embedder that the stages share: built once, or the reason why it cannot be."""

import threading
from collections.abc import Callable

from mediaindex.embedders import Embedder
from mediaindex.errors import RetryLater

NOT_BUILT = "?"
"""The version while nobody knows it: that of no result."""


class Model:
    """An embedder on demand, from any thread.

    Not there is a state of its own, with a reason, and no error.
    """

    def __init__(self, build: Callable[[], Embedder]) -> None:
        self._build = build
        self._embedder: Embedder | None = None
        self._missing: RetryLater | None = None
        self._building = threading.Lock()

    @property
    def embedder(self) -> Embedder:
        """The embedder; built by who asks first, which takes seconds.

        Raises:
            RetryLater: Its weights are not on this machine; the text names the remedy.
        """
        with self._building:
            if self._embedder is None and self._missing is None:
                try:
                    self._embedder = self._build()
                except RetryLater as error:
                    self._missing = error
            if self._embedder is None:
                raise self._missing or RetryLater("no model")
            return self._embedder

    @property
    def version(self) -> str | None:
        """The `model_id` of results that count; None, where the model is not there: any counts.

        Builds nothing, as it is asked for under the write lock. Until the model is built no result
        counts, so that whoever looks for work finds some and makes ready for it.
        """
        if self._embedder is not None:
            return self._embedder.model_id
        return NOT_BUILT if self._missing is None else None
