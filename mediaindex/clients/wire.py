"""The one way out to a server: no proxy, no redirect, no far host, and failures in our words.

It stands below httpx's client, so what is built on httpx (Ollama's own client too) goes this way
and cannot leave it.
"""

import re
import socket
import ssl
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import httpx

from mediaindex.clients.advice import from_settings
from mediaindex.clients.hosts import Host, check_address
from mediaindex.clients.watch import Watch
from mediaindex.clients.words import after_s, is_packed, said
from mediaindex.errors import Faulty, MediaIndexError, ServerBusy, ServerOff

CONNECT_LIMIT_S = 10.0
MOST_WORDS = 300
"""Characters of a server's own words that are passed on."""

MOST_BYTES = 8_000_000
"""Of one answer; of one line of an answer that may go on for ever. A list of a thousand models has
half a million."""

MOST_ERROR_BYTES = 64_000
"""So much of an error is read."""

MOST_TEXT = 100_000
"""Characters of an answer that are kept; one of 400 tokens has some 2000."""

NO_SUCH_PAGE = r"(status )?\d*|(404 )?(page )?not found|method not allowed|.*cannot (get|post) .*"
"""What a server says of a path that it does not know, rather than of a model."""

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
_patience_s: ContextVar[float | None] = ContextVar("patience_s", default=None)


@contextmanager
def within(answer_s: float | None, silence_s: float | None = None) -> Iterator[None]:
    """Set the time limits of the requests that this thread makes in this block.

    Args:
        answer_s: See `Limits`.
        silence_s: See `Limits`; None: as `answer_s`.
    """
    most_s = _patience_s.get()
    if most_s is not None and answer_s is not None:
        answer_s = min(answer_s, most_s)
    quiet = silence_s if silence_s is not None else answer_s
    token = _limits.set(Limits(answer_s, quiet if quiet is not None else 60.0))
    try:
        yield
    finally:
        _limits.reset(token)


