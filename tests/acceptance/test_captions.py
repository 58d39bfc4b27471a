"""Describing through the real program and a real server that speaks Ollama's protocol."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.test_videos import SCENES
from tests.clips import make_clip
from tests.servers.answers import Answer, ChatRequest
from tests.servers.faults import Fault
from tests.servers.ollama import OllamaServer

PHOTOS = 12


@pytest.fixture
def server() -> Iterator[OllamaServer]:
    with OllamaServer() as server:
        server.answer = say
        yield server


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = tmp_path / "library"
    folder.mkdir()
    chance = np.random.default_rng(7)
    for number in range(PHOTOS):
        pixels = chance.integers(0, 255, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((320, 240)).save(folder / f"{number:02}.jpg")
    return folder


@pytest.fixture
def program(tmp_path: Path, server: OllamaServer) -> Program:
    return Program(
        tmp_path / "home",
        {
            "MEDIAINDEX__CAPTION__USE": "ollama",
            "MEDIAINDEX__CAPTION__URL": server.url,
            "MEDIAINDEX__CAPTION__MODEL": server.models[0].name,
        },
    )


def caption(description: str, *tags: str, text: str = "", setting: str = "") -> str:
    return json.dumps(
        {
            "description": description,
            "tags": list(tags),
            "text_in_image": text,
            "setting": setting,
        }
    )


def say(request: ChatRequest) -> str:
    return caption("A girl in a red dress blows out four candles on a cake.", "birthday", "cake")


def rows(program: Program, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(program.home / "state" / "mediaindex.db")) as connection:
        return connection.execute(query).fetchall()


def descriptions(program: Program) -> list[object]:
    return [row[0] for row in rows(program, "SELECT description FROM caption")]


def found(program: Program, *words: str) -> list[str]:
    hits = json.loads(program.run("search", *words, "--json").stdout)["hits"]
    return [Path(hit["path"]).name for hit in hits if not hit.get("weak")]


def test_photos_are_described_and_found_by_what_is_said_of_them(
    program: Program, library: Path, server: OllamaServer
) -> None:
    seen: list[str] = []

    def tell(request: ChatRequest) -> str:
        seen.append(request.prompt)
        number = len(seen)
        if number == 3:
            return caption("A banner hangs over a table.", "party", text="HAPPY BIRTHDAY\nMaria")
        return caption(f"A dog runs along beach number {number}.", "dog", setting="beach")

    server.answer = tell

    done = program.run("index", str(library))

    assert done.returncode == 0, done.stderr
    assert f"caption: {PHOTOS} done" in done.stdout
    assert len(descriptions(program)) == PHOTOS
    (banner,) = found(program, '"happy birthday"')
    assert json.loads(program.run("search", banner, "--json").stdout)["hits"]
    assert len(found(program, "dog", "-n", "50")) == PHOTOS - 1
    # A second run asks nothing.
    asked = len(seen)
    program.run("index", str(library))
    assert len(seen) == asked


def test_no_word_about_where_and_when_is_told_unless_switched_on(
    program: Program, library: Path, server: OllamaServer
) -> None:
    program.run("index", str(library))

    said = " ".join(f"{request.path} {request.body}" for request in server.requests)
    assert library.name not in said
    assert ".jpg" not in said


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
    for stop_at in (3, 7):
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


def test_answers_that_say_nothing_are_not_stored_and_told_apart(
    program: Program, library: Path, server: OllamaServer
) -> None:
    server.answer = lambda _: "I'm sorry, but I can't help with that."

    done = program.run("index", str(library))

    assert done.returncode == 0
    assert descriptions(program) == [""] * PHOTOS
    assert len([one for one in server.requests if one.path == "/api/chat"]) == 2 * PHOTOS
    status = json.loads(program.run("status", "--json").stdout)["captions"]
    assert (status["described"], status["rejected"], status["lacking"]) == (0, PHOTOS, 0)
    assert status["reasons"] == {"refusal": PHOTOS}
    # They are not asked about again until a person says so.
    server.answer = say
    assert "caption" not in program.run("index").stdout
    assert program.run("retry", "--stage", "caption").stdout.startswith(f"{PHOTOS} will be tried")
    assert f"caption: {PHOTOS} done" in program.run("index").stdout
    assert all(descriptions(program))


def test_second_try_is_stricter_and_with_another_seed(
    program: Program, library: Path, server: OllamaServer
) -> None:
    asked: list[ChatRequest] = []

    def blank_at_first(request: ChatRequest) -> str | Answer:
        asked.append(request)
        return Answer("", thinking="Let me look.") if len(asked) % 2 else say(request)

    server.answer = blank_at_first
    program.run("index", str(library))

    assert all(descriptions(program))
    first, second = asked[:2]
    assert first.options["seed"] != second.options["seed"]
    assert first.prompt != second.prompt
    assert first.options["num_ctx"] == second.options["num_ctx"] >= 4096


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

    for _ in range(3):
        program.run("index", str(library))
        with closing(sqlite3.connect(program.home / "state" / "mediaindex.db")) as connection:
            connection.execute("UPDATE job SET run_after = '2020-01-01 00:00:00'")
            connection.commit()

    assert rows(program, "SELECT count(*) FROM caption WHERE description <> ''") == [(PHOTOS,)]
    assert rows(program, "SELECT * FROM job") == []


def test_video_is_described_moment_by_moment_and_as_a_whole(
    program: Program, tmp_path: Path, server: OllamaServer
) -> None:
    films = tmp_path / "films"
    films.mkdir()
    make_clip(
        films / "colours.mp4",
        *("-force_key_frames", "expr:gte(t,n_forced*4)"),
        picture=f"{SCENES};[0][1][2]concat=n=3",
    )
    many: list[int] = []

    def tell(request: ChatRequest) -> str:
        many.append(len(request.pictures))
        if len(request.pictures) > 1:
            return caption("A film in which a garden is shown through the seasons.", "garden")
        return caption(f"A garden in bloom, view {len(many)}.", "flowers")

    server.answer = tell
    done = program.run("index", str(films))

    assert done.returncode == 0, done.stderr
    assert rows(program, "SELECT count(*) FROM caption WHERE moment_id IS NOT NULL") == [(3,)]
    assert rows(program, "SELECT description FROM caption WHERE moment_id IS NULL") == [
        ("A film in which a garden is shown through the seasons.",)
    ]
    assert sorted(many) == [1, 1, 1, 3]
    assert found(program, "seasons") == ["colours.mp4"]
