"""A true embedder without weights: it knows colours and brightness, and nothing else.

For tests, contracts and trying out. It is never called semantic search (`semantic` is False): the
question "red flower" finds red pictures, with or without a flower.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from mediaindex.types import RGB, Vectors

PALETTE: dict[str, tuple[int, int, int]] = {
    "red": (200, 30, 30),
    "orange": (240, 140, 30),
    "yellow": (240, 220, 50),
    "green": (50, 150, 50),
    "cyan": (50, 200, 210),
    "blue": (40, 80, 200),
    "purple": (130, 50, 160),
    "pink": (240, 140, 180),
    "brown": (110, 70, 40),
    "black": (10, 10, 10),
    "grey": (128, 128, 128),
    "white": (245, 245, 245),
}
"""What each of our colour names looks like, sRGB. A pixel counts for the nearest ones."""

SAME: dict[str, str] = {
    "gray": "grey",
    "violet": "purple",
    "turquoise": "cyan",
    "teal": "cyan",
    "gold": "yellow",
    "crimson": "red",
    "scarlet": "red",
    "dark": "darkness",
    "night": "darkness",
    "bright": "brightness",
    "light": "brightness",
}
"""Other words for an axis."""

AXES = (*PALETTE, "darkness", "brightness", "anything")
"""What each number of a vector says. `anything` is in every vector, so none is ever zero."""

SOFTNESS = 0.15
"""How far, in CIELAB-like units of the whole range, a pixel still counts for a neighbour colour."""

SIDE_PX = 48
"""Pictures are thinned to about this many pixels a side: colour needs no more."""


class ColourEmbedder:
    """How much of each colour a picture has, and how light it is, as one unit vector."""

    model_id = "colour/3"
    dim = len(AXES)
    semantic = False

    def embed_images(self, images: Sequence[RGB]) -> Vectors:
        """Return float32 (len(images), dim), unit rows, in the order given."""
        if not images:
            return np.empty((0, self.dim), dtype=np.float32)
        return np.stack([_unit(_shares(image)) for image in images])

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dim), unit rows; without a colour's name, `anything`."""
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        return np.stack([_unit(_named(text)) for text in texts])

    def split_text(self, text: str) -> list[str]:
        """Return `text` as one piece, there is no context to overflow; none without a colour."""
        return [text] if _axes_named(text) else []


def build(_options: Mapping[str, object]) -> ColourEmbedder:
    """Build from the `embedder:` section of config.yaml; every option is for other embedders."""
    return ColourEmbedder()


def _shares(image: RGB) -> npt.NDArray[np.float32]:
    """Return the axes of one picture: the share of each colour, darkness, brightness, anything."""
    step_y, step_x = (max(1, side // SIDE_PX) for side in image.shape[:2])
    pixels = (image[::step_y, ::step_x].reshape(-1, 3) / 255).astype(np.float32)
    names = (np.array(list(PALETTE.values())) / 255).astype(np.float32)
    distance = np.linalg.norm(_opponent(pixels)[:, None] - _opponent(names)[None], axis=2)
    weight = np.exp(-((distance / SOFTNESS) ** 2)) + 1e-9
    colours = (weight / weight.sum(axis=1, keepdims=True)).mean(axis=0)
    lightness = float(pixels.mean())
    return np.array([*colours, 1 - lightness, lightness, 0.05], dtype=np.float32)


def _opponent(rgb: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return light, red-green and yellow-blue, (n, 3): in these, unlike colours lie far apart."""
    red, green, blue = rgb.T
    light = 0.4 * (red + green + blue) / 3
    return np.stack([light, red - green, (red + green) / 2 - blue], axis=1)


def _axes_named(text: str) -> list[str]:
    axes = [SAME.get(word, word) for word in re.findall(r"\w+", text.lower())]
    return [axis for axis in axes if axis in AXES[:-1]]


def _named(text: str) -> npt.NDArray[np.float32]:
    axes = _axes_named(text)
    vector = np.array([axes.count(axis) for axis in AXES], dtype=np.float32)
    vector[-1] = 0.05
    return vector


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return vector / np.linalg.norm(vector)
