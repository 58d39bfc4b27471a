"""An embedder that need not read the same words twice."""

from collections.abc import Sequence

import numpy as np

from mediaindex.embedders import Embedder
from mediaindex.search.kept import Kept
from mediaindex.types import RGB, Vectors

MOST = 4096
"""So many texts are remembered: at 512 dimensions 8 MiB."""


class Texts:
    """What models made of texts, by model and text. Safe from any thread."""

    def __init__(self, most: int = MOST) -> None:
        self.vectors = Kept[tuple[str, str], Vectors](most)
        self.pieces = Kept[tuple[str, str], list[str]](most)


class Remembering:
    """Any embedder, as an `Embedder` whose words are looked up in `Texts` first."""

    def __init__(self, embedder: Embedder, texts: Texts) -> None:
        self._embedder, self._texts = embedder, texts
        self.model_id, self.dim = embedder.model_id, embedder.dim
        self.semantic = embedder.semantic

    def embed_images(self, images: Sequence[RGB]) -> Vectors:
        """Return float32 (len(images), dim), unit rows, as the embedder does."""
        return self._embedder.embed_images(images)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dim), unit rows; each text is read alone, and once."""
        rows = [self._read(text) for text in texts]
        return np.array(rows, dtype=np.float32).reshape(len(rows), self.dim)

    def split_text(self, text: str) -> list[str]:
        """Return `text` in pieces, as the embedder does."""
        return self._texts.pieces.get(
            (self.model_id, text), lambda: self._embedder.split_text(text)
        )

    def _read(self, text: str) -> Vectors:
        known = self.model_id, text
        return self._texts.vectors.get(known, lambda: self._embedder.embed_texts([text])[0])
