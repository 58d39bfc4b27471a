"""The daemon is asked over a real socket, and all that goes wrong there is told as ours."""

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediaindex.clients import daemon as client
from mediaindex.clients.daemon import Daemon, NotKnown, OtherVersion, Silent, TooLarge, find, quoted
from mediaindex.errors import (
    AlreadyRunning,
    ConfigError,
    MediaIndexError,
    QueryError,
    RetryLater,
    StoreError,
    Unusable,
)
from tests.servers.daemon import Raw, Refused, ScriptedDaemon

WHAT = "/api/v1/status"


@pytest.fixture
def said(tmp_path: Path) -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon(tmp_path / "mediaindex.sock") as running:
        yield running


@pytest.fixture
def daemon(said: ScriptedDaemon) -> Daemon:
    found = find(said.socket_path)
    assert found is not None
    return found


def test_nobody_is_found_where_there_is_no_socket(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    assert find(tmp_path / "mediaindex.sock") is None
    assert find(tmp_path / "no" / "folder" / "mediaindex.sock") is None
    assert find(tmp_path / "file") is None
    assert find(tmp_path / "file" / "mediaindex.sock") is None


def test_nobody_is_found_where_a_dead_daemon_left_its_socket(tmp_path: Path) -> None:
    left = tmp_path / "mediaindex.sock"
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left))

    assert left.is_socket()
    assert find(left) is None


def test_socket_of_a_long_path_is_found(tmp_path: Path) -> None:
    path = tmp_path / ("a" * 90) / ("b" * 90) / "mediaindex.sock"
    with ScriptedDaemon(path) as said:
        said.says[f"GET {WHAT}"] = {"version": 1}
        found = find(path)

        assert found is not None
        assert found.get(WHAT) == {"version": 1}


def test_person_outside_the_group_is_told_how_to_get_in(said: ScriptedDaemon) -> None:
    said.socket_path.chmod(0o600 if os.geteuid() == 0 else 0)
    tried = subprocess.run(
        [
            sys.executable,
            "-c",
            "import os, sys, pathlib; from mediaindex.clients.daemon import find\n"
            "os.geteuid() == 0 and os.setuid(65534)\n"
            "find(pathlib.Path(sys.argv[1]))",
            str(said.socket_path),
        ],
        capture_output=True,
        text=True,
        check=False,
    )

    assert "NotAllowed" in tried.stderr
    assert "usermod -aG mediaindex" in tried.stderr


def test_values_and_bytes_come_as_they_are(daemon: Daemon, said: ScriptedDaemon) -> None:
    said.says |= {
        "POST /a": {"name": "caf\udce9"},
        "DELETE /b": {"assets": 1},
        "GET /c": b"\xff\xd8",
    }

    assert daemon.post("/a", {"path": "/caf\udce9"}) == {"name": "caf\udce9"}
    assert daemon.delete("/b") == {"assets": 1}
    assert daemon.get_bytes("/c") == b"\xff\xd8"
    assert said.bodies("POST /a") == [{"path": "/caf\udce9"}]


def test_parameters_may_hold_bytes_that_are_no_text(daemon: Daemon, said: ScriptedDaemon) -> None:
    said.says["GET /api/v1/info"] = {}

    daemon.get("/api/v1/info", path="/a b&c/caf\udce9", failures=3)

    assert said.heard[-1].target == "/api/v1/info?path=%2Fa%20b%26c%2Fcaf%E9&failures=3"
    assert quoted("A/Ä") == "A%2F%C3%84"


@pytest.mark.parametrize(
    ("status", "kind", "raised"),
    [
        (400, "QueryError", QueryError),
        (400, "WrongRequest", QueryError),
        (400, "ConfigError", ConfigError),
        (404, "NotFound", NotKnown),
        (409, "AlreadyRunning", AlreadyRunning),
        (409, "WrongVersion", OtherVersion),
        (413, "TooLarge", TooLarge),
        (422, "Unusable", Unusable),
        (500, "StoreError", StoreError),
        (500, "Internal", MediaIndexError),
        (503, "RetryLater", RetryLater),
        (503, "Busy", RetryLater),
    ],
)
def test_errors_come_as_ours(
    daemon: Daemon,
    said: ScriptedDaemon,
    status: int,
    kind: str,
    raised: type[MediaIndexError],
) -> None:
    said.says[f"GET {WHAT}"] = Refused(status, kind, "not so")

    with pytest.raises(MediaIndexError, match="not so") as caught:
        daemon.get(WHAT)

    assert type(caught.value) is raised


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n<html",
        b"HTTP/1.1 200 OK\r\n",
    ],
)
def test_answer_that_is_none_means_try_later(
    daemon: Daemon, said: ScriptedDaemon, content: bytes
) -> None:
    said.says[f"GET {WHAT}"] = Raw(content)

    with pytest.raises(RetryLater):
        daemon.get(WHAT)


def test_answer_of_unknown_length_ends_with_the_connection(
    daemon: Daemon, said: ScriptedDaemon
) -> None:
    said.says[f"GET {WHAT}"] = Raw(b'HTTP/1.0 200 OK\r\n\r\n{"version": 1}')

    assert daemon.get(WHAT) == {"version": 1}


def test_error_without_our_shape_is_told_by_its_number(
    daemon: Daemon, said: ScriptedDaemon
) -> None:
    said.says[f"GET {WHAT}"] = Raw(b"HTTP/1.1 502 Bad\r\nContent-Length: 2\r\n\r\n[]")

    with pytest.raises(MediaIndexError, match="502"):
        daemon.get(WHAT)


def test_daemon_that_hangs_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "SILENT_S", 0.2)
    path = tmp_path / "mediaindex.sock"
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(path))
        hung.listen()

        with pytest.raises(RetryLater, match="has not answered"):
            Daemon(path).get(WHAT)


@pytest.mark.parametrize("backlog", [0, 5])
def test_daemon_that_says_nothing_is_told_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backlog: int
) -> None:
    monkeypatch.setattr(client, "KNOCK_S", 0.2)
    path = tmp_path / "mediaindex.sock"
    with socket.socket(socket.AF_UNIX) as hung, socket.socket(socket.AF_UNIX) as before:
        hung.bind(str(path))
        hung.listen(backlog)
        before.connect(str(path))

        with pytest.raises(Silent, match="does not answer"):
            find(path)


def test_daemon_that_hangs_up_at_once_is_silent(tmp_path: Path) -> None:
    path = tmp_path / "mediaindex.sock"
    with socket.socket(socket.AF_UNIX) as full:
        full.bind(str(path))
        full.listen()
        thread = threading.Thread(target=lambda: full.accept()[0].close())
        thread.start()

        with pytest.raises(Silent, match="does not answer"):
            find(path)
        thread.join()


def test_daemon_that_has_gone_since_means_try_later(tmp_path: Path) -> None:
    with ScriptedDaemon(tmp_path / "mediaindex.sock") as said:
        daemon = find(said.socket_path)

    assert daemon is not None
    with pytest.raises(RetryLater, match="went away"):
        daemon.get(WHAT)


def test_events_come_one_by_one_until_the_daemon_ends(tmp_path: Path) -> None:
    told: list[tuple[str, dict[str, Any]]] = [
        ("sweep", {"library": "photos", "new": 3}),
        ("daemon", {"phase": "idle"}),
    ]
    with ScriptedDaemon(tmp_path / "mediaindex.sock") as said:
        said.events = told
        heard = []
        with Daemon(said.socket_path).events() as events:
            heard += [next(events), next(events)]
            threading.Thread(target=said.stopping.set).start()
            heard += list(events)

    assert heard == told
