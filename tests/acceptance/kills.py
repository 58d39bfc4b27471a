"""What a test of kills needs: a library of real files, and a kill."""

import shutil
import signal
import subprocess
from pathlib import Path

from tests.media import MEDIA, media_files


def real_library(root: Path) -> Path:
    """Fill a folder with some forty real files of all kinds, good and broken; return it.

    Among them are a double, a sidecar, an empty file and one that is no picture.
    """
    chosen = [
        *media_files("photos")[:12],
        *media_files("metadata")[::8],
        *media_files("broken")[::7],
        MEDIA / "formats" / "IMG_2682.heic",
        MEDIA / "formats" / "8bit-sRGB.avif",
        MEDIA / "videos" / "realshort.mp4",
    ]
    for path in chosen:
        folder = root / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, folder)
    shutil.copy2(root / "photos" / "astronaut.png", root / "the same again.png")
    (root / "empty.jpg").touch()
    (root / "lying.jpg").write_text("no picture at all")
    return root


def kill_after(moment_s: float, process: "subprocess.Popen[str]") -> bool:
    """Kill a process as `kill -9` does once it has run so long; False if it had ended by then."""
    try:
        process.wait(timeout=moment_s)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL
