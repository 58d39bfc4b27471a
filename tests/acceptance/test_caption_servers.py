"""Describing by servers that sleep, die, refuse and fail, and at the hours that are allowed."""

import signal
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

from PIL import Image

from tests.acceptance.describing import (
    PHOTOS,
    descriptions,
    library,
    program,
    rows,
    say,
    server,
)
from tests.acceptance.program import Program
from tests.servers.answers import Answer, ChatRequest
from tests.servers.faults import Fault
from tests.servers.ollama import OllamaServer

__all__ = ["library", "program", "server"]


def test_server_that_is_off_blocks_describing_and_nothing_else(
    program: Program, library: Path, server: OllamaServer
) -> None:
    server.stop()

    done = program.run("index", str(library))

    assert done.returncode == 0, done.stderr
    assert "caption waits: " in done.stdout
    assert server.url in done.stdout
    assert f"embed: {PHOTOS} done" in done.stdout
    status = program.run("status").stdout
    assert "caption waits: " in status
    assert rows(program, "SELECT * FROM job") == []
    server.start()
    assert f"caption: {PHOTOS} done" in program.run("index").stdout
    assert "caption waits" not in program.run("status").stdout


def test_model_that_is_missing_is_named_with_those_that_would_do(
    program: Program, library: Path, server: OllamaServer
) -> None:
    missing = Program(
        program.home, {**program.settings, "MEDIAINDEX__CAPTION__MODEL": "nowhere:7b"}
    )

    done = missing.run("index", str(library))

    assert done.returncode == 0
    assert "nowhere:7b" in done.stdout
    assert server.models[0].name in done.stdout
    assert "mediaindex model pull" in done.stdout


def test_server_that_dies_in_the_middle_leaves_each_moment_with_exactly_one_caption(
    program: Program, tmp_path: Path, server: OllamaServer
) -> None:
    folder = tmp_path / "fifty"
    folder.mkdir()
    for number in range(50):
        Image.new("RGB", (64, 64), (number * 5, 90, 255 - number * 5)).save(
            folder / f"{number}.png"
        )
    answered = 0

    def die(request: ChatRequest) -> str:
        nonlocal answered
        answered += 1
        return say(request)

    server.answer = die
    process = program.start("index", str(folder))
    try:
        server.wait_until(lambda: answered >= 17, 60)
        server.stop()
        server.start()
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()

    assert process.returncode == 0, err
    (counted,) = rows(program, "SELECT count(*), count(DISTINCT moment_id) FROM caption")
    assert counted == (50, 50), out
    assert all(descriptions(program))
    assert rows(program, "SELECT * FROM job") == []


def test_kill_in_the_middle_of_describing_loses_nothing_and_doubles_nothing(
    program: Program, library: Path, server: OllamaServer
) -> None:
    answered = 0

    def count(request: ChatRequest) -> str:
        nonlocal answered
        answered += 1
        return say(request)

    server.answer = count
    for stop_at in (2, 4):
        process = program.start("index", str(library))
        server.wait_until(lambda at=stop_at: answered >= at, 60)  # type: ignore[misc]
        process.kill()
        process.communicate()

    done = program.run("index", str(library))

    assert done.returncode == 0
    assert rows(program, "SELECT count(*), count(DISTINCT moment_id) FROM caption") == [
        (PHOTOS, PHOTOS)
    ]
    assert answered <= PHOTOS + 2 * 3  # what was on its way is asked again, and no more


def test_paused_stage_waits_for_a_person(
    program: Program, library: Path, server: OllamaServer
) -> None:
    assert program.run("pause", "caption").returncode == 0
    done = program.run("index", str(library))

    assert "caption is paused; mediaindex resume caption" in done.stdout
    assert f"embed: {PHOTOS} done" in done.stdout
    assert [one for one in server.requests if one.path == "/api/chat"] == []
    assert "caption is paused" in program.run("status").stdout
    program.run("resume", "caption")
    assert f"caption: {PHOTOS} done" in program.run("index").stdout


def test_quiet_hours_are_kept(program: Program, library: Path, server: OllamaServer) -> None:
    never = {"MEDIAINDEX__CAPTION__SCHEDULE": "mon 00:00-00:01"}
    if datetime.now().weekday() == 0:
        never = {"MEDIAINDEX__CAPTION__SCHEDULE": "tue 00:00-00:01"}

    done = Program(program.home, {**program.settings, **never}).run("index", str(library))

    assert "caption.schedule" in done.stdout
    assert server.requests == []


def test_mistake_in_the_settings_is_told_before_any_work(
    program: Program, library: Path, server: OllamaServer
) -> None:
    for name, value in {
        "SCHEDULE": "at night",
        "LANGUAGE": "klingon",
        "URL": "http://8.8.8.8:11434",
        "USE": "olama",
    }.items():
        wrong = Program(program.home, {**program.settings, f"MEDIAINDEX__CAPTION__{name}": value})

        done = wrong.run("index", str(library))

        assert done.returncode == 2, (name, done.stdout, done.stderr)
        assert len(done.stderr.splitlines()) == 1
    assert server.requests == []


def test_faults_are_tried_again_and_nothing_is_lost(
    program: Program, library: Path, server: OllamaServer
) -> None:
    for fault in (Fault.busy(), Fault.half(), Fault.killed(), Fault.busy()):
        server.faults.append(fault)

    # A run waits for the second attempt.
    program.run("index", str(library))

    assert rows(program, "SELECT count(*) FROM caption WHERE description <> ''") == [(PHOTOS,)]
    assert rows(program, "SELECT * FROM job") == []


def test_run_that_is_ended_waits_for_no_server(
    program: Program, library: Path, server: OllamaServer
) -> None:
    server.answer = lambda _: Answer("never", delay_s=600)
    process = program.start("index", str(library))
    server.wait_until(lambda: any(one.path == "/api/chat" for one in server.requests), 60)

    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)

    assert process.returncode == 130, out
    asked = [one.path for one in server.requests]
    assert asked[-1] == "/api/chat"
    assert rows(program, "SELECT * FROM job") == []


def test_server_that_fails_at_every_picture_costs_no_picture_its_attempts(
    program: Program, library: Path, server: OllamaServer
) -> None:
    server.fail_next(1000, Fault.refuse(500, "CUDA error: out of memory"))
    for _ in range(2):
        done = program.run("index", str(library))
        assert done.returncode == 0
        assert "CUDA error: out of memory" in done.stdout
        assert rows(program, "SELECT * FROM job WHERE attempts > 0") == []
    server.faults.clear()
    with closing(sqlite3.connect(program.home / "state" / "mediaindex.db")) as connection:
        connection.execute("UPDATE job SET run_after = '2020-01-01 00:00:00'")
        connection.commit()

    program.run("index", str(library))

    assert all(descriptions(program))
    assert len(descriptions(program)) == PHOTOS
