"""An embedder as wide as CLIP that costs nothing (`use: benchmarks.hardships.seeing:build`).

Vectors of pictures that look alike are alike; words mean nothing to it, but always the same.
"""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from mediaindex.types import RGB, Vectors

SIDE_PX = 8


class Seeing:
    """Colours of 8 x 8 fields, thrown into 512 dimensions."""

    model_id = "seeing/512"
    dim = 512
    semantic = True

    def __init__(self) -> None:
        chance = np.random.default_rng(512)
        self._throw = chance.standard_normal((SIDE_PX * SIDE_PX * 3, self.dim), dtype=np.float32)

    def embed_images(self, images: Sequence[RGB]) -> Vectors:
        """Return float32 (len(images), dim), unit rows."""
        fields = np.array(
            [np.asarray(Image.fromarray(image).resize((SIDE_PX, SIDE_PX))) for image in images],
            dtype=np.float32,
        ).reshape(len(images), -1)
        return _unit((fields - 127) @ self._throw + 1e-3)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dim), unit rows."""
        rows = [
            np.random.default_rng(zlib.crc32(text.encode())).standard_normal(self.dim)
            for text in texts
        ]
        return _unit(np.array(rows, dtype=np.float32).reshape(-1, self.dim))

    def split_text(self, text: str) -> list[str]:
        """Return the text as it is."""
        return [text] if text.strip() else []


def build(options: Mapping[str, object]) -> Seeing:
    """Build; there is nothing to choose."""
    return Seeing()


def _unit(rows: Vectors) -> Vectors:
    unit: Vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