@contextmanager
def hurried(most_s: float) -> Iterator[None]:
    """Have every request that this thread makes in this block end after `most_s`, if not before."""
    token = _patience_s.set(most_s)
    try:
        yield
    finally:
        _patience_s.reset(token)


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
        self._closed = threading.Event()
        self._kind, self._api_key = kind, api_key
        self.advice = from_settings(host.section, start)
        # The system's authorities rather than certifi's: a home's own is among them. Reading them
        # takes a tenth of a second, which plain http need not wait for.
        verify = ssl.create_default_context() if host.url.startswith("https:") else False
        self._http = httpx.HTTPTransport(verify=verify, trust_env=False)
        self._lock = threading.Lock()
        self._on_their_way: set[Watch] = set()

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
        watch = self._watched(limits)
        try:
            self._prepare(request, limits, watch)
            response = self._http.handle_request(request)
        except (httpx.TransportError, RuntimeError) as error:
            self.forget(watch)
            raise self.failure(error, limits, watch) from error
        except BaseException:
            self.forget(watch)
            raise
        response.stream = stream = _Watched(self, response, limits, watch)
        if response.status_code >= httpx.codes.MULTIPLE_CHOICES:
            raise self._refusal(response, stream.start())
        if is_packed(response):
            stream.close()
            raise Faulty(f"{self.who} answered in packed bytes, which were not asked for")
        return response

    @property
    def most_bytes(self) -> int:
        """How long one answer may be."""
        return MOST_BYTES

    def put_key(self, headers: httpx.Headers, api_key: str) -> None:
        """Put the key where this kind of server looks for it."""
        headers["authorization"] = f"Bearer {api_key}"

    def told(self, response: httpx.Response, start: bytes) -> str:
        """Return what an error says; see `words.said`."""
        return said(response, start)

    def judged(self, status: int, words: str) -> MediaIndexError | None:
        """Return what an error means with this kind of server alone; None: what it usually does."""
        del status, words
        return None

    def close(self) -> None:
        """Break off every request, in whatever thread, and let nothing out any more."""
        with self._lock:
            self._closed.set()
            on_their_way = list(self._on_their_way)
        # That is all: none is kept open, and each is closed by the thread that uses it.
        for watch in on_their_way:
            watch.cut()

    def check_open(self) -> None:
        """Return if this was not closed.

        Raises:
            ServerOff: It was.
        """
        if self._closed.is_set():
            raise self._shut_by_us()

    def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            ServerOff: This was closed meanwhile.
        """
        self._closed.wait(seconds)
        self.check_open()

    def forget(self, watch: Watch) -> None:
        """Let go of a request that is over."""
        with self._lock:
            self._on_their_way.discard(watch)
        watch.end()

    def failure(
        self, error: Exception, limits: Limits | None = None, watch: Watch | None = None
    ) -> MediaIndexError:
        """Return what a connection's failure means.

        Args:
            error: From httpx.
            limits: What was in force; None: ask.
            watch: The request's; None: it is over.
        """
        if self._closed.is_set():
            return self._shut_by_us()
        if watch and watch.is_late:
            return self.slow(limits or _limits.get())
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
            return self.off(str(error), is_name_known=not _is_by_name(error))
        if isinstance(error, httpx.TimeoutException):
            return self.slow(limits or _limits.get())
        return Faulty(f"{self.who} broke off in the middle of its answer")

    def off(self, reason: str, *, is_name_known: bool = True) -> ServerOff:
        """Return the error for a server that is not there, or whose host nobody knows."""
        why = re.sub(r"\[Errno -?\d+\] ", "", reason).strip() or "no answer"
        if "CERTIFICATE" in why:
            return ServerOff(
                f"this machine does not trust the certificate of {self.who} ({self.words(why)});"
                " add the authority that signed it to the system's"
            )
        then = self.advice.start if is_name_known else "check the address"
        return ServerOff(f"there is no {self._kind} at {self.host.url} ({self.words(why)}): {then}")

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
        words = self.words(text)
        if any(phrase in words.lower() for phrase in BUSY):
            return ServerBusy(f"{self.who} is busy: {words}")
        return Refused(f"{self.who} failed: {words or f'status {status}'}", status, words)

    def _shut_by_us(self) -> ServerOff:
        return ServerOff(f"the connection to {self.who} was closed")

    def _watched(self, limits: Limits) -> Watch:
        with self._lock:
            self.check_open()
            watch = Watch(limits.answer_s)
            self._on_their_way.add(watch)
        return watch

    def _prepare(self, request: httpx.Request, limits: Limits, watch: Watch) -> None:
        # Ollama's client would also send a key that it finds in the environment.
        request.headers.pop("authorization", None)
        if self._api_key:
            self.put_key(request.headers, self._api_key)
        # A few packed bytes can be many; and what holds no pictures gains nothing.
        request.headers["accept-encoding"] = "identity"
        # Each request has its own, so that its end is no other's, and looks anew who answers. One
        # that was kept could also have been closed by the server in this very moment.
        request.headers["connection"] = "close"
        quiet_s = min(limits.silence_s, limits.answer_s or limits.silence_s)
        connect_s = min(CONNECT_LIMIT_S, quiet_s)
        timeout = {"connect": connect_s, "read": quiet_s, "write": quiet_s, "pool": quiet_s}
        trace = partial(self._on_trace, watch)
        request.extensions = {**request.extensions, "timeout": timeout, "trace": trace}

    def _on_trace(self, watch: Watch, event: str, facts: Mapping[str, Any]) -> None:
        """Look at who answered before anything is sent: a name can change its meaning."""
        if event != "connection.connect_tcp.complete":
            return
        stream = facts["return_value"]
        try:
            watch.hold(stream.get_extra_info("socket"))
            check_address(self.host, str(stream.get_extra_info("server_addr")[0]))
        except OSError as error:  # reset before we could look
            stream.close()
            raise httpx.ReadError(str(error)) from error
        except ServerOff:
            stream.close()
            raise

    def _refusal(self, response: httpx.Response, start: bytes) -> MediaIndexError:
        """Return what an error means.

        Args:
            response: With a status above 299.
            start: The first bytes of its body.
        """
        status = response.status_code
        words = self.words(self.told(response, start))
        judged = self.judged(status, words)
        if judged:
            return judged
        if response.is_redirect or status < httpx.codes.BAD_REQUEST:
            where = self.words(response.headers.get("location", "nowhere"))
            return ServerOff(
                f"{self.who} would send us on to {where}, where we do not go; {self.advice.sent_on}"
            )
        if status in {401, 403}:
            why = words if words.startswith("status") else f"status {status}: {words}"
            return ServerOff(f"{self.who} refuses us ({why}); {self.advice.key}")
        if status in {429, 503}:
            kind = Loading if "loading" in words.lower() else ServerBusy
            return kind(f"{self.who} is busy: {words or f'status {status}'}", after_s(response))
        if status == httpx.codes.REQUEST_TIMEOUT:
            return TooSlow(f"{self.who} took too long by its own measure: {words}")
        if status in {404, 405} and re.fullmatch(NO_SUCH_PAGE, words.lower()):
            return Refused(
                f"{self.who} failed: {words or f'status {status}'}; is something else answering"
                f" there? {self.advice.stranger}",
                status,
                words,
            )
        return self.complaint(status, words)


class _Watched(httpx.SyncByteStream):
    """An answer's bytes, with an end to them."""

    def __init__(self, wire: Wire, response: httpx.Response, limits: Limits, watch: Watch) -> None:
        assert isinstance(response.stream, httpx.SyncByteStream)
        self._wire, self._stream = wire, response.stream
        self._limits, self._watch = limits, watch

    def __iter__(self) -> Iterator[bytes]:
        came = 0
        try:
            for chunk in self._stream:
                came += len(chunk)
                if self._limits.answer_s is None and b"\n" in chunk:
                    came = len(chunk) - chunk.rindex(b"\n")
                if came > self._wire.most_bytes:
                    most = f"{self._wire.most_bytes:,} bytes"
                    raise Faulty(f"{self._wire.who} answered more than {most}")
                yield chunk
        except httpx.TransportError as error:
            raise self._wire.failure(error, self._limits, self._watch) from error
        if self._watch.is_cut:  # which looks like an end where no length was told
            early = httpx.ReadError("cut")
            raise self._wire.failure(early, self._limits, self._watch)

    def start(self) -> bytes:
        """Return the first bytes, and close."""
        found = b""
        with closing(self), closing(cast("Generator[bytes]", iter(self))) as chunks:
            for chunk in chunks:
                found += chunk
                if len(found) >= MOST_ERROR_BYTES:
                    break
        return found[:MOST_ERROR_BYTES]

    def close(self) -> None:
        try:
            self._stream.close()
        finally:
            self._wire.forget(self._watch)


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


def _is_by_name(error: BaseException) -> bool:
    """Return whether it is the name of the host that led nowhere."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, socket.gaierror):
        cause = cause.__cause__ or cause.__context__
    return cause is not None
