"""The real program in a process of its own that need not load first.

Loading takes longer than most commands. So one Python loads all that commands use, before it has
seen any setting, and forks whenever one is to run: the fork has its own environment, folder and
pipes, runs `main`, and ends as any Python does. What starts a process afresh (kills, the daemon, a
terminal) does not come here.
"""

import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]

ALSO = (
    *(f"mediaindex.cli.immich_{name}" for name in ("confirm", "connect", "disconnect", "revert")),
    *(f"mediaindex.cli.immich_{name}" for name in ("status", "sync", "write")),
    *(f"mediaindex.{name}" for name in ("parts", "indexing", "asking", "exporting.run", "looking")),
    *(f"mediaindex.{name}" for name in ("overview", "care.repair", "embedders.colour")),
    *("alembic.command", "chromadb", "mediaindex.vectors.chroma", "PIL.JpegImagePlugin"),
)
"""What commands load once they know what to do, besides the modules of their names."""


def of_the_machine() -> dict[str, str]:
    """Return the part of the environment without which no program runs."""
    needed = ("PATH", "LANG", "LD_LIBRARY_PATH")
    return {key: os.environ[key] for key in needed if key in os.environ}


def run(
    arguments: tuple[str, ...], environment: Mapping[str, str], limit_s: float
) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end; nobody is at the keyboard.

    Raises:
        TimeoutExpired: It took longer than it may; it is killed.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    (out, out_end), (err, err_end) = os.pipe(), os.pipe()
    order = json.dumps([arguments, dict(environment), str(Path.cwd())]).encode()
    socket.send_fds(_loaded(), [order], [out_end, err_end, theirs.fileno()])
    theirs.close()
    os.close(out_end)
    os.close(err_end)
    with ours, ThreadPoolExecutor(2) as readers:
        said = [readers.submit(_read, end) for end in (out, err)]
        pid = int(ours.recv(64))
        ours.settimeout(limit_s)
        try:
            code = int(ours.recv(64))
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(arguments, limit_s) from None
    return subprocess.CompletedProcess(arguments, code, *(each.result() for each in said))


def _read(end: int) -> str:
    with open(end, encoding="utf-8") as pipe:
        return pipe.read()


@cache
def _loaded() -> socket.socket:
    """Start the Python that forks; returns where it takes orders. It ends with this process."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    process = subprocess.Popen(
        [sys.executable, "-c", f"from {__name__} import serve; serve({theirs.fileno()})"],
        cwd=ROOT,
        env=of_the_machine() | {"OPENBLAS_NUM_THREADS": "1"},  # who forks had better be alone
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def serve(door: int) -> None:
    """Load, and be the program in a fork for every order that comes."""
    from mediaindex.cli.main import COMMANDS, main

    commands = [f"mediaindex.cli.{name.replace('-', '_')}" for name in COMMANDS if name != "serve"]
    for module in (*commands, *ALSO):
        importlib.import_module(module)
    gc.freeze()
    with socket.socket(fileno=door) as orders:
        if not _fork_for(orders):
            return
    main()


def _fork_for(orders: socket.socket) -> bool:
    """Fork for each order; returns True in a fork, and False when no more will come."""
    with selectors.PollSelector() as waiting:
        waiting.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in waiting.select():
                if key.fileobj is not orders:
                    pid, reply = key.data
                    reply.send(b"%d" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                    reply.close()
                    waiting.unregister(key.fileobj)
                    os.close(key.fd)
                    continue
                order, ends, _, _ = socket.recv_fds(orders, 1 << 20, 3)
                if not order:
                    return False
                reply = socket.socket(fileno=ends[2])
                if not (pid := os.fork()):
                    reply.close()
                    for other in list(waiting.get_map().values())[1:]:
                        os.close(other.fd)
                        other.data[1].close()
                    _become(*json.loads(order), *ends[:2])
                    return True
                for end in ends[:2]:
                    os.close(end)
                reply.send(b"%d" % pid)
                waiting.register(os.pidfd_open(pid), selectors.EVENT_READ, (pid, reply))


def _become(arguments: list[str], environment: dict[str, str], folder: str, *ends: int) -> None:
    """Be as a process that was just started."""
    for standard, end in enumerate(ends, 1):
        os.dup2(end, standard)
        os.close(end)
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv[1:] = arguments
