"""Fetching a model with the real program where no hub answers."""

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.program import Program


@pytest.fixture(params=["refuses", "closes", "is silent"])
def no_hub(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a hub that cannot be asked."""
    door = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{door.getsockname()[1]}"
    if request.param == "refuses":
        door.close()
    if request.param == "closes":
        threading.Thread(target=close_each, args=(door,)).start()
    yield address
    if request.param == "closes":
        door.shutdown(socket.SHUT_RDWR)
    door.close()


def close_each(door: socket.socket) -> None:
    """Accept who comes and hang up, until the door is shut."""
    while True:
        try:
            caller, _ = door.accept()
        except OSError:
            return
        caller.recv(1000)
        caller.close()


def test_hub_out_of_reach_is_told_at_once_in_one_message(no_hub: str, tmp_path: Path) -> None:
    program = Program(tmp_path, {"HF_ENDPOINT": no_hub})
    started_s = time.monotonic()

    done = program.run("model", "download", "hf-hub:someone/tiny")

    assert time.monotonic() - started_s < 15  # the hub library alone takes 24
    assert done.returncode == 3
    asked, asking, failed, remedy = done.stderr.splitlines()
    assert asked == "hf-hub:someone/tiny: size not known"
    assert asking == "asking the hub for someone/tiny/open_clip_config.json"
    assert failed.startswith(f"mediaindex: someone/tiny cannot be fetched from {no_hub}: ")
    assert remedy.endswith("mediaindex model download /path/to/the/folder")
