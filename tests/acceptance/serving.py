"""The real daemon in a process group of its own, asked over its socket."""

import atexit
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

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


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status_code: int
    text: str

    def json(self) -> Any:
        """Return it parsed."""
        return json.loads(self.text)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket; httpx leaves a socket open that could not be connected."""

    def __init__(self, path: Path, limit_s: float) -> None:
        super().__init__("daemon", timeout=limit_s)
        self._path = path

    def connect(self) -> None:
        plug = socket.socket(socket.AF_UNIX)
        plug.settimeout(self.timeout)
        try:
            plug.connect(str(self._path))
        except OSError:
            plug.close()
            raise
        self.sock = plug


def ask(path: Path, method: str, target: str, content: bytes, limit_s: float) -> Answer:
    """Ask whoever listens at a Unix socket.

    Raises:
        OSError, http.client.HTTPException: It does not answer.
    """
    kind = "application/json" if content[:1] in (b"{", b"[") else "application/octet-stream"
    with closing(_Connection(path, limit_s)) as connection:
        connection.request(method, target, content, {"Content-Type": kind})
        answer = connection.getresponse()
        return Answer(answer.status, answer.read().decode(errors="replace"))


NO_ANSWER = (OSError, http.client.HTTPException)
"""What `Daemon.get` raises where nobody answers."""


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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Leave nothing of it behind, however a test ended."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def __post_init__(self) -> None:
        # A socket's path has 107 bytes at most, and folders of tests are deep.
        self.run_dir = Path(tempfile.mkdtemp(prefix="mi-"))
        atexit.register(shutil.rmtree, self.run_dir, ignore_errors=True)
        settings = {
            "MEDIAINDEX__SERVE__SOCKET": str(self.door),
            "MEDIAINDEX__LOG__LEVEL": "info",
        }
        self.program.settings = settings | dict(self.program.settings)
        self.temporary.mkdir(parents=True, exist_ok=True)

    @property
    def door(self) -> Path:
        """The socket at which it listens."""
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
            with suppress(*NO_ANSWER):
                return self.get("/ready").status_code == 200
            return False

        try:
            until(ready, limit_s, "ready")
        except NeverCame as error:
            raise NeverCame(f"{error}\n{self.last_words()}") from None

    def get(self, path: str, limit_s: float = 30, **query: object) -> Answer:
        """Ask, over a connection of its own; raises what `ask` does."""
        return ask(self.door, "GET", f"{path}?{urlencode(query)}", b"", limit_s)

    def post(self, path: str, content: bytes = b"", limit_s: float = 30) -> Answer:
        """Tell it something, JSON or a picture; raises what `ask` does."""
        return ask(self.door, "POST", path, content, limit_s)

    def status(self) -> dict[str, Any]:
        """Return what it tells of itself; nothing where it does not answer."""
        with suppress(*NO_ANSWER, json.JSONDecodeError):
            told: dict[str, Any] = self.get("/api/v1/status").json()
            return told
        return {}

    def is_idle(self) -> bool:
        """Return True if it says that nothing is left to do."""
        return bool(self.status().get("daemon", {}).get("phase") == "idle")

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
