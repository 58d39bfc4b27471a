"""Does the daemon grow while a big library changes under it?"""

import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from benchmarks.hardships.crowd import multiply
from benchmarks.hardships.scene import SETTLE_S, Scene
from benchmarks.hardships.small import write_all
from benchmarks.hardships.speed import QUESTIONS
from benchmarks.hardships.table import row
from tests.acceptance.program import Program
from tests.acceptance.serving import NO_ANSWER, Daemon

BASE = 500
GOAL_MB = 1500
STEADY_AFTER = 0.2
"""Growth counts from this share of the time on: caches fill before."""


@dataclass
class Churn:
    """Changes to the library, so many a second."""

    root: Path
    chance: random.Random
    born: list[Path] = field(default_factory=list)
    number: int = 0

    def act(self) -> None:
        """Let one file arrive, move to another folder, or vanish."""
        self.number += 1
        folder = self.root / f"busy {self.number % 50:02}"
        kind = self.chance.choice(("arrive", "rename", "vanish") if self.born else ("arrive",))
        if kind == "arrive":
            self.born += write_all(folder, 1, self.number, f"{self.number}-")
            return
        path = self.born.pop(self.chance.randrange(len(self.born)))
        if kind == "vanish":
            path.unlink()
        else:
            folder.mkdir(exist_ok=True)
            self.born.append(path.rename(folder / f"moved {self.number}.jpg"))


def growth(home: Path, moments: int, minutes: float, seed: int, per_s: float) -> bool:
    """Watch the memory of a daemon with so many moments; True if it kept its bounds."""
    here = _big(home, moments, seed)
    here.daemon.start(limit_s=600)
    assert here.daemon.process is not None
    process = psutil.Process(here.daemon.process.pid)
    settled_s = here.settle(limit_s=4 * SETTLE_S)
    print(f"settled after {settled_s:.0f} s: {_told(process)}", flush=True)
    churn = Churn(here.root, random.Random(seed))
    seen, kept = [_rss_mb(process)], [_anonymous_mb(process)]
    for minute in range(1, max(1, round(minutes)) + 1):
        searches = _busy_for(here, churn, 60 * minutes / max(1, round(minutes)), per_s)
        seen.append(_rss_mb(process))
        kept.append(_anonymous_mb(process))
        print(f"minute {minute}: {_told(process)}, {searches} searches", flush=True)
    before_stop = _told(process)
    code, _ = here.daemon.stop()
    own = [mine for mine, _ in seen]
    early = own[max(1, int(len(own) * STEADY_AFTER))]
    row(
        {
            "moments": f"{moments:,}",
            "minutes": f"{minutes:g}",
            "changes": str(churn.number),
            "MB at the start": f"{own[0]:.0f}",
            "MB after a fifth": f"{early:.0f}",
            "MB at the end": f"{own[-1]:.0f}",
            "most MB, with children": f"{max(mine + theirs for mine, theirs in seen):.0f}",
            "of no file: MB at the start": f"{kept[0]:.0f}",
            "after a fifth": f"{kept[max(1, int(len(kept) * STEADY_AFTER))]:.0f}",
            "at the end": f"{kept[-1]:.0f}",
        }
    )
    print(before_stop)
    return code == 0 and max(own) < GOAL_MB


def _big(home: Path, moments: int, seed: int) -> Scene:
    root = home / "library"
    config = home / "config.yaml"
    base = min(BASE, moments)
    write_all(root, base, seed)
    config.write_text(f"libraries:\n  - path: {root}\n")
    settings = {
        "MEDIAINDEX_CONFIG": str(config),
        "MEDIAINDEX__EMBEDDER__USE": "benchmarks.hardships.seeing:build",
    }
    program = Program(home / "daemon", settings)
    done = program.run("index", limit_s=600)
    assert done.returncode == 0, done.stderr
    multiply(home / "daemon" / "state" / "mediaindex.db", root, moments // base - 1)
    return Scene(root, Daemon(program))


def _busy_for(here: Scene, churn: Churn, seconds: float, per_s: float) -> int:
    """Change and search for so long; returns how many searches were answered."""
    end, answered = time.monotonic() + seconds, 0
    while time.monotonic() < end:
        due = time.monotonic() + 1 / per_s
        churn.act()
        with suppress(*NO_ANSWER):
            words = churn.chance.choice(QUESTIONS)
            answered += here.daemon.get("/api/v1/search", q=words).status_code == 200
        time.sleep(max(0.0, due - time.monotonic()))
    return answered


def _rss_mb(process: psutil.Process) -> tuple[float, float]:
    """Return the resident memory of the daemon, and of its children in all."""
    theirs = 0
    for child in process.children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            theirs += child.memory_info().rss
    return process.memory_info().rss / 1e6, theirs / 1e6


def _anonymous_mb(process: psutil.Process) -> float:
    """Return how much of it is mapped from no file; only this can leak.

    The database counts once for each connection that has it mapped, and lies in memory once.
    """
    found = process.memory_info()
    return float(found.rss - found.shared) / 1e6


def _told(process: psutil.Process) -> str:
    own, theirs = _rss_mb(process)
    files, threads = process.num_fds(), process.num_threads()
    return (
        f"daemon {own:.0f} MB ({_anonymous_mb(process):.0f} of no file), children {theirs:.0f} MB, "
        f"{files} open files, {threads} threads"
    )
