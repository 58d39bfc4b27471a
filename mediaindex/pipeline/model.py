"""The embedder that the stages share: built once, or the reason why it cannot be."""

from collections.abc import Callable

from mediaindex.embedders import Embedder
from mediaindex.errors import RetryLater


class Model:
    """An embedder on demand. Not there is a state of its own, with a reason, and no error."""

    def __init__(self, build: Callable[[], Embedder]) -> None:
        self._build = build
        self._embedder: Embedder | None = None
        self._missing: RetryLater | None = None

    @property
    def embedder(self) -> Embedder:
        """The embedder.

        Raises:
            RetryLater: Its weights are not on this machine; the text names the remedy.
        """
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
        """The `model_id` of results that count, None while the model is not there."""
        try:
            return self.embedder.model_id
        except RetryLater:
            return None
