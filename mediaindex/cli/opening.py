"""Show a hit with what the desktop has: photos in its viewer, videos in a player at the second."""

import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence

from mediaindex.errors import ConfigError
from mediaindex.shown import Shown, readable

PLAYERS: dict[str, Callable[[float], list[str]]] = {
    "mpv": lambda at_s: [f"--start={at_s:.3f}", "--"],
    "vlc": lambda at_s: [f"--start-time={at_s:.3f}", "--"],
    "celluloid": lambda at_s: [f"--mpv-options=--start={at_s:.3f}", "--"],
    "iina": lambda at_s: [f"--mpv-start={at_s:.3f}", "--"],
    "ffplay": lambda at_s: ["-loglevel", "error", "-ss", f"{at_s:.3f}", "-i"],
}
"""Players that can begin in the middle, and how each is told where; the first there is plays."""


def open_hit(shown: Shown, which: Callable[[str], str | None] = shutil.which) -> None:
    """Open a hit: a photo in the system's viewer, a video at the hit's own second.

    Raises:
        ConfigError: There is nothing to open it with, or it failed.
    """
    path = shown.paths[0]
    if shown.kind == "video":
        command = play_command(path, shown.at_ms / 1000, which)
        if command is not None:
            _start(command)
            return
    _view(path)


def open_in_immich(shown: Shown) -> None:
    """Open a hit's page in Immich, in the browser; of a video it begins at its beginning.

    Raises:
        ConfigError: It has none, or there is nothing to open it with, or it failed.
    """
    if shown.immich_url is None:
        raise ConfigError(
            f"{shlex.quote(readable(shown.paths[0]))} is not in Immich, as far as is known; "
            "mediaindex immich status tells what is"
        )
    _view(shown.immich_url)


def _view(target: str) -> None:
    """Show a file or a page with what the desktop has for it; raises ConfigError if it cannot."""
    viewer = "open" if sys.platform == "darwin" else "xdg-open"
    try:
        subprocess.run([viewer, target], check=True, capture_output=True, timeout=30)
    except FileNotFoundError as error:
        raise ConfigError(
            f"there is no {viewer} on this machine to show {shlex.quote(target)} with"
        ) from error
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{viewer} could not show {shlex.quote(target)}") from error


def play_command(
    path: str, at_s: float, which: Callable[[str], str | None] = shutil.which
) -> list[str] | None:
    """Return how to play a file from a second on, None if no player that can is installed."""
    for player, told in PLAYERS.items():
        program = which(player)
        if program is not None:
            return [program, *told(at_s), path]
    return None


def _start(command: Sequence[str]) -> None:
    # It plays on after this program's end, and its messages are none of ours.
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as error:
        raise ConfigError(f"{command[0]} cannot be started: {error.strerror}") from error
