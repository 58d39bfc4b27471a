"""Mounts that nobody else sees: the benchmark runs itself again in a mount namespace of its own."""

import os
import subprocess
import sys
from pathlib import Path

MARK = "MEDIAINDEX_OWN_MOUNTS"


def own_mounts() -> None:
    """Have mounts of our own from here on; begins anew in a new namespace. Needs root.

    Raises:
        SystemExit: Not root.
    """
    if os.environ.get(MARK):
        return
    if os.geteuid() != 0:
        raise SystemExit(
            "this hardship mounts file systems, in a namespace of its own: run it as root"
        )
    os.environ[MARK] = "1"
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])


def bind(source: Path, target: Path) -> None:
    """Let `source` appear at `target` too."""
    _run("mount", "--bind", str(source), str(target))


def tmpfs(target: Path, megabytes: int) -> None:
    """Mount an empty file system in memory, of a size."""
    target.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(target))


def unmount(target: Path) -> None:
    """Take the topmost mount away at once, whoever has files of it open."""
    _run("umount", "--lazy", str(target))


def unmount_below(folder: Path) -> None:
    """Take away every mount that lies there, the last first."""
    points = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for point in reversed(points):
        if Path(point).is_relative_to(folder):
            unmount(Path(point))


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
