"""The daemon's own disk: full, its database locked by another, its index deleted."""

import json
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from benchmarks.hardships.mounts import tmpfs, unmount
from benchmarks.hardships.scene import Scene, drop, scene
from benchmarks.hardships.settling import compare, rows
from benchmarks.hardships.small import write_all
from benchmarks.hardships.table import row
from tests.acceptance.serving import NeverCame, until

FOUND_S = 120


def full(home: Path, seed: int, megabytes: int, files: int) -> bool:
    """Let the disk of the cache, then of the state, be full until that is told; then give room."""
    right = True
    for number, folder in enumerate(("cache", "state")):
        settings = {"MEDIAINDEX__WORK__MIN_FREE_MB": "0"}
        here = scene(home / folder, settings)
        small = here.daemon.program.home / folder
        places = small / "places"
        link = places.readlink() if places.is_symlink() else None
        tmpfs(small, megabytes)
        if link is not None:
            places.symlink_to(link)
        here.daemon.start()
        here.settle()
        right &= _filled(here, folder, small, seed + number, files)
        unmount(small)
    return right


def _filled(here: Scene, folder: str, small: Path, seed: int, files: int) -> bool:
    _fill(small / "filler")
    began = time.monotonic()
    write_all(here.root / "more", files, seed)
    told_s = _seconds_until_told(here, began)
    time.sleep(10)
    finds = here.finds('"astronaut"', "astronaut")
    assert here.daemon.process is not None
    lives = here.daemon.process.poll() is None
    (small / "filler").unlink()
    resumed_s = here.settle()
    code, _ = here.daemon.stop()
    wrong = compare(here.daemon, here.root)
    row(
        {
            "full": folder,
            "s until it was told": f"{told_s:.1f}",
            "it lives": "yes" if lives else "no",
            "found by search": "yes" if finds else "no",
            "s until all is done": f"{resumed_s:.1f}",
            "same end": "yes" if not wrong else "no",
        }
    )
    print("\n".join(wrong))
    return bool(told_s < FOUND_S and lives and finds and not wrong and code == 0)


def _seconds_until_told(here: Scene, began: float) -> float:
    try:
        until(lambda: _tells_of_space(here), FOUND_S, "it tells of a full disk")
    except NeverCame as error:
        print(error, json.dumps(here.daemon.status())[-1500:], here.daemon.last_words(5), sep="\n")
        return float("inf")
    return time.monotonic() - began


def _fill(filler: Path) -> None:
    """Leave not one block; whoever frees one a moment later may have it."""
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def _tells_of_space(here: Scene) -> bool:
    told = json.dumps(here.daemon.status()).lower()
    return any(words in told for words in ("no space", "disk is full", "free on", "is full"))


def locked(home: Path, seed: int, seconds: float) -> bool:
    """Hold the write lock from outside while files arrive."""
    here = scene(home)
    here.daemon.start()
    here.settle()
    database = here.daemon.program.home / "state" / "mediaindex.db"
    answered, asked = 0, 0
    with closing(sqlite3.connect(database, timeout=30, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        began = time.monotonic()
        write_all(here.root / "more", 20, seed)
        while time.monotonic() - began < seconds:
            asked += 1
            answered += here.finds('"astronaut"', "astronaut")
            time.sleep(1)
        told = here.daemon.status()
        holder.execute("ROLLBACK")
    assert here.daemon.process is not None
    lives = here.daemon.process.poll() is None
    resumed_s = here.settle()
    code, _ = here.daemon.stop()
    wrong = compare(here.daemon, here.root)
    row(
        {
            "locked for s": f"{seconds:g}",
            "it lives": "yes" if lives else "no",
            "searches answered": f"{answered} of {asked}",
            "s until all is done": f"{resumed_s:.1f}",
            "same end": "yes" if not wrong else "no",
        }
    )
    print(*wrong, f"meanwhile it said: {json.dumps(told)[:600]}", sep="\n")
    return lives and answered == asked and not wrong and code == 0


def index_gone(home: Path, seed: int) -> bool:
    """Delete the folder of the index, while the daemon is stopped and while it runs."""
    here = scene(home)
    index = here.daemon.program.home / "cache" / "index"
    here.daemon.start()
    here.settle()
    before = _reds(here)
    print(f"the index lies in {sorted(path.name for path in index.iterdir())}")
    here.daemon.stop()
    shutil.rmtree(index)
    here.daemon.start()
    here.settle()
    figures = {"stopped": _reds(here) == before}
    shutil.rmtree(index)
    figures["running, at once"] = _reds(here) == before
    drop(here.root, "after.jpg", seed)
    until(lambda: here.finds('"after"', "after.jpg"), FOUND_S, "after.jpg")
    here.settle()
    figures["running, a new file found"] = here.finds('"after"', "after.jpg")
    code, _ = here.daemon.stop()
    here.daemon.start()
    here.settle()
    figures["after another start"] = set(before) <= set(_reds(here))
    figures["the folder is back"] = index.is_dir()
    again, _ = here.daemon.stop()
    row({name: "yes" if held else "no" for name, held in figures.items()})
    changes = rows(here.daemon.program, "SELECT count(*) FROM index_change")
    return all(figures.values()) and (code, again) == (0, 0) and changes == [(0,)]


def _reds(here: Scene) -> list[str]:
    answer = here.daemon.get("/api/v1/search", q="red", limit=100)
    return sorted(hit["path"] for hit in answer.json().get("hits", []))
