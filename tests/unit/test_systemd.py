"""What systemd is told, heard by a real socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mediaindex.daemon import systemd


@pytest.fixture
def hears(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """What systemd listens at."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0mediaindex-test-{os.getpid()}")
        listener.settimeout(10)
        monkeypatch.setenv("NOTIFY_SOCKET", f"@mediaindex-test-{os.getpid()}")
        yield listener


def test_it_is_ready(hears: socket.socket) -> None:
    systemd.ready()

    assert hears.recv(1000) == b"READY=1"


def test_a_reload_says_when_it_began(hears: socket.socket) -> None:
    systemd.reloading()

    first, second = hears.recv(1000).decode().splitlines()
    assert first == "RELOADING=1"
    assert second.removeprefix("MONOTONIC_USEC=").isdecimal()


def test_status_is_one_line(hears: socket.socket) -> None:
    systemd.status("12 waiting,\nWATCHDOG=1 is a file's name")

    assert hears.recv(1000).decode() == "STATUS=12 waiting, WATCHDOG=1 is a file's name"


def test_a_name_that_is_no_utf8_is_told_all_the_same(hears: socket.socket) -> None:
    systemd.status("at \udcff.jpg")

    assert hears.recv(1000).decode() == "STATUS=at ?.jpg"


def test_life_and_more_time_and_the_end(hears: socket.socket) -> None:
    systemd.extend(1.5)
    systemd.alive()
    systemd.stopping()

    heard = [hears.recv(1000) for _ in range(3)]
    assert heard == [b"EXTEND_TIMEOUT_USEC=1500000", b"WATCHDOG=1", b"STOPPING=1"]


def test_a_socket_with_a_path_is_found() -> None:
    # Its path may have a hundred letters, and that of pytest's own folders has more.
    with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door:
        address = str(Path(folder) / "notify")
        door.bind(address)
        door.settimeout(10)

        assert systemd.notify("READY=1", {"NOTIFY_SOCKET": address})
        assert door.recv(1000) == b"READY=1"


@pytest.mark.parametrize(
    "address", ["", "/nobody/is/here", "@nobody-is-here", "vsock:2:1", "/" * 200]
)
def test_nobody_listening_does_no_harm(address: str) -> None:
    assert not systemd.notify("READY=1", {"NOTIFY_SOCKET": address} if address else {})


def test_the_watchdog_is_in_seconds() -> None:
    us = {"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": str(os.getpid())}

    assert systemd.watchdog_s(us) == 90
    assert systemd.watchdog_s({"WATCHDOG_USEC": "1500000"}) == 1.5


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "0"},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "90000000", "WATCHDOG_PID": "1"},
    ],
)
def test_a_watchdog_that_is_off_or_for_another_process_is_none(environ: dict[str, str]) -> None:
    assert systemd.watchdog_s(environ) is None
