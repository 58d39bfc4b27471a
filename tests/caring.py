"""What tests of the care of a database share: settings of their own, and damage."""

from collections.abc import Mapping
from pathlib import Path

from mediaindex.config import Config, load_config


def config_in(home: Path, more: Mapping[str, str] | None = None) -> Config:
    """Return settings whose folders lie in `home`; `state` is where `database` makes its file."""
    folders = {"MEDIAINDEX_STATE_DIR": home / "state", "MEDIAINDEX_CACHE_DIR": home / "cache"}
    environ = {key: str(folder) for key, folder in folders.items()}
    environ |= {"MEDIAINDEX__EMBEDDER__USE": "colour", "MEDIAINDEX__CAPTION__USE": "off"}
    empty = home / "config.yaml"
    empty.touch()
    return load_config(empty, environ | dict(more or {}))


def scribble(path: Path, start: int, length: int = 8192) -> None:
    """Overwrite a part of a file, as a disk that fails does."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(b"\xa5" * length)
