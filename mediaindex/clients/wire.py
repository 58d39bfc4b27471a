"""The one way out to a server: no proxy, no redirect, no far host, and failures in our words.

It stands below httpx's client, so what is built on httpx (Ollama's own client too) goes this way
and cannot leave it.
"""

import json
import re
import socket
import ssl
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from mediaindex.clients.hosts import Host, check_address
from mediaindex.errors import Faulty, MediaIndexError, ServerBusy, ServerOff

CONNECT_LIMIT_S = 10.0
MOST_WORDS = 300
"""Characters of a server's own words that are passed on."""

BUSY = ("maximum pending requests", "server busy", "server is busy", "too many requests")


class TooSlow(Faulty):
    """The time limit came before the answer's end."""


class Refused(Faulty):
    """The server answered with an error that only its client can judge."""

    def __init__(self, reason: str, status: int, words: str) -> None:
        super().__init__(reason)
        self.status = status
        #: What the server said, for comparing.
        self.words = words


class Loading(ServerBusy):
    """The server is still loading its model."""


@dataclass(frozen=True)
class Limits:
    """How long a request may take."""

    #: From the request to the last byte; None: for ever, as long as something comes.
    answer_s: float | None
    #: Without any byte.
    silence_s: float


_USUAL = Limits(10.0, 10.0)
_limits: ContextVar[Limits] = ContextVar("limits", default=_USUAL)


@contextmanager
def within(answer_s: float | None, silence_s: float | None = None) -> Iterator[None]:
    """Set the time limits of the requests that this thread makes in this block.

    Args:
        answer_s: See `Limits`.
        silence_s: See `Limits`; None: as `answer_s`.
    """
    quiet = silence_s if silence_s is not None else answer_s
    token = _limits.set(Limits(answer_s, quiet if quiet is not None else 60.0))
    try:
        yield
    finally:
        _limits.reset(token)


class Wire(httpx.BaseTransport):
    """Connections to one server. Safe from any thread."""

    def __init__(self, host: Host, kind: str, start: str, api_key: str | None = None) -> None:
        """Open nothing yet.

        Args:
            host: The only server that is contacted.
            kind: Its name for people: `Ollama`.
            start: What to do if it is not there, as in "start it".
            api_key: Sent with every request, and struck out of every text.
        """
        self.host = host
        self.who = f"{kind} at {host.url}"
        self.closed = False
        self._kind, self._start, self._api_key = kind, start, api_key
        # The system's authorities rather than certifi's: a home's own is among them. Reading them
        # takes a tenth of a second, which plain http need not wait for.
        verify = ssl.create_default_context() if host.url.startswith("https:") else False
        self._http = httpx.HTTPTransport(verify=verify, trust_env=False)
        self._sockets: weakref.WeakSet[socket.socket] = weakref.WeakSet()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its answer, unread.

        Raises:
            ServerOff: There is no server, it is far away, sends us elsewhere, or wants a key.
            ServerBusy: It has too much to do; `Loading` if that is what it does.
            Refused: It answered with any other error.
            TooSlow: The time limit came first.
            Faulty: It broke off. These two can also come while the answer is read.
        """
        limits = _limits.get()
        self._prepare(request, limits)
        began = time.monotonic()
        try:
            response = self._http.handle_request(request)
        except (httpx.TransportError, RuntimeError) as error:
            raise self.failure(error, limits) from error
        left_s = None if limits.answer_s is None else began + limits.answer_s - time.monotonic()
        response.stream = _Watched(self, response, limits, left_s)
        if response.status_code >= httpx.codes.MULTIPLE_CHOICES:
            try:
                response.read()
            except httpx.DecodingError as error:
                raise Faulty(f"{self.who} answered with bytes that cannot be unpacked") from error
            finally:
                response.close()
            raise self._refusal(response)
        return response

    def close(self) -> None:
        """Break off every request, in whatever thread, and let nothing out any more."""
        self.closed = True
        for connection in list(self._sockets):
            # A thread that waits for bytes wakes from this; it would not from a mere close.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._http.close()

    def failure(self, error: Exception, limits: Limits | None = None) -> MediaIndexError:
        """Return what a connection's failure means.

        Args:
            error: From httpx.
            limits: What was in force; None: ask.
        """
        if self.closed:
            return ServerOff(f"the connection to {self.who} was closed")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
            return self.off(str(error))
        if isinstance(error, httpx.TimeoutException):
            return self.slow(limits or _limits.get())
        return Faulty(f"{self.who} broke off in the middle of its answer")

    def off(self, reason: str) -> ServerOff:
        """Return the error for a server that is not there."""
        why = re.sub(r"\[Errno -?\d+\] ", "", reason).strip() or "no answer"
        section = self.host.section
        if "CERTIFICATE" in why:
            return ServerOff(
                f"this machine does not trust the certificate of {self.who} ({self.words(why)});"
                " add the authority that signed it to the system's"
            )
        return ServerOff(
            f"there is no {self._kind} at {self.host.url} ({self.words(why)}): {self._start},"
            f" or set {section}.url; or {section}.use: off"
        )

    def slow(self, limits: Limits) -> TooSlow:
        """Return the error for an answer that did not come in time."""
        shown = limits.answer_s if limits.answer_s is not None else limits.silence_s
        return TooSlow(f"{self.who} did not answer within {shown:g} s")

    def words(self, text: str) -> str:
        """Return a server's words fit to be shown: one short line, and without our key."""
        if self._api_key:
            text = text.replace(self._api_key, "********")
        line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return line if len(line) <= MOST_WORDS else f"{line[:MOST_WORDS]}…"

    def complaint(self, status: int, text: str) -> MediaIndexError:
        """Return what an error means that the server wrote, with a status or in an answer."""
        said = self.words(text)
        if any(words in said.lower() for words in BUSY):
            return ServerBusy(f"{self.who} is busy: {said}")
        return Refused(f"{self.who} failed: {said or f'status {status}'}", status, said)

    def _prepare(self, request: httpx.Request, limits: Limits) -> None:
        self._check_open()
        # Ollama's client would also send a key that it finds in the environment.
        request.headers.pop("authorization", None)
        if self._api_key:
            request.headers["authorization"] = f"Bearer {self._api_key}"
        quiet_s = min(limits.silence_s, limits.answer_s or limits.silence_s)
        connect_s = min(CONNECT_LIMIT_S, quiet_s)
        timeout = {"connect": connect_s, "read": quiet_s, "write": quiet_s, "pool": quiet_s}
        request.extensions = {**request.extensions, "timeout": timeout, "trace": self._on_trace}

    def _check_open(self) -> None:
        if self.closed:
            raise ServerOff(f"the connection to {self.who} was closed")

    def _on_trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """Look at who answered before anything is sent: a name can change its meaning."""
        if event not in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            return
        stream = facts["return_value"]
        self._sockets.add(stream.get_extra_info("socket"))
        try:
            check_address(self.host, str(stream.get_extra_info("server_addr")[0]))
            self._check_open()
        except OSError as error:  # reset before we could look
            stream.close()
            raise self.failure(httpx.ReadError(str(error))) from error
        except ServerOff:
            stream.close()
            raise

    def _refusal(self, response: httpx.Response) -> MediaIndexError:
        status, section = response.status_code, self.host.section
        said = self.words(_said(response))
        if response.is_redirect or status < httpx.codes.BAD_REQUEST:
            where = self.words(response.headers.get("location", "nowhere"))
            return ServerOff(
                f"{self.who} would send us on to {where}, where we do not go; if that is right,"
                f" name it in {section}.url"
            )
        if status in {401, 403}:
            why = said if said.startswith("status") else f"status {status}: {said}"
            return ServerOff(f"{self.who} refuses us ({why}); set {section}.api_key")
        if status in {429, 503}:
            kind = Loading if "loading" in said.lower() else ServerBusy
            return kind(f"{self.who} is busy: {said or f'status {status}'}", _after_s(response))
        if status == httpx.codes.REQUEST_TIMEOUT:
            return TooSlow(f"{self.who} took too long by its own measure: {said}")
        return self.complaint(status, said)


