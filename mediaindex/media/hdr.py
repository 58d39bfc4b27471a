"""Pictures that say their colours by number and not by a profile: HDR (PQ, HLG) and wide gamut.

The numbers are those of ITU-T H.273, in the `colr` box of HEIC and AVIF files.
"""

import struct
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mediaindex.types import RGB

Floats = npt.NDArray[np.float32]

HEADER_BYTES = 1 << 16
"""The boxes that describe a picture stand before its data, in these."""

PQ, HLG = 16, 18
WHITE_NITS = 203.0
"""What a diffuse white has in HDR (ITU-R BT.2408); it becomes the white of sRGB."""

KNEE = 0.75
"""What is brighter is squeezed together, so that lamps and clouds keep their shapes."""

TO_SRGB = {
    9: ((1.6605, -0.5876, -0.0728), (-0.1246, 1.1329, -0.0083), (-0.0182, -0.1006, 1.1187)),
    12: ((1.2249, -0.2247, -0.0002), (-0.0420, 1.0419, 0.0001), (-0.0197, -0.0786, 1.0979)),
}
"""Linear light in BT.2020 and Display P3 -> in sRGB; all have the same white (D65)."""


@dataclass(frozen=True)
class Coding:
    """What the numbers of a picture mean (H.273, tables 2 and 3)."""

    primaries: int
    transfer: int

    @property
    def is_srgb(self) -> bool:
        """Whether nothing is to be done."""
        return self.primaries not in TO_SRGB and self.transfer not in (PQ, HLG)


def coding_of(file: BinaryIO) -> Coding | None:
    """Return how a HEIC or AVIF file codes its colours; None: it does not say."""
    file.seek(0)
    head = file.read(HEADER_BYTES)
    file.seek(0)
    at = head.find(b"colrnclx")
    if at < 0 or at + 12 > len(head):
        return None
    return Coding(*struct.unpack_from(">HH", head, at + 8))


def to_srgb(pixels: RGB, coding: Coding) -> RGB:
    """Return a picture of any coding as sRGB, what is brighter than white squeezed into it."""
    light = _light(coding.transfer)[pixels]
    if coding.primaries in TO_SRGB:
        light = light @ np.asarray(TO_SRGB[coding.primaries], dtype=np.float32).T
    light = light.clip(0, None)
    if coding.transfer in (PQ, HLG):
        over = (light - KNEE) / (1 - KNEE)
        light = np.where(over > 0, KNEE + (1 - KNEE) * (1 - np.exp(-over)), light)
    return (_srgb_value(light.clip(0, 1)) * 255).round().astype(np.uint8)


def _light(transfer: int) -> Floats:
    """Return float32 (256,): the light of each eight-bit value, 1 being diffuse white."""
    value = np.linspace(0, 1, 256)
    if transfer == PQ:  # SMPTE ST 2084
        root = value ** (32 / 2523)
        share = (root - 0.8359375).clip(0) / (18.8515625 - 18.6875 * root)
        light = share ** (8192 / 1305) * 10000 / WHITE_NITS
    elif transfer == HLG:  # ITU-R BT.2100, shown at 1000 nits
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        scene = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
        light = scene**1.2 * 1000 / WHITE_NITS
    else:  # IEC 61966-2-1; the other curves of television are near enough to it
        light = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return light.astype(np.float32)


def _srgb_value(light: Floats) -> Floats:
    low: Floats = light * np.float32(12.92)
    return np.where(light <= 0.0031308, low, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)
