"""Small pictures by the thousand, each of its own content."""

import random
from collections.abc import Iterator
from pathlib import Path

from PIL import Image


def pictures(folder: Path, count: int, seed: int, prefix: str = "") -> Iterator[Path]:
    """Write JPEG files of about 1 KB, one for each step; yields each once it is closed."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = random.Random(seed)
    for number in range(count):
        path = folder / f"{prefix}{number:06}.jpg"
        seen = Image.frombytes("RGB", (4, 4), chance.randbytes(48)).resize((64, 48))
        seen.save(path, quality=70)
        yield path


def write_all(folder: Path, count: int, seed: int, prefix: str = "") -> list[Path]:
    """Write them at once."""
    return list(pictures(folder, count, seed, prefix))
