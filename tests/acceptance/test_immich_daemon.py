"""The real daemon beside an Immich: it contacts nobody but that, reads it, and can be woken."""

import http.client
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.serving import Daemon, until
from tests.acceptance.test_no_egress import HOSTILE
from tests.egress import Recorder, watching
from tests.immich import key_file
from tests.servers.immich import Immich

LIMIT_S = 60
SECRET, TOKEN = "fedcba9876543210", "0123456789abcdef"
THEIRS = "/mnt/media"

HASTY = """
from mediaindex.cli.main import main
from mediaindex.daemon import beside

beside.GAP_S = 0.5
main()
"""
"""The program, but that it reads Immich again sooner than it would of itself."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    root = tmp_path / "Photos"
    root.mkdir()
    for number in range(3):
        Image.new("RGB", (64, 48), (number * 80, 99, 9)).save(root / f"{number}.png")
    return root


@pytest.fixture
def immich(library: Path) -> Iterator[Immich]:
    with Immich("3.2.0") as server:
        server.add_user("anna")
        for file in sorted(library.iterdir()):
            server.add(
                f"{THEIRS}/{file.name}",
                owner="anna",
                size_bytes=file.stat().st_size,
                people=["Ben"],
            )
        yield server


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as opened:
        port: int = opened.getsockname()[1]
        return port


@pytest.fixture
def beside(tmp_path: Path, library: Path, immich: Immich) -> Iterator[tuple[Daemon, Recorder, int]]:
    """Give a daemon whose connections are on record, and its TCP port; only Immich is allowed."""
    home, port = tmp_path / "home", free_port()
    home.mkdir()
    config = home / "config.yaml"
    config.write_text(f"libraries:\n  - path: {library}\n")
    settings = {
        "MEDIAINDEX_CONFIG": str(config),
        "MEDIAINDEX__IMMICH__WEBHOOK_SECRET": SECRET,
        "MEDIAINDEX__SERVE__LISTEN": f"127.0.0.1:{port}",
        "MEDIAINDEX__SERVE__TOKEN": TOKEN,
    }
    # This script loads SQLite, which then asks where its temporary files go, before `serve` does.
    temporary = str(home / "cache" / "mediaindex-tmp")
    environ = HOSTILE | {"TMPDIR": temporary, "SQLITE_TMPDIR": temporary}
    hasty = (sys.executable, "-c", HASTY, "serve")
    daemon = Daemon(Program(home, settings), environ, command=hasty)
    recorder = watching([("127.0.0.1", immich.port)], [home, daemon.run_dir])
    daemon.popen = recorder.start
    with daemon:
        daemon.start(LIMIT_S)
        until(daemon.is_idle, LIMIT_S, "all is indexed")
        yield daemon, recorder, port


def run(daemon: Daemon, *arguments: str) -> str:
    done = daemon.program.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def hook(port: int, secret: str) -> int:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("POST", "/hooks/immich", b"{}", {"x-mediaindex-secret": secret})
        return connection.getresponse().status


def paths(daemon: Daemon, words: str) -> list[str]:
    hits: list[dict[str, Any]] = daemon.get("/api/v1/search", q=words).json()["hits"]
    return [Path(hit["path"]).name for hit in hits]


def test_daemon_reads_the_immich_that_was_connected_and_contacts_nobody_else(
    tmp_path: Path, library: Path, immich: Immich, beside: tuple[Daemon, Recorder, int]
) -> None:
    daemon, recorder, port = beside
    assert hook(port, SECRET) == 202
    until(lambda: daemon.status()["daemon"]["immich"]["ended"] >= 2, LIMIT_S, "a reading")
    assert immich.requests == []  # nothing is connected

    key = str(key_file(tmp_path, immich.add_user("anna")))
    out = run(daemon, "immich", "connect", immich.url, "--key-file", key, "--yes")
    assert "all of it was read: 3 photos and videos, 3 of them here" in " ".join(out.split())
    until(lambda: len(paths(daemon, '"Ben"')) == 3, LIMIT_S, "people are found")
    check_links(daemon, immich)
    check_waking(daemon, immich, port)
    check_numbers(daemon, immich)
    check_locking(daemon, immich)
    check_taking_out(daemon)
    check_trouble(daemon, immich, library)

    assert run(daemon, "immich", "disconnect", "anna", "--yes").startswith("disconnected anna")
    until(lambda: not paths(daemon, '"Ben"'), LIMIT_S, "nothing of it is known")
    code, _ = daemon.stop()
    assert code == 0, daemon.last_words()
    assert recorder.wait(10)
    assert recorder.refused == []


def check_links(daemon: Daemon, immich: Immich) -> None:
    (hit, *_) = daemon.get("/api/v1/search", q='"Ben"').json()["hits"]
    assert hit["immich_url"].startswith(f"{immich.url}/photos/")
    assert hit["immich_url"] in run(daemon, "search", "Ben")
    assert json.loads(run(daemon, "info", hit["path"], "--json"))["immich_url"] == hit["immich_url"]
    moment = daemon.get(f"/api/v1/moments/{hit['moment_id']}").json()
    assert moment["immich_url"] == hit["immich_url"]


def check_waking(daemon: Daemon, immich: Immich, port: int) -> None:
    assert hook(port, "a secret that is not it") == 401
    immich.set_visibility(next(iter(immich.assets)), "archive")
    assert hook(port, SECRET) == 202
    until(lambda: len(paths(daemon, '"Ben"')) == 2, LIMIT_S, "it is archived")


def check_numbers(daemon: Daemon, immich: Immich) -> None:
    told = json.loads(run(daemon, "immich", "status", "--json"))
    assert told["accounts"][0]["withheld"] == {"archived": 1}
    assert told["now"]["trouble"] is None
    who = f'{{account="anna at {immich.url}"}}'
    lines = (
        "mediaindex_immich_accounts 1.0",
        f"mediaindex_immich_matched{who} 3.0",
        f"mediaindex_immich_trouble{who} 0.0",
    )
    until(
        lambda: set(lines) <= set(daemon.get("/metrics").text.splitlines()), LIMIT_S, "its numbers"
    )


def check_locking(daemon: Daemon, immich: Immich) -> None:
    immich.lock(list(immich.assets)[-1])
    assert "1 not to be seen there any more" in " ".join(run(daemon, "immich", "sync").split())
    until(lambda: len(paths(daemon, '"Ben"')) == 1, LIMIT_S, "it is locked")


def check_taking_out(daemon: Daemon) -> None:
    assert "put back what stood on 0 photos" in run(daemon, "immich", "revert", "--yes")
    config = daemon.program.home / "config.yaml"
    before = config.read_text()
    for text, writes in ((f"{before}immich: {{write: [tags]}}\n", ["tags"]), (before, [])):
        config.write_text(text)
        daemon.post("/api/v1/reload")
        until(partial(is_writing, daemon, writes), LIMIT_S, "the settings are in force")
        if writes:
            told = run(daemon, "immich", "write", "--again")
            assert told == "0 photos and videos will be written again\n"
        config.write_text(before)  # the command has others than the daemon
        done = daemon.program.run("immich", "revert", "--yes")
        assert ("the daemon still writes" in done.stderr) == bool(writes)
        assert done.returncode == (2 if writes else 0)


def is_writing(daemon: Daemon, what: list[str]) -> bool:
    now: dict[str, Any] = daemon.get("/api/v1/immich").json()["now"]
    return bool(now["writes"] == what)


def check_trouble(daemon: Daemon, immich: Immich, library: Path) -> None:
    immich.stop()
    done = daemon.program.run("immich", "sync")
    assert done.returncode == 3
    assert "there is no Immich at" in done.stdout
    assert "immich: there is no Immich at" in run(daemon, "status")
    Image.new("RGB", (64, 48), "blue").save(library / "more.png")
    until(lambda: "more.png" in paths(daemon, "more"), LIMIT_S, "indexing goes on")
