"""`kill -9` at random moments, while files arrive, move, change and vanish."""

import random
import time
from pathlib import Path

from benchmarks.hardships.settling import compare, leftovers, settle, survivors
from benchmarks.hardships.table import row
from benchmarks.hardships.tree import Tree
from tests.acceptance.program import Program
from tests.acceptance.serving import Daemon

SETTLE_S = 600
TELL_EVERY = 10
ORPHANS_S = 15
"""So long children may take to notice that their daemon is gone."""


def kills(home: Path, count: int, seed: int, gap_s: float) -> bool:
    """Kill `count` times, up to `gap_s` after each start; True if nothing was wrong after all."""
    tree = Tree(home / "library", seed)
    daemon = Daemon(Program(home / "daemon", {"MEDIAINDEX_CONFIG": str(_config(home, tree.root))}))
    chance = random.Random(seed + 1)
    deeds, began, answered = 0, time.monotonic(), 0
    for number in range(count):
        daemon.launch()
        end = time.monotonic() + chance.uniform(0.05, gap_s)
        while time.monotonic() < end:
            tree.act()
            deeds += 1
            time.sleep(chance.uniform(0, 0.2))
        answered += daemon.door.exists()
        assert daemon.process is not None
        if daemon.process.poll() is not None:
            print(f"kill {number}: it had ended by itself: {daemon.last_words()}")
        daemon.kill(group=number % 2 == 0)
        if (number + 1) % TELL_EVERY == 0:
            said = f"{number + 1} kills, {answered} while it listened, {deeds} changes"
            print(f"{said}, {time.monotonic() - began:.0f} s", flush=True)
    tree.finish()
    killed_s = time.monotonic() - began
    orphans = _orphans(daemon)
    daemon.start()
    settled_s = settle(daemon, tree.root, SETTLE_S)
    code, stop_s = daemon.stop()
    wrong = [*compare(daemon, tree.root), *leftovers(daemon), *orphans]
    if code != 0:
        wrong.append(f"it ended with {code}")
    row(
        {
            "kills": str(count),
            "while it listened": str(answered),
            "changes to the library": str(deeds),
            "s": f"{killed_s:.0f}",
            "s until settled": f"{settled_s:.1f}",
            "s to stop": f"{stop_s:.1f}",
            "same end": "yes" if not wrong else "no",
        }
    )
    print("\n".join(wrong))
    return not wrong


def _orphans(daemon: Daemon) -> list[str]:
    """Return the children that live on long after their daemon was killed alone."""
    end = time.monotonic() + ORPHANS_S
    while (left := survivors(daemon.program.home)) and time.monotonic() < end:
        time.sleep(0.2)
    return [f"orphan {' '.join(process.cmdline())[:80]}" for process in left]


def _config(home: Path, root: Path) -> Path:
    file = home / "config.yaml"
    # More than half of so small a library is gone now and then before it is next looked at.
    said = "sweep: {max_vanish_fraction: 1.0}"
    file.write_text(f"libraries:\n  - path: {root}\n{said}\n")
    return file
