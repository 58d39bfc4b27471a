"""Asking the real program about a garage door, and a server without a model."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.test_videos import GREY
from tests.clips import make_clip
from tests.servers.answers import ChatRequest, look_at
from tests.servers.faults import Fault
from tests.servers.models import VISION
from tests.servers.ollama import OllamaServer

SAID = {
    "red": '{"can_tell": true, "answer": "The garage door is closed."}',
    "green": '{"can_tell": true, "answer": "The garage door is open."}',
    "blue": '{"can_tell": false, "answer": "There is no door."}',
    "black": "I'm sorry, but I can't help with that.",
}
DAYS = {"red": 1, "green": 2, "blue": 3, "black": 4}
"""When each picture was taken, in January 2024; the black one is the newest."""


def answer(request: ChatRequest) -> str:
    """Say what a model would, which can read the question and see one colour."""
    assert "garage door" in request.prompt
    assert "in:" not in request.prompt
    [picture] = request.pictures
    return SAID[look_at(picture).words[0]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    (root / "cam").mkdir()
    for colour, day in DAYS.items():
        exif = Image.Exif()
        exif[0x0132] = f"2024:01:0{day} 12:00:00"
        exif.get_ifd(0x8769)[0x9003] = f"2024:01:0{day} 12:00:00"
        path = root / "cam" / f"garage door {colour}.jpg"
        Image.new("RGB", (640, 480), colour).save(path, exif=exif)
    Image.new("RGB", (640, 480), "red").save(root / "sunset.jpg")
    return root


@pytest.fixture(scope="module")
def home(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Program(tmp_path_factory.mktemp("home"))
    done = made.run("index", str(library))
    assert done.returncode == 0, done.stderr
    return made.home


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as running:
        running.answer = answer
        yield running


@pytest.fixture
def program(server: OllamaServer, home: Path) -> Program:
    return asking(home, server.url)


def asking(home: Path, url: str) -> Program:
    settings = {"USE": "ollama", "URL": url, "MODEL": VISION.name}
    return Program(home, {f"MEDIAINDEX__CAPTION__{key}": value for key, value in settings.items()})


def found(program: Program, *words: str, code: int = 0) -> Any:
    done = program.run("ask", "--json", *words)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def colours(said: Any) -> list[str]:
    names = [Path(one["path"]).stem for one in said["evidence"]]
    return [name.removeprefix("garage door ") for name in names]


def test_newest_that_can_tell_answers_and_all_others_are_shown(program: Program) -> None:
    said = found(program, "is the garage door closed?", "--in", "cam", "--latest")

    assert colours(said) == ["black", "blue", "green", "red"]
    assert said["answer"] == "The garage door is open."
    assert [one["is_answer"] for one in said["evidence"]] == [False, False, True, False]
    assert [one["can_tell"] for one in said["evidence"]] == [False, False, True, True]
    assert said["evidence"][1]["said"] == "There is no door."
    assert said["evidence"][0]["said"] == ""
    assert said["evidence"][3]["said"] == "The garage door is closed."  # which contradicts it
    assert said["searched"] == "in:cam"


def test_answer_comes_with_its_evidence_for_people(program: Program, library: Path) -> None:
    done = program.run("ask", "is", "the", "garage", "door", "closed?", "in:cam", "--latest")

    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "The garage door is open."
    assert lines[5] == f"  3* {library}/cam/garage door green.jpg  (2024-01-02 12:00)"
    assert lines[6].strip() == "The garage door is open."
    assert lines[4].strip() == "does not tell: There is no door."


def test_words_of_the_question_find_the_pictures(program: Program, server: OllamaServer) -> None:
    said = found(program, "is the garage door closed?")

    assert said["searched"] == "garage door closed"
    assert "sunset" not in colours(said)
    assert said["answer"] is not None
    asked = [request for request in server.requests if request.pictures]
    assert len(asked) == len(said["evidence"]) <= 4


def test_looks_bound_what_the_model_is_shown(program: Program, server: OllamaServer) -> None:
    said = found(program, "is the garage door closed", "--in", "cam", "--latest", "-n", "2", code=1)

    assert colours(said) == ["black", "blue"]
    assert said["answer"] is None
    assert said["why_not"] == "none of the 2 pictures tells"
    assert len([request for request in server.requests if request.pictures]) == 2


def test_newest_good_hit_answers_where_there_is_no_filter(program: Program) -> None:
    said = found(program, "is the garage door closed?", "--latest")

    dates = [one["taken_local"] for one in said["evidence"]]
    assert dates == sorted(dates, reverse=True)
    assert said["searched"] == "garage door closed"


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["is the garage door closed", "--after", "2025-06", "--kind", "video"], 1, "I do not"),
        (["what is it?"], 2, "has no word"),
        (["is the garage door closed", "--after", "soon"], 2, "is no date"),
        ([], 2, "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_answered_is_told(
    program: Program, server: OllamaServer, words: list[str], code: int, told: str
) -> None:
    done = program.run("ask", *words)

    assert done.returncode == code
    assert told in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not [request for request in server.requests if request.pictures]


def test_nothing_found_says_what_is_not_described_yet(program: Program) -> None:
    done = program.run("ask", "is the garage door closed", "--after", "2025-06", "--kind", "video")

    assert "what passes the filter" not in done.stderr
    assert "5 moments are not described yet" in done.stderr


def test_no_server_and_no_index_are_told(home: Path, server: OllamaServer, tmp_path: Path) -> None:
    off = asking(home, "http://127.0.0.1:9").run("ask", "garage door", "--in", "cam", "--latest")
    empty = asking(tmp_path, server.url).run("ask", "garage door")
    nobody = Program(home).run("ask", "garage door")

    assert (off.returncode, empty.returncode, nobody.returncode) == (3, 1, 2)
    assert "there is no Ollama" in off.stderr
    assert "nothing is indexed yet" in empty.stderr
    assert "caption.use is off" in nobody.stderr


def test_picture_at_which_the_server_fails_is_passed_over(
    program: Program, server: OllamaServer
) -> None:
    server.fail_next(1, Fault.not_json())

    said = found(program, "is the garage door closed", "--in", "cam", "--latest")

    assert said["evidence"][0]["trouble"]
    assert said["answer"] == "The garage door is open."


def test_video_tells_by_its_last_moment_what_is_newest(
    server: OllamaServer, tmp_path: Path
) -> None:
    (tmp_path / "library" / "cam").mkdir(parents=True)
    scenes = ";".join(
        f"color={colour}:size=160x120:rate=10:duration=4,{GREY}[{n}]"
        for n, colour in enumerate(("green", "red"))
    )
    clip = make_clip(
        tmp_path / "library" / "cam" / "a.mp4",
        *("-force_key_frames", "expr:gte(t,n_forced*4)"),
        picture=f"{scenes};[0][1]concat=n=2",
    )
    os.utime(clip, (1_700_000_000, 1_700_000_000))
    home = tmp_path / "home"
    assert Program(home).run("index", str(tmp_path / "library")).returncode == 0

    said = found(asking(home, server.url), "garage door closed?", "--in", "cam", "--latest")

    assert said["answer"] == "The garage door is closed."
    assert said["evidence"][0]["at_ms"] > 3000


def test_server_that_goes_off_in_the_middle_does_not_take_the_answer_with_it(
    program: Program, server: OllamaServer
) -> None:
    def answer_once(request: ChatRequest) -> str:
        server.faults += [Fault.refuse(401, "unauthorized").of("")] * 100
        return SAID["green"]

    server.answer = answer_once

    said = found(program, "is the garage door closed", "--in", "cam", "--latest")

    assert said["answer"] == "The garage door is open."
    assert said["evidence"][1]["trouble"]
