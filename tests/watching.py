"""What tests of watching share: somebody who listens, and the kernel's own count of watches."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mediaindex.sources.filesystems import Choice, Watching
from mediaindex.sources.folder import Rules
from mediaindex.sources.touched import Touched
from mediaindex.sources.watch import Watch

DEADLINE_S = 30.0


class Ear:
    """Hears what a watch tells, and waits for it."""

    def __init__(self) -> None:
        self.touched: list[Touched] = []
        self.modes: list[tuple[Watching, str | None]] = []
        self.lost: list[str] = []
        self._changed = threading.Condition()

    def on_touched(self, touched: Touched) -> None:
        self._hear(lambda: self.touched.append(touched))

    def on_mode(self, watching: Watching, trouble: str | None) -> None:
        self._hear(lambda: self.modes.append((watching, trouble)))

    def on_lost(self, reason: str) -> None:
        self._hear(lambda: self.lost.append(reason))

    def forget(self) -> None:
        self.touched.clear()

    def wait(self, is_so: Callable[[], object]) -> None:
        """Wait until something is so, whether it is heard of or not."""
        deadline = time.monotonic() + DEADLINE_S
        with self._changed:
            while not is_so():
                assert time.monotonic() < deadline, (self.touched[-20:], self.modes, self.lost)
                self._changed.wait(0.02)

    def wait_for(self, folder: str, *, deep: bool = False, closed: str | None = None) -> None:
        self.wait(lambda: self.has(folder, deep=deep, closed=closed))

    def has(self, folder: str, *, deep: bool = False, closed: str | None = None) -> bool:
        return any(
            one.folder == folder
            and (one.deep or not deep)
            and (closed is None or closed in one.closed)
            for one in self.touched
        )

    def folders(self) -> set[str]:
        return {one.folder for one in self.touched}

    def _hear(self, note: Callable[[], None]) -> None:
        with self._changed:
            note()
            self._changed.notify_all()


def watch_of(root: Path, ear: Ear, rules: Rules | None = None) -> Watch:
    return Watch(
        root,
        rules or Rules(),
        ear.on_touched,
        choice=Choice("inotify"),
        on_mode=ear.on_mode,
        on_lost=ear.on_lost,
        gather_s=0.05,
    )


@contextmanager
def watching(root: Path, ear: Ear, rules: Rules | None = None) -> Iterator[Watch]:
    """A watch that has its watches, with nothing told yet; closed in the end."""
    watch = watch_of(root, ear, rules)
    watch.start()
    try:
        ear.wait(lambda: ear.has("", deep=True) and watch.is_ready)
        ear.forget()
        yield watch
    finally:
        watch.close()


def kernel_watches() -> int:
    """Return how many watches this process holds, as the kernel counts them."""
    count = 0
    for fd in Path("/proc/self/fd").iterdir():
        try:
            if str(fd.readlink()) == "anon_inode:inotify":
                told = (Path("/proc/self/fdinfo") / fd.name).read_text()
                count += told.count("inotify wd:")
        except OSError:
            continue
    return count
