"""A daemon that says what a test has it say, on a real Unix socket."""

import json
import os
import socketserver
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar, Self

Said = Any
"""A JSON value, bytes as they are, or `Refused`."""


@dataclass(frozen=True)
class Refused:
    """An answer that tells of an error."""

    status: int
    kind: str
    message: str = "it cannot be done"


@dataclass(frozen=True)
class Raw:
    """Bytes in place of a whole answer, its head too."""

    content: bytes


@dataclass(frozen=True)
class Heard:
    """One request."""

    method: str
    #: With its query.
    target: str
    body: Any


class ScriptedDaemon:
    """Answers what `says` holds, from the start of the block to its end."""

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path
        #: By "METHOD /path" without the query; of a list, one a request, the last for ever.
        self.says: dict[str, Said] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.heard: list[Heard] = []
        self.stopping = threading.Event()

    def __enter__(self) -> Self:
        owner: ScriptedDaemon = self

        class Bound(_Exchange):
            daemon = owner

        self.socket_path.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as folder:
            # A path may be longer than what the kernel takes.
            handle = os.open(self.socket_path.parent, os.O_PATH)
            folder.callback(os.close, handle)
            address = f"/proc/self/fd/{handle}/{self.socket_path.name}"
            self._server = _Server(address, Bound)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.socket_path.unlink()

    def bodies(self, what: str) -> list[Any]:
        """Return what was sent with the requests of this "METHOD /path"."""
        return [one.body for one in self.heard if f"{one.method} {one.target}" == what]

    def answer(self, what: str) -> Said:
        """Return what is said to "METHOD /path"."""
        said = self.says.get(what, Refused(404, "NotFound", f"nothing is said to {what}"))
        if isinstance(said, list):
            return said.pop(0) if len(said) > 1 else said[0]
        return said


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = False  # so that closing waits for every thread
    request_queue_size = 32


class _Exchange(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    daemon: ClassVar[ScriptedDaemon]

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path != "/health":  # a mere knock
            sent = json.loads(raw) if raw else None
            self.daemon.heard.append(Heard(self.command, self.path, sent))
        self.close_connection = True
        if self.path == "/api/v1/events":
            self._stream()
            return
        said = self.daemon.answer(f"{self.command} {self.path.partition('?')[0]}")
        if isinstance(said, Raw):
            self.wfile.write(said.content)
            return
        status, kind = 200, "application/json"
        if isinstance(said, Refused):
            status, said = said.status, {"error": {"kind": said.kind, "message": said.message}}
        if isinstance(said, bytes):
            kind = "image/jpeg"
        else:
            said = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the base's names

    def _stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        text = ": from now on\n\n" + "".join(
            f"event: {kind}\ndata: {json.dumps(data)}\n\n" for kind, data in self.daemon.events
        )
        content = text.encode()
        middle = len(content) // 2  # a line may come in two parts
        for part in (content[:middle], content[middle:]):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        self.daemon.stopping.wait(10)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: tests look at `heard`."""

    def address_string(self) -> str:
        """Return a name for whoever asks; a Unix socket has none."""
        return "unix"
