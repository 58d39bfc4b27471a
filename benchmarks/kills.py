"""`kill -9` at random moments of `index`: does the next run come to the end of an undisturbed one?

nice python benchmarks/kills.py --kills 100
"""

import argparse
import random
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from tests.acceptance.kills import kill_after, real_library
from tests.acceptance.program import Program

STAGES = ("identify", "probe", "decode", "embed", "embed_text")
BEFORE, AFTER, ENDED = "before them", "after them", "it had ended"


def at_work(program: Program) -> list[str]:
    """Return the stages that a killed run was at: its leases are left.

    Looks at a copy, for to open a database puts it in order.
    """
    with tempfile.TemporaryDirectory() as folder:
        for path in (program.home / "state").glob("mediaindex.db*"):
            shutil.copy(path, folder)
        with closing(sqlite3.connect(Path(folder) / "mediaindex.db")) as connection:
            known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            if not {"job", "result"} <= known:
                return [BEFORE]
            leased = "SELECT DISTINCT stage FROM job WHERE state = 'leased'"
            stages = [stage for (stage,) in connection.execute(leased)]
            (done,) = connection.execute("SELECT count(*) FROM result").fetchone()
    return stages or [AFTER if done else BEFORE]


def main(kills: int, seed: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    library = real_library(home / "library")
    clean = Program(home / "clean")
    began = time.monotonic()
    clean.run("index", str(library))
    whole_s = time.monotonic() - began
    end = clean.end_state()
    moments, hit, same = random.Random(seed), Counter[str](), 0
    for number in range(kills):
        program = Program(home / str(number))
        moment_s = moments.uniform(0, whole_s)
        killed = kill_after(moment_s, program.start("index", str(library)))
        hit.update(at_work(program) if killed else [ENDED])
        done = program.run("index", str(library))
        found = program.end_state()
        if done.returncode == 0 and found == end:
            same += 1
            shutil.rmtree(program.home)
        else:
            wrong = [name for name in end if found[name] != end[name]]
            print(f"{program.home}: killed after {moment_s:.3f} s: {wrong}", file=sys.stderr)
    columns = (BEFORE, *STAGES, AFTER, ENDED)
    print(f"| kills | same end | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 2)}")
    print(f"| {kills} | {same} | {' | '.join(str(hit[name]) for name in columns)} |")
    if same == kills:
        shutil.rmtree(home)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=20261121)
    arguments = parser.parse_args()
    main(arguments.kills, arguments.seed)
