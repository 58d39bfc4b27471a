"""The daemon's doors: its socket, TCP and who may come in, and how they close."""

import os
import socket
import stat
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from mediaindex.api.auth import is_ours
from mediaindex.api.server import Doors, serve
from mediaindex.errors import AlreadyRunning, ConfigError
from mediaindex.listening import split_listen, token
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from tests.service import (
    StandingService,
    client,
    problem,
    served,
    settings,
    standing,
    tcp_client,
)

TOKEN = "0123456789abcdef"
OPEN = {"serve__listen": "127.0.0.1:0", "serve__token": TOKEN}
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def home(tmp_path: Path, migrated: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mediaindex.db").write_bytes(migrated.read_bytes())
    return tmp_path


@pytest.fixture
def service(home: Path) -> Iterator[StandingService]:
    with standing(settings(home)) as made:
        yield made


@pytest.fixture
def open_service(home: Path) -> Iterator[StandingService]:
    with standing(settings(home, **OPEN)) as made:
        yield made


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Doors]:
    """Doors that stand open on TCP for tests that only knock."""
    home = tmp_path_factory.mktemp("home")
    (home / "state").mkdir()
    (home / "state" / "mediaindex.db").write_bytes(migrated.read_bytes())
    with standing(settings(home, **OPEN)) as service, serve(service) as opened:
        yield opened


def test_socket_is_for_its_owner_and_goes_with_the_daemon(
    service: StandingService,
) -> None:
    with serve(service) as doors, client(doors) as ask:
        mode = stat.S_IMODE(doors.socket.stat().st_mode)
        assert ask.get("/health").json() == {"healthy": True}
        assert doors.are_open
        assert doors.listen is None

    assert oct(mode) == "0o600"
    assert not doors.socket.exists()
    assert not doors.are_open


def test_socket_in_a_folder_of_its_own_is_for_those_who_get_at_the_folder(tmp_path: Path) -> None:
    config = settings(tmp_path, serve__socket=str(tmp_path / "run" / "s"))
    with standing(config) as service, serve(service) as doors:
        assert stat.S_IMODE(doors.socket.stat().st_mode) == 0o660


def test_socket_of_a_daemon_that_was_killed_is_taken_over(service: StandingService) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(service.config.socket_path))

    with serve(service) as doors, client(doors) as ask:
        assert ask.get("/health").status_code == 200


def test_second_daemon_is_refused_and_the_first_answers_on(service: StandingService) -> None:
    with serve(service) as doors, client(doors) as ask:
        with pytest.raises(AlreadyRunning, match=r"answers at .*mediaindex\.sock"), serve(service):
            pass

        assert ask.get("/health").status_code == 200


def test_file_in_the_place_of_the_socket_is_left_alone(service: StandingService) -> None:
    service.config.socket_path.write_text("mine")

    with pytest.raises(ConfigError, match="is no socket"), serve(service):
        pass

    assert service.config.socket_path.read_text() == "mine"


def test_socket_that_another_daemon_put_in_our_place_stays(service: StandingService) -> None:
    path = service.config.socket_path
    with socket.socket(socket.AF_UNIX) as other:
        with serve(service):
            path.unlink()
            other.bind(str(path))

        assert path.is_socket()


def test_socket_may_lie_deeper_than_the_kernel_has_room_for(home: Path) -> None:
    path = home / ("deep" * 20) / ("deeper" * 20) / "mediaindex.sock"
    config = settings(home, serve__socket=str(path))

    with standing(config) as service, serve(service) as doors:
        folder = os.open(path.parent, os.O_PATH)
        transport = httpx.HTTPTransport(uds=f"/proc/self/fd/{folder}/{path.name}")
        with httpx.Client(transport=transport, base_url="http://mediaindex") as ask:
            assert ask.get("/health").status_code == 200
        os.close(folder)
        assert doors.socket == path
        with pytest.raises(AlreadyRunning), serve(service):
            pass

    assert not path.exists()
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_tcp_is_open_to_whoever_shows_the_token(doors: Doors) -> None:
    with tcp_client(doors) as stranger, tcp_client(doors, **BEARER) as known:
        assert problem(stranger.get("/api/v1/libraries")) == (401, "Unauthorized")
        assert stranger.get("/api/v1/libraries").headers["www-authenticate"] == "Bearer"
        assert known.get("/api/v1/libraries").status_code == 200
    with tcp_client(doors, Authorization=f"Bearer {TOKEN}x") as wrong:
        assert problem(wrong.get("/api/v1/libraries")) == (401, "Unauthorized")
    with client(doors) as local:
        assert local.get("/api/v1/libraries").status_code == 200


