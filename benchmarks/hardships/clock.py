"""The clock jumps under the daemon: forward, back, over a change of summer time, by years.

The machine's own clock is left alone: a library that is loaded before all others adds an offset to
what the daemon's processes are told, and reads it anew each time. A C compiler is needed.
"""

import shutil
import struct
import subprocess
import time
from pathlib import Path

from benchmarks.hardships.scene import drop, scene
from benchmarks.hardships.settling import compare, leftovers
from benchmarks.hardships.table import row
from tests.acceptance.serving import NeverCame, until

HOUR_S, DAY_S = 3600, 86_400
JUMPS = {
    "an hour forward": HOUR_S,
    "an hour back": 0,
    "a day back": -DAY_S,
    "a week forward": 7 * DAY_S,
    "to right": 0,
    "to 1971 (a dead battery)": -55 * 365 * DAY_S,
    "to right again": 0,
}
"""What happens, and how far the clock then is from the true one, in seconds."""

FIND_S = 60

SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile long long *offset;

__attribute__((constructor)) static void begin(void) {
    int file = open(getenv("CLOCK_OFFSET"), O_RDONLY | O_CLOEXEC);
    offset = mmap(NULL, 8, PROT_READ, MAP_SHARED, file, 0);
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, at);
    int is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (result == 0 && is_wall && offset && offset != MAP_FAILED) at->tv_sec += *offset;
    return result;
}

int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    int result = clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return result;
}

time_t time(time_t *at) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (at) *at = now.tv_sec;
    return now.tv_sec;
}
"""


def clock(home: Path, seed: int) -> bool:
    """Let the clock jump, and after each jump let a file arrive."""
    if shutil.which("cc") is None:
        print("there is no C compiler (cc), and without one the clock cannot be made to jump")
        return False
    home.mkdir(parents=True, exist_ok=True)
    offset = home / "offset"
    _set(offset, 0)
    here = scene(home, environ={"LD_PRELOAD": str(_built(home)), "CLOCK_OFFSET": str(offset)})
    here.daemon.start()
    here.settle()
    lost, worst_s, told = 0, 0.0, []
    for number, (name, by_s) in enumerate(JUMPS.items()):
        _set(offset, by_s)
        drop(here.root, f"jump{number}.jpg", seed + number)
        began = time.monotonic()
        try:
            until(
                lambda number=number: here.finds(f'"jump{number}"', f"jump{number}.jpg"),
                FIND_S,
                f"the file after the jump {name}",
            )
        except NeverCame as error:
            lost += 1
            told.append(f"{error}\n{here.daemon.last_words(5)}")
        worst_s = max(worst_s, time.monotonic() - began)
    settled_s = here.settle()
    code, stop_s = here.daemon.stop()
    wrong = [*compare(here.daemon, here.root), *leftovers(here.daemon)]
    row(
        {
            "jumps": str(len(JUMPS)),
            "new files not found": str(lost),
            "worst s to find one": f"{worst_s:.1f}",
            "s until settled": f"{settled_s:.1f}",
            "s to stop": f"{stop_s:.1f}",
            "same end": "yes" if not wrong else "no",
        }
    )
    print("\n".join([*told, *wrong]))
    return not lost and not wrong and code == 0


def _set(offset: Path, by_s: int) -> None:
    """Write in place: the daemon's processes have the file mapped."""
    with offset.open("r+b" if offset.exists() else "w+b") as file:
        file.write(struct.pack("=q", by_s))


def _built(home: Path) -> Path:
    library = home / "clock.so"
    command = ["cc", "-shared", "-fPIC", "-O2", "-x", "c", "-", "-o", str(library), "-ldl"]
    subprocess.run(command, input=SOURCE, text=True, check=True)
    return library
