"""How quick the daemon stays: from file to findable, thousands at once, searches while it works."""

import random
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.hardships.scene import Scene, drop, scene
from benchmarks.hardships.settling import known, on_disk
from benchmarks.hardships.small import pictures, write_all
from benchmarks.hardships.table import quantiles, row
from tests.acceptance.serving import NO_ANSWER, Daemon, NeverCame, until

FIND_S = 120
QUESTIONS = (
    "red",
    "a dark picture with some green",
    "blue kind:photo",
    "orange after:2010 before:2030",
    '"astronaut"',
    "yellow -black",
    "grey in:photos",
)


def latency(home: Path, count: int, seed: int, backlog: int) -> bool:
    """Drop files one by one, with nothing else to do and then with a backlog."""
    here = scene(home)
    here.daemon.start()
    here.settle()
    idle = [_seconds_to_find(here, f"idle{number:04}", number) for number in range(count)]
    write_all(here.root / "backlog", backlog, seed)
    until(lambda: not here.daemon.is_idle(), 60, "the backlog is noticed")
    busy = []
    for number in range(count):
        busy.append(_seconds_to_find(here, f"busy{number:04}", 10**6 + number))
        if here.daemon.is_idle():
            print(f"the backlog was done after {number + 1} files; take a bigger one")
            break
    here.daemon.stop()
    for name, times in (("nothing else to do", idle), (f"a backlog of {backlog:,}", busy)):
        lost = times.count(float(FIND_S))
        row({"while": name, "files": str(len(times)), **quantiles(times), "not found": str(lost)})
    return max(*idle, *busy) < FIND_S


def _seconds_to_find(here: Scene, name: str, unlike: int) -> float:
    drop(here.root, f"{name}.jpg", unlike)
    closed = time.monotonic()
    try:
        until(lambda: here.finds(f'"{name}"', f"{name}.jpg"), FIND_S, name)
    except NeverCame as error:
        print(error, here.daemon.last_words(5))
        return float(FIND_S)
    return time.monotonic() - closed


def burst(home: Path, count: int, seed: int) -> bool:
    """Let thousands of files come at once."""
    here = scene(home)
    here.daemon.start()
    here.settle()
    began = time.monotonic()
    for _ in pictures(here.root / "burst", count, seed):
        pass
    written_s = time.monotonic() - began
    try:
        until(lambda: known(here.daemon.program) == on_disk(here.root), 600, "all known", 0.5)
    except NeverCame as error:
        print(error)
    known_s = time.monotonic() - began
    missed = len(on_disk(here.root) - known(here.daemon.program))
    here.settle(limit_s=3600)
    done_s = time.monotonic() - began
    here.daemon.stop()
    row(
        {
            "files": f"{count:,}",
            "s to write them": f"{written_s:.1f}",
            "s until all are known": f"{known_s:.1f}",
            "s until all is done": f"{done_s:.0f}",
            "missed": str(missed),
        }
    )
    return not missed


def load(home: Path, per_s: float, seconds: float, seed: int, backlog: int) -> bool:
    """Search so often while a backlog is indexed; times count from when a search was due."""
    here = scene(home)
    write_all(here.root / "backlog", backlog, seed)
    here.daemon.start()
    until(lambda: here.daemon.get("/api/v1/search", q="red").status_code == 200, 60, "a search")
    waits, came = _open_loop(here.daemon, per_s, seconds, seed)
    still = not here.daemon.is_idle()
    here.daemon.stop()
    wrong = {what: number for what, number in came.items() if what != "200"}
    row(
        {
            "searches": str(sum(came.values())),
            "a second": f"{per_s:g}",
            "errors": str(sum(wrong.values())),
            **quantiles(waits, "ms"),
            "indexing to the end": "yes" if still else "no",
        }
    )
    if wrong:
        print(wrong, here.daemon.last_words())
    return not wrong


def _open_loop(
    daemon: Daemon, per_s: float, seconds: float, seed: int
) -> tuple[Sequence[float], Counter[str]]:
    """Return how long each search took, counted from when it was due, and what came of them."""
    waits: list[float] = []
    came: Counter[str] = Counter()

    def ask(words: str, due: float) -> None:
        try:
            came[str(daemon.get("/api/v1/search", q=words).status_code)] += 1
        except NO_ANSWER as error:
            came[type(error).__name__] += 1
        waits.append(time.monotonic() - due)

    chance, began = random.Random(seed), time.monotonic()
    with ThreadPoolExecutor(100) as pool:
        for number in range(int(per_s * seconds)):
            due = began + number / per_s
            time.sleep(max(0.0, due - time.monotonic()))
            pool.submit(ask, chance.choice(QUESTIONS), due)
    return waits, came
