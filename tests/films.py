"""Films whose frames say which they are: sixteen bits of black and white in the upper edge."""

import subprocess
from collections.abc import Iterable
from colorsys import hsv_to_rgb
from pathlib import Path

import numpy as np

from mediaindex.types import RGB

WIDTH, HEIGHT = 256, 144
BITS = 16
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
HEVC = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:pools=1")


def numbered(number: int, scene: int | None = None) -> RGB:
    """Return a picture that bears a number; pictures of different scenes differ throughout.

    Args:
        number: Below 65,536.
        scene: None: the number, so that each picture is a scene of its own.
    """
    which = number if scene is None else scene
    chance = np.random.default_rng(which)
    tint = np.asarray(hsv_to_rgb(which * 0.618 % 1, 0.9, 150))
    cells = (tint * chance.uniform(0.3, 1.3, (6, 8, 1))).astype(np.uint8)
    picture: RGB = cells.repeat(HEIGHT // 6, axis=0).repeat(WIDTH // 8, axis=1)
    # Encoders see a cut only where there is something to be seen.
    picture += chance.integers(0, 50, (HEIGHT, WIDTH, 1), dtype=np.uint8)
    bits = [number >> bit & 1 for bit in range(BITS)]
    picture[: HEIGHT // 6] = np.repeat(bits, WIDTH // BITS)[None, :, None] * 255
    return picture


def number_of(picture: RGB) -> int:
    """Return the number that a picture bears, whatever its size is."""
    edge = picture[: max(1, picture.shape[0] // 8)].mean(axis=(0, 2))
    bits = [
        part[len(part) // 4 : -len(part) // 4].mean() > 127 for part in np.array_split(edge, BITS)
    ]
    return sum(int(bit) << place for place, bit in enumerate(bits))


def film(path: Path, pictures: Iterable[RGB], *options: str, rate: int = 25) -> Path:
    """Write pictures as a video; all pictures have the size of the first.

    Args:
        path: Its suffix says the container.
        pictures: What it shows.
        options: Of ffmpeg, for the output.
        rate: Frames a second.
    """
    shown = list(pictures)
    height, width = shown[0].shape[:2]
    given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", str(rate))
    command = ("ffmpeg", "-v", "error", "-y", *given, "-i", "pipe:0", *options, f"file:{path}")
    subprocess.run(command, input=b"".join(map(np.ndarray.tobytes, shown)), check=True)
    return path


def remade(source: Path, path: Path, *options: str) -> Path:
    """Write a video anew without encoding it again."""
    command = ("ffmpeg", "-v", "error", "-y", "-i", f"file:{source}", "-c", "copy", *options)
    subprocess.run([*command, f"file:{path}"], check=True, stdin=subprocess.DEVNULL)
    return path
