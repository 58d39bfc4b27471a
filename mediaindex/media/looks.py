"""How alike two pictures look: whether there is a cut between them, or nothing new at all.

Two frames are told apart by their colours (how much of the picture changes its place in the colour
cube) and by their shapes (how badly light and dark match where they match best when shifted a
little): a cut changes both, a moving camera the shapes, a passing cloud the colours.
"""

import math
from functools import cached_property
from itertools import product

import numpy as np
import numpy.typing as npt
from PIL import Image

from mediaindex.types import RGB

Floats = npt.NDArray[np.float32]

SIDE = 32
"""A look at a frame has so many cells a side, each the mean of what is in it."""

COLOURS = 8
"""Places in the colour cube a channel."""

SHIFTS = range(-4, 5, 2)
"""Cells by which a camera may have moved between two looks, across and down."""

CUT_SOON, CUT_LATE = 0.35, 0.55
"""From this on two frames are of two scenes, by the geometric mean of both differences, 0 to 1.

Of two scenes 95 pairs in 100 lie above 0.58. Of one scene, filmed from a moving hand, 99 in 100 lie
below 0.26 after a quarter of a second, and below 0.59 after a whole one.
"""

SOON_MS, LATE_MS = 300, 1000
"""The times between two frames for which these hold; between them it rises evenly."""

ALL_NEW = 0.75
"""If so much of the picture has another colour, there is a cut, however alike the shapes."""

DARK = 0.06
"""Bars are no lighter."""

NOISE = 4e-4
"""Differences of light this small (squared) are no shapes."""

ALIKE = 0.06
"""The same picture again: no part of it, a sixteenth, differs more in the mean of its channels."""

BLACK, FLAT = 0.12, 0.06
"""A frame shows nothing if no channel is brighter anywhere, or if none varies more."""


class Look:
    """What is remembered of a frame to compare it with others."""

    def __init__(self, pixels: RGB) -> None:
        # Every second or third pixel says as much of a cell's mean as all of them.
        step = max(1, min(pixels.shape[:2]) // (SIDE * 4))
        fewer = np.ascontiguousarray(pixels[::step, ::step])
        small = Image.fromarray(fewer).resize((SIDE, SIDE), Image.Resampling.BOX)
        self._cells: Floats = np.asarray(small, dtype=np.float32) / np.float32(255)
        self._luma: Floats = self._cells @ np.asarray((0.2126, 0.7152, 0.0722), dtype=np.float32)
        self._colours = _spread_of_colours(self._cells)

    def is_of_another_scene(self, other: "Look", apart_ms: int) -> bool:
        """Return whether there is a cut between two frames that lie so far apart."""
        cut = float(np.interp(apart_ms, (SOON_MS, LATE_MS), (CUT_SOON, CUT_LATE)))
        box = _without_bars((self._cells.max(axis=2) > DARK) | (other._cells.max(axis=2) > DARK))
        ours, theirs = self._luma[box], other._luma[box]
        colours = float(np.abs(self._colours - other._colours).sum()) / 2 * SIDE**2 / ours.size
        if colours < cut * cut or colours > ALL_NEW:  # however much the shapes differ
            return colours > ALL_NEW
        shapes = min(_mismatch(ours, theirs, down, across) for down in SHIFTS for across in SHIFTS)
        return math.sqrt(colours * shapes) >= cut

    def shows_the_same(self, other: "Look") -> bool:
        """Return whether nobody would keep both."""
        part = SIDE // 4
        change = np.abs(self._cells - other._cells).mean(axis=2)
        return float(change.reshape(4, part, 4, part).mean(axis=(1, 3)).max()) < ALIKE

    @cached_property
    def contrast(self) -> float:
        """How far the brightest and the darkest part of a channel are apart, 0 to 1."""
        darkest, brightest = self._extremes
        return float((brightest - darkest).max())

    @property
    def is_blank(self) -> bool:
        """Whether it is black, or of one colour."""
        return float(self._extremes[1].max()) < BLACK or self.contrast < FLAT

    @cached_property
    def _extremes(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        # Of each channel: saturated blue is as dark as night by its luma.
        darkest, brightest = np.percentile(self._cells.reshape(-1, 3), (2, 98), axis=0)
        return darkest, brightest


def _without_bars(lit: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """Return rows and columns without the black bars around them; all, if little would be left."""
    spans = []
    for axis in (1, 0):
        used = np.flatnonzero(lit.any(axis=axis))
        if len(used) == 0 or used[-1] - used[0] < SIDE // 4:
            return slice(None), slice(None)
        spans.append(slice(int(used[0]), int(used[-1]) + 1))
    return spans[0], spans[1]


def _mismatch(ours: Floats, theirs: Floats, down: int, across: int) -> float:
    """Return 0 where light and dark lie alike after a shift, 1 where nothing of them does."""
    ours = ours[max(down, 0) : len(ours) + min(down, 0)]
    theirs = theirs[max(-down, 0) : len(theirs) + min(-down, 0)]
    ours = ours[:, max(across, 0) : ours.shape[1] + min(across, 0)]
    theirs = theirs[:, max(-across, 0) : theirs.shape[1] + min(-across, 0)]
    match = ((ours - ours.mean()) * (theirs - theirs.mean())).mean()
    return float(np.clip(1 - match / (ours.std() * theirs.std() + NOISE), 0, 1))


def _spread_of_colours(cells: Floats) -> npt.NDArray[np.float64]:
    """Return which part of a picture lies at each place of the colour cube; adds up to 1.

    A colour between places counts for all eight around it: no small change makes a jump.
    """
    scaled = cells.reshape(-1, 3) * (COLOURS - 1)
    low = np.minimum(scaled.astype(np.int64), COLOURS - 2)
    over = scaled - low
    corners = np.asarray(list(product((0, 1), repeat=3)))[:, None, :]
    shares = np.where(corners, over, 1 - over).prod(axis=2)
    places = (low + corners) @ (COLOURS * COLOURS, COLOURS, 1)
    return np.bincount(places.ravel(), shares.ravel(), COLOURS**3) / len(scaled)
