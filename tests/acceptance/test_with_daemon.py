"""Commands ask the daemon where one runs; here one that says what it is told to."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.servers.daemon import Raw, Refused, ScriptedDaemon
from tests.unit.test_remote import ANSWER, sent

HEAVY = (
    "sqlalchemy",
    "numpy",
    "PIL",
    "rich",
    "httpx",
    "asyncio",
    "http.client",
    "mediaindex.parts",
)


def library(**more: Any) -> dict[str, Any]:
    now = {
        "id": 1,
        "name": "photos",
        "root": "/photos",
        "watching": "inotify",
        "watch_trouble": None,
        "offline_reason": None,
        "is_sweeping": False,
        "sweep_trouble": None,
        "held_back": 0,
    }
    return {**now, **more}


def counted(**more: Any) -> dict[str, Any]:
    then = {"name": "photos", "root": "/photos", "files": 3, "missing_files": 1, "held_back": 0}
    return {**then, "swept_at": "2026-11-21T03:00:00+00:00", "offline_reason": None, **more}


def progress(stage: str, **more: Any) -> dict[str, Any]:
    nothing = {"done": 0, "failed": 0, "postponed": 0, "blocked_reason": None, "busy_s": 0.0}
    return {"stage": stage, **nothing, "is_paused": False, **more}


def status(phase: str = "idle", done: int = 3, **more: Any) -> dict[str, Any]:
    """Return a status as the daemon tells it; `more` is of its part `daemon`."""
    work = {"done": done, "waiting": 3 - done, "failed": 0, "total": 3, "blocked": None}
    return {
        "version": 1,
        "libraries": [counted()],
        "assets": {"photo": 3, "video": 0, "moments": 3},
        "files": {"photo": 3},
        "stages": {"identify": work, "decode": work},
        "blocked": [],
        "paused": [],
        "captions": None,
        "troubles": [],
        "trouble_count": 0,
        "model": "colour-grid/4",
        "disk_bytes": {"state": 1, "previews": 2, "index": 3, "models": 4},
        "daemon": {
            "started_at": "2026-11-20T08:15:00+00:00",
            "phase": phase,
            "trouble": None,
            "config_trouble": None,
            "libraries": [library()],
            "stages": [progress("identify", done=done), progress("decode", done=done)],
            "videos": {},
            "index_trouble": None,
            "chore_troubles": [],
            **more,
        },
    }


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program(tmp_path / "home")


@pytest.fixture
def said(program: Program) -> Iterator[ScriptedDaemon]:
    with ScriptedDaemon(program.home / "state" / "mediaindex.sock") as running:
        running.says |= {
            "POST /cli/ask": sent(ANSWER),
            "GET /api/v1/status": status(),
            "GET /api/v1/libraries": {"version": 1, "libraries": [{**counted(), **library()}]},
            "POST /api/v1/libraries": {"version": 1, "name": "photos"},
            "POST /api/v1/sweep": {"accepted": True},
            "POST /api/v1/libraries/photos/confirm-removal": {"accepted": True},
        }
        yield running


def test_search_loads_next_to_nothing(program: Program, said: ScriptedDaemon) -> None:
    script = (
        "import sys\n"
        "from mediaindex.cli.main import cli\n"
        "code = cli.main(sys.argv[1:], standalone_mode=False)\n"
        f"print([name for name in {HEAVY} if name in sys.modules], code, file=sys.stderr)\n"
    )
    for form in ([], ["--json"], ["--paths"]):
        done = subprocess.run(
            [sys.executable, "-c", script, "search", "dog", *form],
            env=program.environment,
            capture_output=True,
            text=True,
            check=True,
            errors="surrogateescape",
        )
        assert "caf" in done.stdout
        assert done.stderr.splitlines()[-1] == "[] 0"
    assert len(said.heard) == 3


def test_hits_of_the_daemon_are_shown_in_every_form(program: Program, said: ScriptedDaemon) -> None:
    for_people = program.run("search", "dog", "--in", "beach", "-n", "5")
    for_programs = json.loads(program.run("search", "--json", "dog").stdout)

    assert for_people.returncode == 0, for_people.stderr
    assert "/photos/caf\ufffd.mp4" in for_people.stdout
    assert "at 0:02 (0:00-0:09)" in for_people.stdout
    assert "a note" in for_people.stderr
    assert for_programs["model"] == "colour-grid/4"
    assert for_programs["hits"][0]["paths"] == ["/photos/caf\ufffd.mp4", "/photos/copy.mp4"]
    asked = said.bodies("POST /cli/ask")[0]["asked"]
    assert (asked["words"], asked["operators"], asked["limit"]) == ("dog", [["in", "beach"]], 5)


def test_paths_are_the_bytes_that_the_files_have(program: Program, said: ScriptedDaemon) -> None:
    process = subprocess.run(
        [sys.executable, "-m", "mediaindex", "search", "dog", "--paths0"],
        env=program.environment,
        capture_output=True,
        check=True,
    )

    assert process.stdout == b"/photos/caf\xe9.mp4\0"


def test_contact_sheet_has_previews_that_only_the_daemon_can_read(
    program: Program, said: ScriptedDaemon, tmp_path: Path
) -> None:
    buffer = BytesIO()
    Image.new("RGB", (320, 240), (250, 10, 10)).save(buffer, "JPEG")
    said.says[f"GET /api/v1/previews/{'a' * 64}/2000"] = buffer.getvalue()
    sheet = tmp_path / "sheet.jpg"

    done = program.run("search", "dog", "--contact-sheet", str(sheet))

    assert done.returncode == 0, done.stderr
    with Image.open(sheet) as picture:
        pixels = picture.convert("RGB").tobytes()
    assert any(pixels[i] > 200 and pixels[i + 1] < 60 for i in range(0, len(pixels), 3))


@pytest.mark.parametrize(
    ("refused", "code", "told"),
    [
        (Refused(400, "QueryError", "no such operator"), 2, "no such operator"),
        (Refused(503, "Busy", "too much to do"), 3, "too much to do"),
        (Refused(500, "StoreError", "it is corrupt"), 1, "it is corrupt"),
        (Refused(409, "WrongVersion", "it is 0.1"), 1, "it is 0.1"),
        (Raw(b""), 3, "went away"),
    ],
)
def test_errors_of_the_daemon_end_a_command_as_its_own(
    program: Program, said: ScriptedDaemon, refused: Any, code: int, told: str
) -> None:
    said.says["POST /cli/ask"] = refused

    done = program.run("search", "dog")

    assert (done.returncode, done.stdout) == (code, "")
    assert told in done.stderr


def test_older_daemon_is_passed_by_where_the_state_can_be_read(
    program: Program, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (64, 48), "red").save(photos / "dog.jpg")
    assert program.run("index", str(photos)).returncode == 0
    with ScriptedDaemon(program.home / "state" / "mediaindex.sock") as said:
        said.says["POST /cli/ask"] = Refused(409, "WrongVersion", "the daemon is mediaindex 0.1")

        done = program.run("search", "dog", "--paths")

    assert done.stdout == f"{photos / 'dog.jpg'}\n"
    assert "0.1; restart it" in done.stderr


def test_daemon_that_hangs_is_passed_by_where_the_state_can_be_read(
    program: Program, tmp_path: Path
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.new("RGB", (64, 48), "red").save(photos / "dog.jpg")
    assert program.run("index", str(photos)).returncode == 0
    with socket.socket(socket.AF_UNIX) as hung:
        hung.bind(str(program.home / "state" / "mediaindex.sock"))
        hung.listen()

        found = program.run("search", "dog", "--paths")
        told = program.run("status", "--json")
        refused = program.run("pause", "decode")

    assert found.stdout == f"{photos / 'dog.jpg'}\n"
    assert "does not answer: timed out; the index is read without it" in found.stderr
    assert json.loads(told.stdout)["assets"]["photo"] == 1
    assert refused.returncode == 3
    assert "does not answer" in refused.stderr


def test_status_tells_what_the_daemon_does(program: Program, said: ScriptedDaemon) -> None:
    said.says["GET /api/v1/status"] = status(
        "stuck",
        trouble="the disk is full",
        config_trouble="config.yaml line 3: no",
        libraries=[
            library(watching="poll", watch_trouble="sysctl fs.inotify.max_user_watches=9"),
            library(name="nas", offline_reason="it is not mounted"),
            library(name="old films", watching="off", is_sweeping=True),
        ],
    )

    done = program.run("status")
    as_json = json.loads(program.run("status", "--json", "--failures", "3").stdout)

    assert "Daemon: stuck: the disk is full (running since 2026-11-20 08:15 UTC)" in done.stdout
    assert "config.yaml line 3: no" in done.stdout
    assert "photos: looked through from time to time\n    sysctl fs.inotify" in done.stdout
    assert "nas: offline, never looked at" in done.stdout
    assert "old films: not watched, looked through now" in done.stdout
    assert as_json == said.says["GET /api/v1/status"]
    assert said.heard[-1].target == "/api/v1/status?failures=3"


def test_a_stage_is_paused_and_goes_on(program: Program, said: ScriptedDaemon) -> None:
    said.says |= {"POST /api/v1/stages/caption/pause": {}, "POST /api/v1/stages/caption/resume": {}}

    said.says["GET /api/v1/status"] = [status() | {"paused": ["caption"]}, status()]

    paused = program.run("pause", "caption")
    resumed = json.loads(program.run("resume", "caption", "--json").stdout)
    again = program.run("resume", "caption").stdout

    assert again == "caption was not paused\n"
    assert "caption is paused: the run that is at work" in paused.stdout
    assert resumed == {"version": 1, "stage": "caption", "paused": False, "running": True}


def test_picture_that_is_none_is_named(
    program: Program, said: ScriptedDaemon, tmp_path: Path
) -> None:
    film = tmp_path / "flower.mp4"
    film.write_bytes(b"film")
    said.says["POST /cli/ask"] = Refused(422, "Unusable", "holds no photo")

    done = program.run("search", "--like", str(film))

    assert done.returncode == 2
    assert f"takes a photo, no video; {film}: holds no photo" in done.stderr


def test_files_to_retry_are_named_from_the_root_on(
    program: Program, said: ScriptedDaemon, tmp_path: Path
) -> None:
    said.says["POST /api/v1/retry"] = {"version": 1, "retried": 2, "described_again": 1}

    done = program.run("retry", "--stage", "caption", os.path.relpath(tmp_path / "a.jpg"))
    as_json = json.loads(program.run("retry", "--failed", "--json").stdout)

    assert "2 will be tried again when captions are on again" in done.stdout
    assert "1 of them will be described again" in done.stdout
    assert as_json == {"version": 1, "retried": 2}
    one, every = said.bodies("POST /api/v1/retry")
    assert (one["failed"], one["stage"]) == (False, "caption")
    assert [Path(file).resolve() for file in one["files"]] == [tmp_path / "a.jpg"]
    assert every == {"failed": True, "stage": None, "files": None}


def test_info_is_told_of_a_file_that_only_the_daemon_knows(
    program: Program, said: ScriptedDaemon, tmp_path: Path
) -> None:
    told = {
        "role": "media",
        "kind": "photo",
        "size_bytes": 1000,
        "missing_since": None,
        "facts": {"taken_local": "2024-05-01T12:00:00", "taken_source": "exif"},
        "words": [["title", "Dog", "xmp"]],
        "done": [["embed", "1", "2026-11-21T03:00:00+00:00"]],
        "vectors": {"colour-grid/4, picture": 1},
        **dict.fromkeys(("place", "part_of")),
        **{name: [] for name in ("captions", "paths", "sidecars", "unfinished")},
        "moments": 1,
    }
    said.says["GET /api/v1/info"] = [
        {"version": 1, "path": "/x", **told},
        Refused(404, "NotFound", "unknown"),
    ]

    known = program.run("info", str(tmp_path / "dog.jpg"))
    unknown = program.run("info", str(tmp_path / "cat.jpg"))

    assert "2024-05-01 12:00:00, from EXIF" in known.stdout
    assert unknown.returncode == 1
    assert "is not in the index" in unknown.stderr


def test_library_is_forgotten_by_the_daemon(program: Program, said: ScriptedDaemon) -> None:
    said.says["DELETE /api/v1/libraries/photos"] = {"library": "photos", "assets": 3}

    done = json.loads(program.run("forget", "/photos", "--yes", "--json").stdout)
    wrong = program.run("forget", "holiday", "--yes")

    assert done == {"version": 1, "library": "photos", "files": 4, "assets": 3}
    assert wrong.returncode == 2
    assert "known: photos" in wrong.stderr


def test_folder_is_handed_over_and_looked_at_until_it_is_done(
    program: Program, said: ScriptedDaemon, tmp_path: Path
) -> None:
    sweeping = status("working", 0, libraries=[library(is_sweeping=True)])
    said.says["GET /api/v1/status"] = [
        status("idle", 0),
        status("idle", 0),  # it has not begun yet
        sweeping,
        status("working", 1),
        status("idle", 3),
    ]
    said.events = [("sweep", {"library": "photos", "seen": 3, "new": 2, "held_back": 0})]

    done = program.run("index", str(tmp_path), "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert said.bodies("POST /api/v1/libraries") == [{"path": str(tmp_path)}]
    assert (report["libraries"]["photos"]["seen"], report["libraries"]["photos"]["new"]) == (3, 2)
    assert report["stages"]["decode"]["done"] == 3
    assert not report["interrupted"]


def test_library_that_needs_a_person_is_told(program: Program, said: ScriptedDaemon) -> None:
    said.says["GET /api/v1/status"] = status(libraries=[library(offline_reason="not mounted")])

    done = program.run("index", "--no-captions")

    assert done.returncode == 1
    assert "photos: offline, left as it is: not mounted" in done.stdout
    assert "mediaindex pause caption" in done.stderr
    assert said.bodies("POST /api/v1/sweep") == [{}]


def test_interrupt_ends_the_looking_on_only(program: Program, said: ScriptedDaemon) -> None:
    said.says["GET /api/v1/status"] = status("working", 1)
    process = program.start("index")
    until = time.monotonic() + 60
    while not said.bodies("POST /api/v1/sweep") and time.monotonic() < until:
        time.sleep(0.02)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 130, err
    assert "The daemon goes on" in out


def test_removal_is_confirmed_for_what_is_held_back(program: Program, said: ScriptedDaemon) -> None:
    held = {**counted(), **library(held_back=7)}
    said.says["GET /api/v1/libraries"] = {
        "version": 1,
        "libraries": [held, {**counted(), **library(name="nas")}],
    }

    unasked = program.run("confirm-removal")
    done = program.run("confirm-removal", "photos", "--yes")

    what = "POST /api/v1/libraries/photos/confirm-removal"
    assert unasked.returncode == 2
    assert "7 files seem to be gone from /photos" in unasked.stderr
    assert "confirmed for photos" in done.stdout
    assert len(said.bodies(what)) == 1


def test_daemon_that_is_stuck_is_not_waited_for(program: Program, said: ScriptedDaemon) -> None:
    said.says["GET /api/v1/status"] = status("stuck", trouble="the disk is full")

    done = program.run("index")

    assert done.returncode == 3
    assert "the daemon can do nothing now: the disk is full" in done.stderr


def test_what_reads_the_index_itself_says_whose_it_is(
    program: Program, said: ScriptedDaemon, tmp_path: Path
) -> None:
    done = program.run("export", "--format", "csv", "--to", str(tmp_path / "words.csv"))

    assert done.returncode == 1
    assert "is another user's: call it as that user" in done.stderr
