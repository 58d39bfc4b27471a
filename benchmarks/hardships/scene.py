"""What most hardships begin with: a library that a daemon has worked through."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.hardships.settling import settle
from tests.acceptance.kills import real_library
from tests.acceptance.program import Program
from tests.acceptance.serving import Daemon
from tests.media import media_files

SETTLE_S = 900


@dataclass
class Scene:
    """A daemon and its only library."""

    root: Path
    daemon: Daemon

    def settle(self, limit_s: float = SETTLE_S) -> float:
        """Wait until all is done; returns the seconds."""
        return settle(self.daemon, self.root, limit_s)

    def finds(self, words: str, name: str) -> bool:
        """Ask, and return True if a hit is a file of that name."""
        answer = self.daemon.get("/api/v1/search", q=words, limit=50)
        return answer.status_code == 200 and name in json.dumps(answer.json().get("hits", []))


def scene(
    home: Path,
    settings: Mapping[str, str] | None = None,
    *,
    library: str = "",
    sweep: str = "",
    environ: Mapping[str, str] | None = None,
) -> Scene:
    """Return a daemon, not yet started, with a library of real files.

    Args:
        home: A new folder for all of it.
        settings: More settings, as environment.
        library: More keys of the library in config.yaml: `sentinel: .here`, say.
        sweep: Keys of the section `sweep`, as YAML in braces.
        environ: More environment for the daemon alone.
    """
    root = real_library(home / "library")
    config = home / "config.yaml"
    keys = f"\n    {library}" if library else ""
    config.write_text(f"libraries:\n  - path: {root}{keys}\nsweep: {sweep or '{}'}\n")
    program = Program(home / "daemon", {"MEDIAINDEX_CONFIG": str(config), **(settings or {})})
    return Scene(root, Daemon(program, environ or {}))


def drop(root: Path, name: str, unlike: int) -> Path:
    """Close a new photo of its own content in the library; returns it."""
    folder = root / "dropped"
    folder.mkdir(exist_ok=True)
    source = next(path for path in media_files("photos") if path.suffix == ".jpg")
    target = folder / name
    # Behind the end of a JPEG anything may follow: another content, the same picture.
    target.write_bytes(source.read_bytes() + unlike.to_bytes(8, "big"))
    return target