@pytest.mark.parametrize("path", ["/metrics", "/openapi.json", "/cli/ask", "/nothing", "/health/"])
def test_without_the_token_nothing_else_is_told(doors: Doors, path: str) -> None:
    with tcp_client(doors) as stranger:
        assert problem(stranger.get(path)) == (401, "Unauthorized")


def test_health_and_readiness_are_told_to_all(open_service: StandingService) -> None:
    with serve(open_service) as doors, tcp_client(doors) as stranger:
        assert stranger.get("/health").json() == {"healthy": True}
        assert stranger.get("/ready").json() == {"ready": True}
        open_service.phase = "starting"
        assert problem(stranger.get("/ready")) == (503, "NotReady")


def test_work_that_hangs_is_told(service: StandingService) -> None:
    with serve(service, is_alive=lambda: False) as doors, client(doors) as ask:
        assert problem(ask.get("/health")) == (503, "Hung")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example:80"}, 403),
        ({"Host": "127.0.0.1.evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Host": "[::1"}, 403),
        ({"Host": "nas"}, 200),
        ({"Host": "nas.local:8420"}, 200),
        ({"Host": "192.168.1.4:8420"}, 200),
        ({"Host": "nas:8420", "Origin": "http://nas:8420"}, 200),
        ({"Host": "nas:8420", "Origin": "http://nas"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_pages_of_others_are_kept_out(doors: Doors, headers: dict[str, str], status: int) -> None:
    with tcp_client(doors, **BEARER) as ask:
        assert ask.get("/api/v1/libraries", headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "ours"),
    [
        ("localhost:1", True),
        ("LOCALHOST", True),
        ("box.internal", True),
        ("photos.example.com", True),
        ("example.com", False),
        ("evil.com/.local", False),
        ("evil.com#.local", False),
        ("user@localhost", False),
        ("", False),
    ],
)
def test_names_that_strangers_cannot_have_are_ours(host: str, ours: bool) -> None:
    assert is_ours(host, {"localhost", "photos.example.com"}) is ours


def test_tcp_without_a_token_is_refused_with_the_remedy(home: Path) -> None:
    config = settings(home, serve__listen="127.0.0.1:0")
    with (
        standing(config) as service,
        pytest.raises(ConfigError, match=r"openssl rand.*serve\.token_file"),
        serve(service, environ={}),
    ):
        pass

    assert not config.socket_path.exists()


def test_token_comes_from_a_file_or_from_systemd(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    kept, systemds = home / "token", home / "serve_token"
    kept.write_text("in-a-file-of-its-own\n")
    kept.chmod(0o604)
    systemds.write_text("of-systemd-itself\n")
    named = settings(home, serve__listen="127.0.0.1:0", serve__token_file=str(kept))
    bare = settings(home, serve__listen="127.0.0.1:0")

    assert token(named) == "in-a-file-of-its-own"
    assert f"chmod 600 {kept}" in caplog.text
    assert token(bare, {"CREDENTIALS_DIRECTORY": str(home)}) == "of-systemd-itself"


@pytest.mark.parametrize("content", ["", "  \n", "two words", "täglich"])
def test_token_that_cannot_be_shown_is_refused(home: Path, content: str) -> None:
    kept = home / "token"
    kept.write_text(content)

    with pytest.raises(ConfigError, match="letters and digits"):
        token(settings(home, serve__token_file=str(kept)))


def test_token_that_could_be_guessed_is_refused_with_the_remedy(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"TOKEN is.* 16 letters.*openssl rand -hex 32"):
        token(settings(home, serve__token="a" * 15))


def test_token_file_that_is_not_there_is_named(home: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere: No such file"):
        token(settings(home, serve__token_file=str(home / "nowhere")))


def test_address_in_use_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = settings(home, serve__listen=f"127.0.0.1:{port}", serve__token=TOKEN)
        with standing(config) as service, pytest.raises(ConfigError, match=f"port {port}"):
            serve(service).__enter__()

    assert not config.socket_path.exists()


@pytest.mark.parametrize(
    ("listen", "parts"),
    [
        ("127.0.0.1:8420", ("127.0.0.1", 8420)),
        ("[::1]:1", ("::1", 1)),
        ("nas:80", ("nas", 80)),
    ],
)
def test_address_is_a_host_and_a_port(listen: str, parts: tuple[str, int]) -> None:
    assert split_listen(listen) == parts


@pytest.mark.parametrize("listen", ["", "8420", ":8420", "nas:", "nas:99999", "::1:80", "[nas]:x"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ConfigError, match=r"serve\.listen"):
        split_listen(listen)


@pytest.mark.parametrize(
    ("path", "size"),
    [("/api/v1/search/like", 20_000_001), ("/api/v1/retry", 1_000_001), ("/nowhere", 3_000_000)],
)
def test_body_that_is_too_large_is_refused(doors: Doors, path: str, size: int) -> None:
    def in_pieces() -> Iterator[bytes]:
        for begin in range(0, size, 65536):
            yield bytes(min(65536, size - begin))

    with client(doors) as ask:
        assert problem(ask.post(path, content=bytes(size))) == (413, "TooLarge")
        assert problem(ask.post(path, content=in_pieces())) == (413, "TooLarge")


def test_what_nobody_expected_is_logged_and_not_told(
    service: StandingService, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise RuntimeError("the secret inside")

    service.reload = fail  # type: ignore[method-assign]
    with serve(service) as doors, client(doors) as ask:
        answer = ask.post("/api/v1/reload")
        numbers = ask.get("/metrics").text

    assert problem(answer) == (500, "Internal")
    assert "secret" not in answer.text
    assert "RuntimeError: the secret inside" in caplog.text
    assert 'mediaindex_request_errors_total{kind="Internal"} 1.0' in numbers


def test_wrong_method_is_told_in_our_shape(doors: Doors) -> None:
    with client(doors) as ask:
        assert problem(ask.put("/api/v1/search")) == (405, "WrongRequest")


def listening(service: StandingService, number: int) -> None:
    """Wait until so many listen."""
    deadline = time.monotonic() + 10
    while service.events.listeners != number:
        assert time.monotonic() < deadline, service.events.listeners
        time.sleep(0.01)


def test_events_are_told_to_all_who_listen(home: Path) -> None:
    with served(settings(home)) as (service, ask):
        with ask.stream("GET", "/api/v1/events") as one, ask.stream("GET", "/api/v1/events") as two:
            listening(service, 2)
            service.events.tell("sweep", path="caf\udce9.jpg")
            for stream in (one, two):
                lines = stream.iter_lines()
                assert stream.headers["content-type"].startswith("text/event-stream")
                assert next(line for line in lines if line.startswith("event")) == "event: sweep"
                assert '"path": "caf\ufffd.jpg"' in next(lines)

        listening(service, 0)


def test_doors_close_while_programs_listen(service: StandingService) -> None:
    def listen(doors: Doors) -> None:
        with client(doors) as ask, ask.stream("GET", "/api/v1/events") as stream:
            for _ in stream.iter_lines():
                pass

    with serve(service) as opened:
        listeners = [threading.Thread(target=listen, args=[opened]) for _ in range(3)]
        for one in listeners:
            one.start()
        listening(service, 3)

    for one in listeners:
        one.join(10)
        assert not one.is_alive()
    assert service.events.listeners == 0
    assert not opened.are_open


def test_question_that_takes_too_long_is_not_waited_for(
    service: StandingService,
) -> None:
    arrived, may_go = threading.Event(), threading.Event()

    def slow(asked: Asked, today: date) -> Answer:
        arrived.set()
        assert may_go.wait(30)
        return Answer((), (), no_good_match=False, model_id=None)

    service.ask = slow  # type: ignore[method-assign]
    with serve(service) as opened:
        asking = socket.socket(socket.AF_UNIX)
        asking.connect(str(opened.socket))
        asking.sendall(b"GET /api/v1/search?q=x HTTP/1.1\r\nHost: x\r\n\r\n")
        assert arrived.wait(10)

    assert not opened.are_open
    may_go.set()
    asking.close()


def test_doors_close_upon_one_who_does_not_read_what_is_told(service: StandingService) -> None:
    with serve(service) as doors:
        deaf = socket.socket(socket.AF_UNIX)
        deaf.connect(str(doors.socket))
        deaf.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: x\r\n\r\n")
        listening(service, 1)
        for _ in range(100):
            service.events.tell("sweep", path="x" * 100_000)

    assert not doors.are_open
    assert service.events.listeners == 0
    deaf.close()


def test_connection_that_never_speaks_does_not_keep_the_doors_open(
    open_service: StandingService,
) -> None:
    with serve(open_service) as doors:
        assert doors.listen is not None
        silent = socket.create_connection(doors.listen)

    assert not doors.are_open
    silent.close()
