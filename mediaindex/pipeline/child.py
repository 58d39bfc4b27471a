"""Run what may crash, hang or eat memory in a process of its own.

Decoders are C code that reads files from anywhere. One that dies takes this child with it and not
the program, and the caller learns which file it was.
"""

import ctypes
import multiprocessing
import os
import queue
import resource
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

from mediaindex.errors import BrokenOff, MediaIndexError, Unusable

if TYPE_CHECKING:
    from multiprocessing.process import BaseProcess

PR_SET_PDEATHSIG = 1
"""`man 2 PR_SET_PDEATHSIG`; Python has no name for it."""

NICE = 10
"""How far a child stands back behind the program itself."""

OOM_SCORE = "900"
"""Of 1000: how readily the kernel ends a child where memory runs out (`man 5 proc`)."""

LOOK_S = 0.2
"""So often a call looks whether it is to stop."""

P = ParamSpec("P")
R = TypeVar("R")


class ChildDied(Exception):  # noqa: N818 - said of the process, as a person would
    """The process ended in the middle of its work: a crash in a decoder, or no memory left."""


class ChildFault(Exception):  # noqa: N818 - a bug of ours on the other side, with its traceback
    """The function raised something that nobody expected; the text is its traceback."""


class Child:
    """One process that runs one function at a time; started on first use, and again if it died.

    On Linux it ends with the thread that started it, so that one is to live as long.
    """

    def __init__(self, memory_limit_bytes: int, stop: threading.Event | None = None) -> None:
        self._memory_limit_bytes = memory_limit_bytes
        self._stop = stop
        self._process: BaseProcess | None = None
        self._pipe: Connection | None = None

    def call(
        self, time_limit_s: float, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Return what `function` returns in the child; function and values must be picklable.

        Raises:
            Unusable: It took longer than `time_limit_s` or more memory than it may; or so said the
                function.
            RetryLater: The function said so.
            BrokenOff: It is to stop.
            ChildDied: The process died of it.
            ChildFault: The function raised anything else.
        """
        pipe = self._pipe or self._start()
        try:
            pipe.send((function, args, kwargs))
            if not self._is_answered(pipe, time_limit_s):
                self.stop()
                raise Unusable(f"took longer than {time_limit_s:g} s to read")
            good, value = pipe.recv()
        except (EOFError, OSError) as error:
            code = self.stop()
            raise ChildDied(_last_words(code)) from error
        if good:
            return cast("R", value)
        raise value

    def stop(self) -> int | None:
        """End the process, whatever it is doing; returns its exit code."""
        process, self._process = self._process, None
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        if process is None:
            return None
        process.join(0.2)  # one that died by itself has a tale to tell; leave it the time
        if process.is_alive():
            process.kill()
            process.join()
        code = process.exitcode
        process.close()
        return code

    def _is_answered(self, pipe: Connection, time_limit_s: float) -> bool:
        if self._stop is None:
            return pipe.poll(time_limit_s)
        end = time.monotonic() + time_limit_s
        while not pipe.poll(max(0.0, min(LOOK_S, end - time.monotonic()))):
            if self._stop.is_set():
                self.stop()
                raise BrokenOff("the run ends")
            if time.monotonic() >= end:
                return False
        return True

    def _start(self) -> Connection:
        # Not fork: a copy of a process with threads may hold locks that nobody will ever open.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(theirs, self._memory_limit_bytes), daemon=True
        )
        self._process.start()
        theirs.close()
        self._pipe = ours
        return ours


class Children:
    """Several children for several threads to call."""

    def __init__(
        self, count: int, memory_limit_bytes: int, stop: threading.Event | None = None
    ) -> None:
        """Prepare them; none is started yet.

        Args:
            count: How many.
            memory_limit_bytes: Of the address space of each; 0: no limit.
            stop: Once it is set, calls are broken off; None: each goes on to its end.
        """
        self._all = [Child(memory_limit_bytes, stop) for _ in range(count)]
        # The one that worked last is the next, so that no more are started than work at once.
        self._idle: queue.LifoQueue[Child] = queue.LifoQueue()
        for child in reversed(self._all):
            self._idle.put(child)

    @contextmanager
    def one(self) -> Iterator[Child]:
        """Give a child that nobody else is using; waits for one."""
        child = self._idle.get()
        try:
            yield child
        finally:
            self._idle.put(child)

    def close(self) -> None:
        """End them all."""
        for child in self._all:
            child.stop()


def _serve(pipe: Connection, memory_limit_bytes: int) -> None:
    _end_with_parent()
    # Ctrl-C goes to every process of the terminal; only the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Decoders fill what others leave: the encoder, whose threads wait for each other, so that one
    # that is held up holds up all; and whatever else this machine is for.
    os.nice(NICE)
    # If memory runs out, this process is to go, and not the one that knows which file it was.
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE)
    # C libraries write their complaints about broken files to stderr; what matters is the reason
    # that comes back through the pipe.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    if memory_limit_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_limit_bytes, memory_limit_bytes))
    while True:
        try:
            function, args, kwargs = pipe.recv()
        except EOFError:
            return
        pipe.send(_outcome(function, args, kwargs))


def _end_with_parent() -> None:
    """Have the kernel kill this process as soon as the parent is gone, whatever it is doing then.

    Where there is no such call, it ends when it next turns to its pipe.
    """
    parent = multiprocessing.parent_process()
    if sys.platform != "linux" or parent is None:
        return
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent.pid:  # it died before we asked
        os._exit(1)


def _outcome(
    function: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, object]
) -> tuple[bool, object]:
    try:
        return True, function(*args, **kwargs)
    except MediaIndexError as error:
        return False, error
    except MemoryError:
        return False, Unusable("needs more memory to read than photo.memory_limit_mb allows")
    except Exception:  # noqa: BLE001 - the main of this process: the parent raises it again
        return False, ChildFault(traceback.format_exc())


def _last_words(code: int | None) -> str:
    if code is not None and code < 0:
        return f"the decoder was ended by {signal.Signals(-code).name} at this file"
    return f"the decoder ended with code {code} at this file"
