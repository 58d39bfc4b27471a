"""Fetching a model with the real program where no hub answers, or one breaks off."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import Program

HEAD = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\nETag: "a"\r\nX-Repo-Commit: 0\r\n'
    b"Connection: close\r\n\r\n"
)


def hang_up(_caller: socket.socket) -> None:
    """Say nothing."""


def break_off(caller: socket.socket) -> None:
    """Say what there is, and hang up on who wants it."""
    if caller.recv(1000).startswith(b"HEAD"):
        caller.sendall(HEAD)


@pytest.fixture(params=[None, hang_up, break_off], ids=["silence", "hang up", "break off"])
def bad_hub(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a hub that does this to each caller."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        if request.param:
            threading.Thread(target=receive, args=(door, request.param)).start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}"
        door.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def no_hub() -> str:
    """An address where nobody is."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        return f"http://127.0.0.1:{door.getsockname()[1]}"


def receive(door: socket.socket, treat: Callable[[socket.socket], None]) -> None:
    """Treat each caller so, until the door is shut."""
    while True:
        try:
            caller, _ = door.accept()
        except OSError:
            return
        with caller:
            treat(caller)


def check(address: str, home: Path) -> None:
    """Check that the program says in one message, and soon, that no model comes from there."""
    program = Program(home, {"HF_ENDPOINT": address})
    started_s = time.monotonic()

    done = program.run("model", "download", "hf-hub:someone/tiny")

    assert time.monotonic() - started_s < 18  # the hub library alone goes on for 24
    assert done.returncode == 3
    asked, asking, failed, remedy = done.stderr.splitlines()
    assert asked == "hf-hub:someone/tiny: size not known"
    assert asking == "asking the hub for someone/tiny/open_clip_config.json"
    assert failed.startswith(f"mediaindex: someone/tiny cannot be fetched from {address}: ")
    assert remedy.endswith("mediaindex model download /path/to/the/folder")


def test_nobody_there_is_told_at_once_in_one_message(no_hub: str, tmp_path: Path) -> None:
    check(no_hub, tmp_path)


def test_hub_that_fails_is_told_in_one_message(bad_hub: str, tmp_path: Path) -> None:
    check(bad_hub, tmp_path)