class _Watched(httpx.SyncByteStream):
    """An answer's bytes, with an end to them."""

    def __init__(
        self, wire: Wire, response: httpx.Response, limits: Limits, left_s: float | None
    ) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)
        self._wire, self._stream, self._limits = wire, response.stream, limits
        self._network = response.extensions.get("network_stream")
        self._lock = threading.Lock()
        self._done = self._late = False
        self._timer: threading.Timer | None = None
        if left_s is not None:
            # httpx limits the time between bytes; a trickle would go on for ever.
            self._timer = threading.Timer(max(0.0, left_s), self._cut)
            self._timer.daemon = True
            self._timer.start()

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except httpx.TransportError as error:
            if not self._late:
                raise self._wire.failure(error, self._limits) from error
        if self._late:
            raise self._wire.slow(self._limits)

    def close(self) -> None:
        with self._lock:
            self._done = True
        if self._timer:
            self._timer.cancel()
        self._stream.close()

    def _cut(self) -> None:
        with self._lock:
            if self._done or self._network is None:
                return
            self._late = True
            with suppress(OSError):
                self._network.get_extra_info("socket").shutdown(socket.SHUT_RDWR)


@contextmanager
def as_off() -> Iterator[None]:
    """Have what goes wrong in this block blame the server, and not the question.

    For all but questions: that a model cannot be loaded or listed is no picture's fault.

    Raises:
        ServerOff: In place of `Faulty`.
    """
    try:
        yield
    except Faulty as error:
        raise ServerOff(str(error)) from error


def error_text(body: object) -> str:
    """Return the error in an answer's JSON, in whichever of the usual places it stands; or ""."""
    if not isinstance(body, Mapping):
        return ""
    for key in ("error", "message", "detail"):
        found = body.get(key)
        if isinstance(found, Mapping):
            found = found.get("message") or json.dumps(found)
        if found:
            return str(found)
    return ""


def _said(response: httpx.Response) -> str:
    text = response.text
    with suppress(ValueError):
        return error_text(json.loads(text)) or text
    # The page of a proxy says nothing more than its status does.
    page = text.lstrip().startswith("<") or "html" in response.headers.get("content-type", "")
    return f"status {response.status_code}" if page else text


def _after_s(response: httpx.Response) -> float | None:
    """Return what `Retry-After` says: seconds, or a date."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    with suppress(ValueError, OverflowError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    return None
