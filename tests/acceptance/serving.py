"""The real daemon in a process group of its own, asked over its socket."""

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.acceptance.program import Program


class NeverCame(AssertionError):  # noqa: N818 - what failed is the thing that was waited for
    """What was waited for did not come about in time."""


def until(claim: Callable[[], Any], limit_s: float, what: str, every_s: float = 0.05) -> Any:
    """Wait until something holds, and return it.

    Raises:
        NeverCame: It did not within `limit_s`.
    """
    end = time.monotonic() + limit_s
    while not (held := claim()):
        if time.monotonic() > end:
            raise NeverCame(f"{what}: not within {limit_s:g} s")
        time.sleep(every_s)
    return held


@dataclass
class Daemon:
    """`mediaindex serve` over the folders of a program; may be started again and again."""

    program: Program
    #: More environment.
    environ: Mapping[str, str] = field(default_factory=dict)
    #: What starts it, called as `subprocess.Popen` is.
    popen: Callable[..., "subprocess.Popen[str]"] = subprocess.Popen
    command: tuple[str, ...] = (sys.executable, "-m", "mediaindex", "serve")
    process: "subprocess.Popen[str] | None" = None

    def __post_init__(self) -> None:
        # A socket's path has 107 bytes at most, and folders of tests are deep.
        self.run_dir = Path(tempfile.mkdtemp(prefix="mi-"))
        atexit.register(shutil.rmtree, self.run_dir, ignore_errors=True)
        settings = {
            "MEDIAINDEX__SERVE__SOCKET": str(self.socket),
            "MEDIAINDEX__LOG__LEVEL": "info",
        }
        self.program.settings = settings | dict(self.program.settings)
        self.temporary.mkdir(parents=True, exist_ok=True)

    @property
    def socket(self) -> Path:
        """Where it listens."""
        return self.run_dir / "s"

    @property
    def temporary(self) -> Path:
        """Its own folder for what it throws away."""
        return self.program.home / "tmp"

    @property
    def log(self) -> Path:
        """All that it ever wrote."""
        return self.program.home / "serve.log"

    def launch(self) -> None:
        """Start it, and do not wait."""
        with self.log.open("ab") as log:
            self.process = self.popen(
                self.command,
                env={
                    **self.program.environment,
                    "TMPDIR": str(self.temporary),
                    **self.environ,
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self, limit_s: float = 60) -> None:
        """Start it and wait until it answers."""
        self.launch()
        self.await_ready(limit_s)

    def await_ready(self, limit_s: float = 60) -> None:
        """Wait until it answers; an end before that is told with the last of its log."""

        def ready() -> bool:
            assert self.process is not None
            if self.process.poll() is not None:
                raise NeverCame(f"it ended with {self.process.returncode}: {self.last_words()}")
            with suppress(httpx.TransportError):
                return self.get("/ready").status_code == 200
            return False

        try:
            until(ready, limit_s, "ready")
        except NeverCame as error:
            raise NeverCame(f"{error}\n{self.last_words()}") from None

    def get(self, path: str, limit_s: float = 30, **query: Any) -> httpx.Response:
        """Ask over a connection of its own."""
        with self.client(limit_s) as client:
            return client.get(path, params=query)

    def post(self, path: str, limit_s: float = 30, **options: Any) -> httpx.Response:
        """Tell it something."""
        with self.client(limit_s) as client:
            return client.post(path, **options)

    def client(self, limit_s: float = 30) -> httpx.Client:
        """Return a client of its socket; the caller closes it."""
        transport = httpx.HTTPTransport(uds=str(self.socket))
        return httpx.Client(transport=transport, base_url="http://daemon", timeout=limit_s)

    def stop(self, limit_s: float = 20) -> tuple[int, float]:
        """Ask it to end; returns its code and how many seconds it took."""
        assert self.process is not None
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=limit_s)
        return code, time.monotonic() - began

    def kill(self, *, group: bool = True) -> None:
        """Kill it as `kill -9` does: with all in its process group, or alone."""
        assert self.process is not None
        with suppress(ProcessLookupError):
            if group:
                os.killpg(self.process.pid, signal.SIGKILL)
            else:
                self.process.kill()
        self.process.wait()

    def last_words(self, lines: int = 15) -> str:
        """Return the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
