"""Embedders that the work and the answers share, so that no weights are loaded twice."""

import threading

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.embedders import Embedder
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.serving import Serving


class Models:
    """One embedder for each model that works or answers. Safe from any thread."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._known: dict[tuple[str, str], Model] = {}
        self._lock = threading.Lock()

    @property
    def working(self) -> Model:
        """The model of the settings."""
        section = self._config.settings.embedder
        return self._of(section.use, section.model)

    def answering(self, serving: Serving) -> Embedder:
        """Return the embedder of the model that answers; of older ones none is kept.

        Raises:
            RetryLater: Its weights are not on this machine.
        """
        section = self._config.settings.embedder
        needed = {(section.use, section.model), (serving.use, serving.model)}
        with self._lock:
            for key in self._known.keys() - needed:
                del self._known[key]
        return self._of(serving.use, serving.model).embedder

    def adopt(self, other: "Models") -> None:
        """Take over what another one has loaded, if it was made by the same settings."""
        if other._config.settings.embedder == self._config.settings.embedder:
            self._known = other._known

    def _of(self, use: str, model: str) -> Model:
        with self._lock:
            key = (use, model)
            if key not in self._known:
                self._known[key] = Model(lambda: parts.embedder(self._config, use, model))
            return self._known[key]
