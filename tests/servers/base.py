"""What every scripted server shares: sockets, the record of requests, faults, and the queue."""

import http.client
import json
import math
import select
import socket
import struct
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.servers.answers import Script, describe
from tests.servers.faults import BUSY, JSON, Fault

PATIENCE_S = 10.0
# On, and zero seconds: closing throws away what is unsent and tells the peer with a reset.
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass
class Request:
    """One request as it came, kept for the test to look at."""

    method: str
    path: str
    #: Names in lower case.
    headers: Mapping[str, str]
    #: Parsed JSON; None where there was none, or none that could be parsed.
    body: Any
    #: Decoded from base64, in order.
    pictures: list[bytes] = field(default_factory=list)
    #: On `time.monotonic`; `ended` is None while it is being answered.
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None
    #: 499 if the client left first; None if the server broke off before a status.
    status: int | None = None


class Refusal(Exception):  # noqa: N818 - an answer, not a failure of the server
    """The request is answered with an error."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


class ClientGone(Exception):  # noqa: N818
    """The client closed the connection before it was answered."""


class Stopped(Exception):  # noqa: N818
    """The server was stopped while it answered."""


class Exchange(BaseHTTPRequestHandler):
    """One connection; `seen` is the request it is at."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    owner: ClassVar["ScriptedServer"]
    seen: Request
    fault: Fault | None = None

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = None
        with suppress(ValueError):
            body = json.loads(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen = Request(self.command, self.path, headers, body)
        with self.owner.noting(self.seen):
            try:
                self.owner.serve(self)
            except (ClientGone, ConnectionError):
                self.seen.status = 499
                self.close_connection = True
            except Stopped:
                self.reset()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - the base's names

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's name
        """Say nothing: tests look at `requests`."""

    def body(self) -> dict[str, Any]:
        """Return the JSON object that was sent.

        Raises:
            Refusal: There is none.
        """
        if self.headers.get("content-length") in {None, "0"}:
            raise Refusal(400, "missing request body")
        if not isinstance(self.seen.body, dict):
            raise Refusal(400, "invalid character looking for beginning of value")
        return self.seen.body

    def wait(self, seconds: float | None) -> None:
        """Wait, for ever if None.

        Raises:
            ClientGone: The client closed the connection.
            Stopped: The server is being stopped.
        """
        poller = select.poll()
        poller.register(self.connection, select.POLLRDHUP)
        gone = poller.poll(None if seconds is None else math.ceil(seconds * 1000))
        if self.owner.stopping:
            raise Stopped
        if gone:
            raise ClientGone

    def reset(self) -> None:
        """Reset the connection: what is unsent is lost and the client is told so."""
        self.owner.doom(self.connection)
        self.close_connection = True

    def send_json(self, status: int, value: object) -> None:
        """Send one JSON body."""
        self.send(status, json.dumps(value).encode())

    def send(
        self,
        status: int,
        body: bytes,
        content_type: str = JSON,
        headers: Mapping[str, str] = {},
    ) -> None:
        """Send a whole answer; its first half where that is the fault."""
        head = self._head(status, content_type, {"Content-Length": str(len(body)), **headers})
        most = 0 if self.command == "HEAD" else len(body)
        self.wfile.write(head + body[: most // 2 if self._breaks("half") else most])

    def stream(self, content_type: str, parts: Iterable[bytes]) -> None:
        """Send an answer part by part; where that is the fault it breaks off, or says it died."""
        all_parts = list(parts)
        if self._breaks("killed"):
            all_parts[len(all_parts) // 2 :] = [self.owner.last_words()]
        broken = self._breaks("half")
        self.wfile.write(self._head(200, content_type, {"Transfer-Encoding": "chunked"}))
        for part in all_parts[: len(all_parts) // 2] if broken else all_parts:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        last = all_parts[-1]
        broken_part = b"%x\r\n%s" % (len(last), last[: len(last) // 2])
        self.wfile.write(broken_part if broken else b"0\r\n\r\n")

    def _breaks(self, kind: str) -> bool:
        now = self.fault is not None and self.fault.kind == kind
        self.close_connection = self.close_connection or (now and kind == "half")
        return now

    def _head(self, status: int, content_type: str, headers: Mapping[str, str]) -> bytes:
        self.seen.status = status
        lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, '')}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, f"Content-Type: {content_type}", "", ""]).encode()


class _Listener(ThreadingHTTPServer):
    """Knows its open connections, so that they can be reset."""

    daemon_threads = False  # so that closing waits for every thread

    def __init__(self, port: int, handler: type[Exchange]) -> None:
        self.open: set[socket.socket] = set()
        self.doomed: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        if request in self.doomed:
            self.doomed.discard(request)
            self.close_request(request)  # no polite end before the reset
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # a client that left is no error
            super().handle_error(request, client_address)


class Queue:
    """Lets `parallel` requests run and `max_pending` wait for it, first come first served."""

    def __init__(self, parallel: int, max_pending: int, changed: threading.Condition) -> None:
        self.parallel, self.max_pending = parallel, max_pending
        self.running = 0
        self._waiting: deque[object] = deque()
        self._changed = changed

    @property
    def pending(self) -> int:
        """How many wait; the one whose model is being loaded is among them."""
        return len(self._waiting)

    @contextmanager
    def turn(self, exchange: Exchange, first: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Run once it is this request's turn; `first` runs while all later ones still wait.

        Raises:
            Refusal: 503, too many wait.
            ClientGone, Stopped: While it waited, or from `first`.
        """
        ticket = object()
        with self._changed:
            waits = bool(self._waiting) or self.running >= self.parallel
            if waits and self.pending >= self.max_pending:
                raise Refusal(503, BUSY)
            self._waiting.append(ticket)
            self._changed.notify_all()
        began = 0
        try:
            self.wait(lambda: self._waiting[0] is ticket and self.running < self.parallel, exchange)
            first()
            began = 1
        finally:
            self._count(began, ticket)
        try:
            yield
        finally:
            self._count(-1)

    def wait(self, ready: Callable[[], bool], exchange: Exchange) -> None:
        """Wait until `ready`, which is asked again whenever anything changes."""
        with self._changed:
            self._changed.wait_for(lambda: exchange.owner.stopping or ready())
        exchange.wait(0)

    def _count(self, by: int, *done_waiting: object) -> None:
        with self._changed:
            self.running += by
            for ticket in done_waiting:
                self._waiting.remove(ticket)
            self._changed.notify_all()


class ScriptedServer(ABC):
    """A server on 127.0.0.1, one port for its whole life; all of it may be set while it runs."""

    def __init__(self, parallel: int, max_pending: int, *, record: bool) -> None:
        self.answer: Script = describe
        self.faults: list[Fault] = []
        self.requests: list[Request] = []
        #: Requests for a chat that were being answered at the same time, at most.
        self.max_in_flight_seen = 0
        self.stopping = False
        #: What a script raised; raised again at the end of the `with`.
        self.crashes: list[Exception] = []
        self._record = record
        self._in_flight = 0
        self._changed = threading.Condition()
        self.queue = Queue(parallel, max_pending, self._changed)
        # Bound for as long as this lives, so that nobody takes the port while it is stopped.
        self._keeper = socket.socket()
        self._keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._keeper.bind(("127.0.0.1", 0))
        self.port: int = self._keeper.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._listener: _Listener | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def route(self, exchange: Exchange) -> None:
        """Answer one request that no fault has taken."""

    @abstractmethod
    def error_body(self, status: int, text: str) -> object:
        """Return an error in this server's form."""

    @abstractmethod
    def last_words(self) -> bytes:
        """Return the last part of a stream whose model died."""

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(quietly=error is not None)

    def close(self, *, quietly: bool = False) -> None:
        """Stop for good, give the port back, and raise what a script raised unless `quietly`."""
        self.stop()
        self._keeper.close()
        if self.crashes and not quietly:
            raise self.crashes[0]

    def start(self) -> None:
        """Listen, on the same port as before."""
        assert self._listener is None, "it runs already"
        self.stopping = False
        handler = type("Handler", (Exchange,), {"owner": self})
        self._listener = _Listener(self.port, handler)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and reset every connection; what waits here ends at once."""
        if self._listener is None or self._thread is None:
            return
        with self._changed:
            self.stopping = True
            self._changed.notify_all()
        self._listener.shutdown()
        self._thread.join()
        for connection in list(self._listener.open):
            with suppress(OSError):  # closed by its own thread in this moment
                self.doom(connection)
                connection.shutdown(socket.SHUT_RD)
        self._listener.server_close()
        self._listener = None

    def doom(self, connection: socket.socket) -> None:
        """Have this connection reset when it is closed."""
        if self._listener is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._listener.doomed.add(connection)

    def fail_next(self, n: int, fault: Fault) -> None:
        """Queue the same fault `n` times."""
        self.faults.extend([fault] * n)

    def wait_until(self, true: Callable[[], bool], limit_s: float = PATIENCE_S) -> None:
        """Wait until `true()`, asked again with all that changes here."""
        with self._changed:
            assert self._changed.wait_for(true, limit_s), "it did not come about"

    @contextmanager
    def noting(self, request: Request) -> Iterator[None]:
        """Keep the request, and when it ended."""
        chat = "/chat" in request.path
        with self._changed:
            if self._record:
                self.requests.append(request)
            self._in_flight += chat
            self.max_in_flight_seen = max(self.max_in_flight_seen, self._in_flight)
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._in_flight -= chat
                request.ended = time.monotonic()
                self._changed.notify_all()

    def serve(self, exchange: Exchange) -> None:
        """Answer one request, with the next fault that is meant for it."""
        exchange.fault = fault = self._next_fault(f"{exchange.seen.method} {exchange.seen.path}")
        try:
            match fault and fault.kind:
                case "reset":
                    exchange.reset()
                case "silence":
                    exchange.wait(None)
                case "raw" | "refuse":
                    self._send_fault(exchange)
                case _:
                    self.route(exchange)
        except Refusal as refusal:
            exchange.send_json(refusal.status, self.error_body(refusal.status, refusal.text))
        except (ClientGone, Stopped, ConnectionError):
            raise
        except Exception as error:  # noqa: BLE001 - a script's own failed assertion, most likely
            self.crashes.append(error)
            exchange.send_json(500, self.error_body(500, repr(error)))

    def _send_fault(self, exchange: Exchange) -> None:
        fault = exchange.fault
        assert fault is not None
        text = fault.text
        if fault.kind == "refuse":
            text = json.dumps(self.error_body(fault.status, fault.text))
        exchange.send(fault.status, text.encode(), fault.content_type, fault.headers)

    def _next_fault(self, line: str) -> Fault | None:
        with self._changed:
            for fault in self.faults:
                if fault.at in line:
                    self.faults.remove(fault)
                    return fault
        return None
