"""The service as a process of its own, asked by the other commands."""

import json
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.acceptance.program import Program
from tests.daemons import paint, until

Serving = tuple[Program, subprocess.Popen[str], Path]


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """Give a service over an empty library; the tests share it, each with files of its own."""
    home = tmp_path_factory.mktemp("serve")
    library = home / "pictures"
    library.mkdir()
    (home / "config.yaml").write_text(f"libraries: [{{path: {library}}}]\n")
    program = Program(home, {"MEDIAINDEX_CONFIG": str(home / "config.yaml")})
    process = program.start("serve")
    try:
        until(lambda: (home / "state" / "mediaindex.sock").exists() or process.poll() is not None)
        yield program, process, library
    finally:
        process.kill()
        process.communicate()


def found(program: Program, words: str) -> list[str]:
    ended = program.run("search", words, "--paths")
    assert ended.returncode in (0, 1), ended.stderr
    return [Path(line).name for line in ended.stdout.splitlines()]


def test_what_is_put_into_a_watched_folder_is_found_by_the_other_commands(
    serving: Serving,
) -> None:
    program, _, library = serving
    paint(library / "harbour.png")
    until(lambda: found(program, "harbour") == ["harbour.png"])

    status = json.loads(program.run("status", "--json").stdout)
    assert status["daemon"]["libraries"][0]["watching"] in ("inotify", "poll")
    info = program.run("info", str(library / "harbour.png"))
    assert "64 x 48" in info.stdout
    assert program.run("pause", "decode").returncode == 0
    paint(library / "lighthouse.png", 20, 200, 20)
    assert program.run("resume", "decode").returncode == 0
    until(lambda: found(program, "lighthouse") == ["lighthouse.png"])


def test_a_folder_is_handed_to_the_service(serving: Serving) -> None:
    program, _, library = serving
    paint(library.parent / "more" / "island.png", 20, 20, 200)

    ended = program.run("index", str(library.parent / "more"), "--json")

    assert ended.returncode == 0, ended.stderr
    until(lambda: found(program, "island") == ["island.png"])


def test_a_second_one_leaves_the_state_to_the_first(serving: Serving) -> None:
    program, process, _ = serving
    ended = program.run("serve")
    assert ended.returncode == 3
    assert f"process {process.pid}" in ended.stderr


def test_it_reads_its_settings_again_and_ends_when_it_is_told_to(tmp_path: Path) -> None:
    library, config = tmp_path / "pictures", tmp_path / "config.yaml"
    paint(library / "first.png")
    config.write_text(f"libraries: [{{path: {library}}}]\n")
    program = Program(tmp_path, {"MEDIAINDEX_CONFIG": str(config)})
    process = program.start("serve")
    try:
        until(lambda: (tmp_path / "state" / "mediaindex.sock").exists())
        until(lambda: found(program, "first"))
        config.write_text(f"libraries: [{{path: {library}}}]\nsweep: {{cron: sometimes}}\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: "sweep.cron" in program.run("status").stdout)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    finally:
        process.kill()
        process.communicate()

    assert process.returncode == 0, told
    assert "Traceback" not in told
    assert not (tmp_path / "state" / "mediaindex.sock").exists()
    with closing(sqlite3.connect(tmp_path / "state" / "mediaindex.db")) as connection:
        assert connection.execute("SELECT * FROM job WHERE state = 'leased'").fetchall() == []


def test_a_question_under_way_does_not_keep_it(tmp_path: Path) -> None:
    """With a question that takes a minute, as none of ours does."""
    program = Program(tmp_path, {"MEDIAINDEX__LOG__LEVEL": "info"})
    slow = (
        "import time; from mediaindex.asking import Asker; from mediaindex.cli.main import main\n"
        "def take_a_minute(self, asked, today):\n"
        " if asked.words == 'x': print('asked', flush=True); time.sleep(60)\n"
        "Asker._answer = take_a_minute; main()"
    )
    # This script loads SQLite, which then asks where its temporary files go, before `serve` does.
    temporary = str(tmp_path / "cache" / "mediaindex-tmp")
    process = subprocess.Popen(
        [sys.executable, "-c", slow, "serve"],
        env={**program.environment, "TMPDIR": temporary, "SQLITE_TMPDIR": temporary},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    path = tmp_path / "state" / "mediaindex.sock"
    try:
        until(path.exists)
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(path))
            asking.sendall(b"GET /api/v1/search?q=x HTTP/1.1\r\nHost: x\r\n\r\n")
            assert process.stdout is not None
            assert process.stdout.readline() == "asked\n"
            process.send_signal(signal.SIGTERM)
            _, told = process.communicate(timeout=30)
        assert process.returncode == 0, told
        assert "Traceback" not in told
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("sweep: {cron: sometimes}", "sweep.cron"),
        ("serve: {listen: '127.0.0.1:0'}", "token"),
    ],
)
def test_settings_that_do_not_fit_are_told_before_anything_is_done(
    written: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "config.yaml").write_text(written + "\n")
    program = Program(tmp_path, {"MEDIAINDEX_CONFIG": str(tmp_path / "config.yaml")})

    ended = program.run("serve")

    assert ended.returncode == 2, ended.stderr
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
