"""The NAS goes away: unmounted in mid-sweep, mounted empty, another disk in its place."""

import time
import zlib
from dataclasses import replace
from pathlib import Path

from benchmarks.hardships.mounts import bind, unmount
from benchmarks.hardships.scene import Scene, drop, scene
from benchmarks.hardships.settling import compare, rows
from benchmarks.hardships.small import write_all
from benchmarks.hardships.table import row
from tests.acceptance.serving import NeverCame, until

NOTICE_S = 150
"""A sweep is due each minute here."""

MISSING = "SELECT count(*) FROM file WHERE missing_since IS NOT NULL"
OFFLINE = "SELECT offline_reason FROM library WHERE offline_reason IS NOT NULL"


def away(home: Path, seed: int, files: int) -> bool:
    """Take the root away in three ways, each time until it is noticed, and bring it back."""
    here = scene(home, sweep='{cron: "* * * * *", poll_s: 2}')
    disk = here.root.rename(home / "disk")
    here.root.mkdir()
    here = replace(here, root=home / "library")
    other, empty = home / "other", home / "empty"
    empty.mkdir()
    write_all(other, 200, seed + 1)
    bind(disk, here.root)
    here.daemon.start()
    here.settle()
    right = True
    for name, instead in (
        ("unmounted in mid-sweep", None),
        ("an empty folder mounted", empty),
        ("another disk mounted", other),
    ):
        write_all(disk / "more" / name, files, zlib.crc32(name.encode()))
        right &= _without(here, name, disk, instead)
    here.settle()
    code, _ = here.daemon.stop()
    wrong = compare(here.daemon, here.root)
    unmount(here.root)
    print("\n".join(wrong))
    return right and not wrong and code == 0


def _without(here: Scene, name: str, disk: Path, instead: Path | None) -> bool:
    """Have the root away until that is noticed; True if nothing counts as missing."""
    time.sleep(0.5)  # in the middle of it
    unmount(here.root)
    if instead is not None:
        bind(instead, here.root)
    began, noticed = time.monotonic(), float(NOTICE_S)
    try:
        until(lambda: rows(here.daemon.program, OFFLINE), NOTICE_S, "offline")
        noticed = time.monotonic() - began
    except NeverCame as error:
        print(name, error)
    time.sleep(5)
    finds = here.finds('"astronaut"', "astronaut")
    ((missing,),) = rows(here.daemon.program, MISSING)
    if instead is not None:
        unmount(here.root)
    bind(disk, here.root)
    try:
        resumed_s = here.settle(2 * NOTICE_S)
    except NeverCame as error:
        print(name, error)
        resumed_s = float("inf")
    ((after,),) = rows(here.daemon.program, MISSING)
    drop(here.root, f"after {name}.jpg", zlib.crc32(name.encode()))
    row(
        {
            "the root": name,
            "s until offline": f"{noticed:.1f}",
            "missing meanwhile": str(missing),
            "found by search": "yes" if finds else "no",
            "s until all is done again": f"{resumed_s:.1f}",
            "missing after": str(after),
        }
    )
    return bool(finds and not missing and not after and resumed_s != float("inf"))
