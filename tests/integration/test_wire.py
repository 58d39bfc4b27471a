"""The way out to a server: what it does not wait for, does not swallow, and how it is ended."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from mediaindex import captioners
from mediaindex.captioners import Captioner, openai
from mediaindex.clients import wire
from mediaindex.errors import Faulty, ServerOff
from tests.contracts.captioner_cases import LOOK
from tests.servers.base import Exchange, ScriptedServer
from tests.servers.faults import Fault
from tests.servers.ollama import NDJSON, OllamaServer
from tests.servers.openai import MODEL, SSE, OpenAIServer

CHUNKED = "HTTP/1.1 200 OK\r\nContent-Type: {}\r\nTransfer-Encoding: chunked\r\n\r\n"
WORDS = {"message": {"role": "assistant", "content": "red " * 20}, "done": False}
DELTA = {"choices": [{"delta": {"content": "red " * 20}, "finish_reason": None}]}
PART = json.dumps(WORDS).encode() + b"\n"
EVENT = b"data: " + json.dumps(DELTA).encode() + b"\n\n"

Send = Callable[[Exchange], None]
Start = Callable[..., Captioner]


class Odd(OllamaServer):
    """Answers questions, or whatever `at` says, in a way of its own."""

    def __init__(self, send: Send, at: str = "/api/chat") -> None:
        super().__init__()
        self._send, self._at = send, at

    def route(self, exchange: Exchange) -> None:
        if exchange.seen.path == self._at:
            self._send(exchange)
        else:
            super().route(exchange)


class OddOpenAI(OpenAIServer):
    """The same, of the other form."""

    def __init__(self, send: Send) -> None:
        super().__init__("vllm")
        self._send = send

    def route(self, exchange: Exchange) -> None:
        if "/chat" in exchange.seen.path and exchange.body()["max_tokens"] != 1:
            self._send(exchange)
        else:
            super().route(exchange)


def endless(head: str, part: bytes) -> Send:
    def send(exchange: Exchange) -> None:
        exchange.wfile.write(head.encode())
        chunk = b"%x\r\n%s\r\n" % (len(part), part)
        while True:
            exchange.wfile.write(chunk)

    return send


@pytest.fixture
def start() -> Iterator[Start]:
    """Start a server and build an engine for it; both end with the test."""
    with ExitStack() as opened:

        def make(server: ScriptedServer, **options: object) -> Captioner:
            opened.enter_context(server)
            use = "ollama" if isinstance(server, OllamaServer) else "openai"
            usual: dict[str, object] = {"url": server.url, "time_limit_s": 20}
            usual["model"] = "qwen2.5vl:7b" if use == "ollama" else MODEL
            captioner = captioners.load(use, usual | options)
            opened.callback(captioner.close)
            return captioner

        yield make


def trickling_head(exchange: Exchange) -> None:
    exchange.wfile.write(b"HTTP/1.1 200 OK\r\n")
    number = 0
    while True:
        number += 1
        exchange.wfile.write(f"X-{number}: more\r\n".encode())
        exchange.wait(0.02)


@pytest.mark.parametrize("odd", [Odd, OddOpenAI])
def test_headers_that_trickle_end_at_the_time_limit(start: Start, odd: Callable[..., Odd]) -> None:
    captioner = start(odd(trickling_head), time_limit_s=0.4)
    captioner.open()
    began = time.monotonic()

    with pytest.raises(Faulty, match=r"did not answer within 0\.4 s"):
        captioner.ask(LOOK)

    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("odd", "kind", "part"),
    [
        (Odd, NDJSON, b'{"message": {"role": "assistant", "content": ""}}\n'),
        (Odd, NDJSON, b"x" * 60_000),
        (OddOpenAI, SSE, b": ping\n\n" * 1000),
        (OddOpenAI, SSE, b"x" * 60_000),
        (OddOpenAI, "application/json", b" " * 60_000),
    ],
)
def test_answer_without_end_is_a_fault(
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
    odd: Callable[..., Odd],
    kind: str,
    part: bytes,
) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 500_000)
    captioner = start(odd(endless(CHUNKED.format(kind), part)), time_limit_s=5)
    captioner.open()

    with pytest.raises(Faulty, match="answered more than 500,000 bytes"):
        captioner.ask(LOOK)


@pytest.mark.parametrize(("odd", "kind", "part"), [(Odd, NDJSON, PART), (OddOpenAI, SSE, EVENT)])
def test_text_without_end_is_cut_off(
    start: Start, odd: Callable[..., Odd], kind: str, part: bytes
) -> None:
    reply = start(odd(endless(CHUNKED.format(kind), part)), time_limit_s=15).ask(LOOK)

    assert (len(reply.text), reply.done_reason) == (wire.MOST_TEXT, "length")


def test_download_may_tell_much_but_no_endless_line(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wire, "MOST_BYTES", 100_000)
    step = json.dumps({"status": "pulling", "completed": 1, "total": 2}).encode() + b"\n"

    def send(exchange: Exchange) -> None:
        exchange.wfile.write(CHUNKED.format(NDJSON).encode())
        for part in [step * 1000] * 10:
            exchange.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        endless("", b"x" * 60_000)(exchange)

    told: list[str] = []

    with pytest.raises(ServerOff, match="answered more than 100,000 bytes"):
        start(Odd(send, "/api/pull")).pull(lambda what, *_: told.append(what))

    assert len(told) == 10_000


@pytest.mark.parametrize("odd", [Odd, OddOpenAI])
def test_error_without_end_is_told_by_its_beginning(start: Start, odd: Callable[..., Odd]) -> None:
    head = CHUNKED.format("text/plain").replace("200 OK", "500 Oh")
    captioner = start(odd(endless(head, b"out of memory " * 100)), time_limit_s=5)
    captioner.open()

    with pytest.raises(Faulty, match=r"failed: out of memory out of memory"):
        captioner.ask(LOOK)


@pytest.mark.parametrize(
    ("status", "words"), [(200, "answered in packed bytes"), (500, "failed: status 500")]
)
def test_packed_answers_are_not_asked_for_and_not_unpacked(
    start: Start, status: int, words: str
) -> None:
    def send(exchange: Exchange) -> None:
        exchange.send(status, gzip.compress(b" " * 9999), headers={"Content-Encoding": "gzip"})

    server = Odd(send)
    captioner = start(server)

    with pytest.raises(Faulty, match=words):
        captioner.ask(LOOK)

    assert {request.headers["accept-encoding"] for request in server.requests} == {"identity"}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("raw", 404, "404 page not found", "text/plain"),
        Fault("raw", 404, "<html>Not Found</html>", "text/html"),
        Fault("raw", 405, ""),
        Fault("raw", 404, '{"detail": "Not Found"}'),
    ],
)
def test_server_of_another_kind_is_suspected(start: Start, fault: Fault) -> None:
    server = OllamaServer()
    captioner = start(server)
    server.fail_next(9, fault.of("/"))

    with pytest.raises(ServerOff, match=r"something else answering.*caption\.url and caption\.use"):
        captioner.open()


def ended(call: Callable[[], object], when: Callable[[], None], close: Callable[[], None]) -> float:
    """Return how long a call goes on after it was closed, which has to end it in our words."""
    with ThreadPoolExecutor(1) as pool:
        calling = pool.submit(call)
        when()
        began = time.monotonic()
        close()
        with pytest.raises(ServerOff, match="was closed"):
            calling.result(10)
    return time.monotonic() - began


def test_closing_ends_the_waiting_for_a_load(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "POLL_S", 5.0)
    server = OpenAIServer(load_s=60)
    captioner = start(server)

    def when() -> None:
        server.wait_until(lambda: bool(server.requests and server.requests[0].ended))

    assert ended(captioner.open, when, captioner.close) < 2


def test_closing_ends_a_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as opened:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        captioner = captioners.load("ollama", {"url": url, "model": "x"})

        def when() -> None:
            peer, _ = listener.accept()
            opened.enter_context(peer)
            assert peer.recv(1)  # the first word of the handshake

        assert ended(captioner.open, when, captioner.close) < 2


def test_answer_that_is_cut_by_closing_is_not_taken_for_whole(start: Start) -> None:
    sent = threading.Event()

    def send(exchange: Exchange) -> None:
        whole = {"message": {"role": "assistant", "content": "red"}, "done": True}
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {NDJSON}\r\nConnection: close\r\n\r\n"
        exchange.wfile.write(head.encode() + json.dumps(whole).encode() + b"\n")
        sent.set()
        exchange.wait(None)

    captioner = start(Odd(send))
    captioner.open()

    assert ended(lambda: captioner.ask(LOOK), lambda: assert_set(sent), captioner.close) < 2


def assert_set(event: threading.Event) -> None:
    assert event.wait(10)


def test_nothing_is_begun_after_closing(start: Start) -> None:
    """A question that came too late has its model looked for and loaded; not once it is closed."""
    server = OllamaServer()
    captioner = start(server, time_limit_s=0.3)
    captioner.open()
    server.fail_next(1, Fault.silence())
    real = server.wait_until
    before: list[int] = []

    def close_after_the_first_look() -> None:
        real(lambda: server.requests[-1].path == "/api/chat")
        before.append(len(server.requests))

    assert ended(lambda: captioner.ask(LOOK), close_after_the_first_look, captioner.close) < 2
    assert len(server.requests) == before[0]
