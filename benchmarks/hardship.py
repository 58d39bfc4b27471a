"""What a home does to a daemon in years, in minutes; each hardship prints its figures.

python benchmarks/hardship.py kills 100
python benchmarks/hardship.py load --per-s 50 --seconds 60

The figures are of real processes and real files. Ends with 1 where something was lost, doubled or
wrong, and keeps its folder then.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.hardships import away, clock, disks, growth, kills, mounts, silence, speed
from benchmarks.hardships.settling import end_survivors

Run = Callable[[Path, argparse.Namespace], bool]

HARDSHIPS: dict[str, tuple[str, Run]] = {
    "kills": (
        "kill -9 at random moments while files arrive, change, move and vanish",
        lambda home, said: kills.kills(home, said.count, said.seed, said.gap_s),
    ),
    "latency": (
        "from a file's closing until it is found by name, idle and with a backlog",
        lambda home, said: speed.latency(home, said.count, said.seed, said.backlog),
    ),
    "burst": (
        "thousands of small files at once",
        lambda home, said: speed.burst(home, said.count, said.seed),
    ),
    "load": (
        "searches at a steady rate while a backlog is indexed",
        lambda home, said: speed.load(home, said.per_s, said.seconds, said.seed, said.backlog),
    ),
    "growth": (
        "memory over changes in fast motion, with a big library",
        lambda home, said: growth.growth(home, said.moments, said.minutes, said.seed, said.per_s),
    ),
    "away": (
        "the root unmounted in mid-sweep, empty, another disk in its place (root)",
        lambda home, said: away.away(home, said.seed, said.files),
    ),
    "full": (
        "the disk of cache and state is full for a while (root)",
        lambda home, said: disks.full(home, said.seed, said.megabytes, said.files),
    ),
    "locked": (
        "another process holds the database's write lock",
        lambda home, said: disks.locked(home, said.seed, said.seconds),
    ),
    "index-gone": (
        "the index's folder is deleted, while stopped and while running",
        lambda home, said: disks.index_gone(home, said.seed),
    ),
    "silence": (
        "every connection that is tried over some minutes, by a daemon with a true model's runtime",
        lambda home, said: silence.silence(home, said.seed, said.minutes),
    ),
    "clock": (
        "the clock jumps (cc)",
        lambda home, said: clock.clock(home, said.seed),
    ),
}

MOUNTING = ("away", "full")

COUNTS = {"kills": 100, "latency": 100, "burst": 10_000}
OPTIONS: dict[str, dict[str, float]] = {
    "kills": {"gap-s": 8.0},
    "latency": {"backlog": 3000},
    "load": {"per-s": 50.0, "seconds": 60.0, "backlog": 5000},
    "growth": {"moments": 100_000, "minutes": 60.0, "per-s": 10.0},
    "away": {"files": 1000},
    "full": {"megabytes": 60, "files": 200},
    "silence": {"minutes": 5.0},
    "locked": {"seconds": 60.0},
}


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = made.add_subparsers(dest="hardship", required=True)
    for name, (what, _) in HARDSHIPS.items():
        command = commands.add_parser(name, help=what, description=what)
        if name in COUNTS:
            command.add_argument("count", type=int, nargs="?", default=COUNTS[name], metavar="N")
        for option, default in OPTIONS.get(name, {}).items():
            command.add_argument(
                f"--{option}", type=type(default), default=default, help=f"default: {default:g}"
            )
        command.add_argument("--seed", type=int, default=20261121)
        command.add_argument("--keep", action="store_true", help="keep its folder in any case")
    return made


def main() -> int:
    said = parser().parse_args()
    # Whoever has no more patience with it gets it out of the way with all that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if said.hardship in MOUNTING:
        mounts.own_mounts()
    home = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    keep = True
    try:
        right = HARDSHIPS[said.hardship][1](home, said)
        keep = said.keep or not right
    except (KeyboardInterrupt, SystemExit):
        keep = said.keep
        raise
    finally:
        end_survivors(home)
        mounts.unmount_below(home)
        if keep:
            print(f"its folder is {home}", file=sys.stderr)
        else:
            shutil.rmtree(home)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
