"""Clips that ffmpeg makes from its own sources, small and quickly made."""

import struct
import subprocess
from pathlib import Path

TURNS = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}
"""The matrix of each turn clockwise, as phones write it (ISO/IEC 14496-12, 8.3.2)."""


def run_ffmpeg(*arguments: str | Path) -> None:
    """Run ffmpeg quietly; it overwrites."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True, timeout=60)


def make_clip(
    path: Path,
    *options: str,
    picture: str = "testsrc2=size=64x48:rate=10:duration=1",
    sound: str | None = None,
) -> Path:
    """Make a clip from filter sources; returns its path.

    Args:
        path: Its suffix says which container.
        options: Of the output: codecs, filters, metadata; H.264 unless a codec is given.
        picture: A video source of lavfi.
        sound: An audio source of lavfi; None: silent.
    """
    inputs = ["-f", "lavfi", "-i", picture]
    if sound is not None:
        inputs += ["-f", "lavfi", "-i", sound]
    codec = () if "-c:v" in options else ("-c:v", "libx264", "-preset", "ultrafast")
    plain = () if "-pix_fmt" in options else ("-pix_fmt", "yuv420p")
    run_ffmpeg(*inputs, *codec, *plain, *options, f"file:{path}")
    return path


def turn(path: Path, degrees: int) -> Path:
    """Write into an MP4 or MOV by how many degrees a player turns it, clockwise."""
    data = bytearray(path.read_bytes())
    a, b, c, d = (value << 16 for value in TURNS[degrees])
    matrix = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    at = data.index(b"tkhd") + 44
    data[at : at + len(matrix)] = matrix
    path.write_bytes(data)
    return path
