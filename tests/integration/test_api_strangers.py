"""Nobody can keep others out by holding connections, on TCP or at the socket."""

import asyncio
import logging
import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from mediaindex.api import house, server, wary
from mediaindex.api.complaints import AGAIN_S, NO_FILES, Complaints
from mediaindex.api.server import Doors, serve
from mediaindex.api.slots import Slots, allow_open_files, neighbourhood
from tests.service import StandingService, client, problem, settings, standing, tcp_client

TOKEN = "0123456789abcdef"

ASKS = b"GET /health HTTP/1.1\r\nHost: nas\r\n\r\n"
SHOWS = f"GET /health HTTP/1.1\r\nHost: nas\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()


@pytest.fixture
def service(tmp_path: Path, migrated: Path) -> Iterator[StandingService]:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mediaindex.db").write_bytes(migrated.read_bytes())
    config = settings(tmp_path, serve__listen="127.0.0.1:0", serve__token=TOKEN)
    with standing(config) as made:
        yield made


def knock(doors: Doors, source: str = "127.0.0.1") -> socket.socket:
    assert doors.listen is not None
    return socket.create_connection(doors.listen, timeout=10, source_address=(source, 0))


def knock_at_socket(doors: Doors) -> socket.socket:
    opened = socket.socket(socket.AF_UNIX)
    opened.settimeout(10)
    opened.connect(str(doors.socket))
    return opened


def heard(connection: socket.socket) -> bytes:
    """Return all that comes until the other side hangs up."""
    said = b""
    try:
        while some := connection.recv(65536):
            said += some
    except ConnectionResetError:
        pass
    return said


@pytest.mark.parametrize("said", [b"", b"GET /health HTTP/1.1\r\nHost:", SHOWS, SHOWS + b"GET /he"])
def test_one_of_whom_no_request_comes_is_hung_up_on(
    service: StandingService, monkeypatch: pytest.MonkeyPatch, said: bytes
) -> None:
    monkeypatch.setattr(wary, "SPEAKS_WITHIN_S", 0.7)
    with serve(service) as doors, knock(doors) as one, knock_at_socket(doors) as other:
        for opened in (one, other):
            opened.sendall(said)
        for opened in (one, other):
            assert heard(opened).count(b"HTTP/1.1 200") == said.count(SHOWS)


def test_one_address_cannot_hold_every_connection(
    service: StandingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    with serve(service) as doors, ExitStack() as stack:
        one, two, three = (stack.enter_context(knock(doors)) for _ in range(3))
        assert heard(three) == b""
        other = stack.enter_context(knock(doors, "127.0.0.2"))
        for known in (one, two, other):
            known.sendall(ASKS)
            assert heard(known).startswith(b"HTTP/1.1 200")
        again = stack.enter_context(knock(doors))
        again.sendall(ASKS)
        assert heard(again).startswith(b"HTTP/1.1 200")


def test_so_many_may_be_connected_at_the_socket(
    service: StandingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MOST_ON_SOCKET", 2)
    with serve(service) as doors, ExitStack() as stack:
        one, _, three = (stack.enter_context(knock_at_socket(doors)) for _ in range(3))
        assert heard(three) == b""
        one.sendall(ASKS)
        assert one.recv(12) == b"HTTP/1.1 200"


def test_strangers_are_hung_up_on_after_each_answer(service: StandingService) -> None:
    with serve(service) as doors:
        for host, status in (("nas", b"200"), ("evil.example", b"403")):
            with knock(doors) as opened:
                opened.sendall(f"GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n".encode() * 2)
                said = heard(opened)
                assert said.startswith(b"HTTP/1.1 " + status)
                assert said.count(b"HTTP/1.1") == 1
        with tcp_client(doors) as stranger:
            assert stranger.get("/metrics").headers["connection"] == "close"


@pytest.mark.parametrize(
    "head",
    [
        "POST /health HTTP/1.1\r\nContent-Length: 500000",
        "GET /ready HTTP/1.1\r\nTransfer-Encoding: chunked",
        "GET /api/v1/status HTTP/1.1\r\nContent-Length: 7",
    ],
)
def test_body_where_none_belongs_is_not_waited_for(service: StandingService, head: str) -> None:
    with serve(service) as doors, knock_at_socket(doors) as opened:
        opened.sendall(f"{head}\r\nHost: nas\r\n\r\nx".encode())

        assert heard(opened).startswith(b"HTTP/1.1 413")


def test_so_many_may_listen_however_close_together_they_come(
    service: StandingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "MOST_LISTENERS", 3)
    with serve(service) as doors, ExitStack() as stack:
        crowd = [stack.enter_context(knock_at_socket(doors)) for _ in range(12)]
        for one in crowd:
            one.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: nas\r\n\r\n")
        statuses = sorted(one.recv(12) for one in crowd)
        assert statuses == [b"HTTP/1.1 200"] * 3 + [b"HTTP/1.1 503"] * 9
        for one in crowd:
            one.close()
        with client(doors) as ask:
            assert again(ask) == 200  # once those who left are forgotten


def again(ask: httpx.Client) -> int:
    """Listen until there is a slot."""
    for _ in range(100):
        with ask.stream("GET", "/api/v1/events") as stream:
            if stream.status_code != 503:
                break
        threading.Event().wait(0.05)
    return stream.status_code


def test_question_nested_too_deep_is_refused(
    service: StandingService, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(service) as doors, client(doors) as ask:
        assert problem(ask.post("/cli/ask", content=b"[" * 400_000)) == (400, "WrongRequest")
    assert "Traceback" not in caplog.text


def test_lack_of_files_is_complained_of_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 0.0
    complaints = Complaints(lambda: now_s)
    loop = asyncio.new_event_loop()
    for now_s in (0.0, 0.1, AGAIN_S - 0.1, AGAIN_S):  # noqa: B007 - the clock
        complaints(loop, {"message": NO_FILES, "exception": OSError(24, "Too many open files")})
    complaints(loop, {"message": "something else"})
    loop.close()

    told = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    few = "nobody new can ask the daemon for now: [Errno 24] Too many open files"
    assert told == [few, few, "something else"]


def test_slots_are_counted_by_name() -> None:
    slots = Slots(3, 2)

    assert [slots.take(name) for name in "aaabb"] == [True, True, False, True, False]
    slots.give_back("a")
    assert slots.take("b")


@pytest.mark.parametrize(
    ("address", "known"),
    [
        ("192.168.1.4", "192.168.1.4"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_one_household_is_one_name(address: str, known: str) -> None:
    assert neighbourhood(address) == known


def test_as_many_files_as_may_be_are_allowed() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))

        assert allow_open_files(300) == 300
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (300, hard)
        assert allow_open_files(200) == 300
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
