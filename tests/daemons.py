"""A daemon in the test's own process, over a library of its own, and waiting for what it does."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from PIL import Image

from mediaindex.config import Config, load_config
from mediaindex.daemon import priority
from mediaindex.daemon.daemon import Daemon
from mediaindex.search.asked import Asked
from mediaindex.store.lock import worker_lock
from tests.acceptance.program import gazetteer

PATIENCE_S = 60.0

# Beside other tests, threads that stand back would hardly ever get their turn.
priority.NICE = 0


def until(claim: Callable[[], object], limit_s: float = PATIENCE_S) -> None:
    """Wait until a claim holds."""
    end = time.monotonic() + limit_s
    while not claim():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


def paint(path: Path, red: int = 200, green: int = 30, blue: int = 30) -> Path:
    """Make a small picture of one colour; another colour, another content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (64, 48), (red, green, blue)).save(path)
    return path


@dataclass
class Home:
    """The folders and settings of one daemon, which may be started again and again."""

    folder: Path
    #: Settings by `SECTION__KEY`.
    settings: Mapping[str, str] = field(default_factory=dict)
    #: The text of config.yaml.
    written: str = ""

    def __post_init__(self) -> None:
        self.library.mkdir(parents=True, exist_ok=True)
        (self.folder / "cache").mkdir(exist_ok=True)
        if not (self.folder / "cache" / "places").exists():
            (self.folder / "cache" / "places").symlink_to(gazetteer())
        if not self.file.exists():
            self.write(self.written)

    @property
    def library(self) -> Path:
        return self.folder / "pictures"

    @property
    def file(self) -> Path:
        return self.folder / "config.yaml"

    def write(self, text: str) -> None:
        """Write config.yaml: the library and the embedder of tests, and what the test says."""
        self.file.write_text(
            f"state_dir: {self.folder / 'state'}\ncache_dir: {self.folder / 'cache'}\n"
            f"libraries: [{{path: {self.library}}}]\n"
            f"embedder: {{use: colour}}\nindex: {{use: exact}}\n{text}"
        )

    @property
    def config(self) -> Config:
        environ = {f"MEDIAINDEX__{key}": value for key, value in self.settings.items()}
        return load_config(
            self.file, {"HOME": str(self.folder), "MEDIAINDEX__CAPTION__USE": "off", **environ}
        )

    @contextmanager
    def running(self) -> Iterator[Daemon]:
        """Run a daemon until the end of the block."""
        config = self.config
        with worker_lock(config.state_dir), Daemon(config, self.file) as daemon:
            yield daemon
        assert daemon.has_ended


def finds(daemon: Daemon, words: str) -> list[str]:
    """Return the names of the files that a question finds."""
    found = daemon.ask(Asked(words=words), date(2026, 11, 21))
    return [Path(hit.shown.paths[0]).name for hit in found.hits]


def is_caught_up(daemon: Daemon) -> bool:
    """Return whether all files known to the daemon's libraries are looked at, and it rests."""
    state = daemon.state()
    return state.phase == "idle" and bool(state.stages)
