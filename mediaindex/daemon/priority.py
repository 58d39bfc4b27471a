"""Let threads that nobody waits for stand behind those that answer."""

import ctypes
import logging
import os
import platform
import sys
import threading
from contextlib import suppress

log = logging.getLogger(__name__)

NICE = 10
"""How far work stands back: behind answers, and level with the decoders."""

IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "riscv64": 30}
"""Number of the system call, by machine; no library of C has a name for it."""

IOPRIO_WHO_PROCESS, IOPRIO_CLASS_BEST_EFFORT, LOWEST = 1, 2, 7
"""`man 2 ioprio_set`. Not the idle class: beside a busy disk it may never get its turn."""


def stand_back() -> None:
    """Have this thread, and those it starts, yield the processor and the disk to others.

    On Linux each thread has its own; elsewhere nothing is done. Never raises.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
    number = IOPRIO_SET.get(platform.machine())
    if number is not None:
        priority = IOPRIO_CLASS_BEST_EFFORT << 13 | LOWEST
        ctypes.CDLL(None).syscall(number, IOPRIO_WHO_PROCESS, 0, priority)
