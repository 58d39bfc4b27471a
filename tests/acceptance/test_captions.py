"""Describing through the real program and a real server that speaks Ollama's protocol."""

import json
from pathlib import Path

from tests.acceptance.describing import (
    PHOTOS,
    caption,
    descriptions,
    found,
    library,
    program,
    rows,
    say,
    server,
)
from tests.acceptance.program import Program
from tests.acceptance.test_videos import SCENES
from tests.clips import make_clip
from tests.servers.answers import Answer, ChatRequest
from tests.servers.ollama import OllamaServer

__all__ = ["library", "program", "server"]


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
    assert str(library.parent) not in said
    assert ".jpg" not in said


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


def test_another_model_describes_everything_anew_and_the_old_words_serve_meanwhile(
    program: Program, library: Path, server: OllamaServer
) -> None:
    server.answer = lambda _: caption("A blue boat in a harbour.", "boat")
    program.run("index", str(library))
    other = Program(
        program.home, {**program.settings, "MEDIAINDEX__CAPTION__MODEL": server.models[2].name}
    )
    server.stop()
    other.run("index")
    assert len(found(other, "boat", "-n", "50")) == PHOTOS
    server.start()
    server.answer = lambda _: caption("A red tractor in a field.", "tractor")

    done = other.run("index")

    assert f"caption: {PHOTOS} done" in done.stdout
    assert len(found(other, "tractor", "-n", "50")) == PHOTOS
    assert descriptions(other) == ["A red tractor in a field."] * PHOTOS
    assert rows(other, "SELECT DISTINCT model FROM caption") == [(server.models[2].name,)]
    # No vector is left of the words that are gone.
    assert rows(
        other,
        "SELECT count(*) FROM embedding JOIN space ON space.id = space_id"
        " WHERE space.kind = 'caption'",
    ) == [(PHOTOS,)]


def test_only_what_a_changed_prompt_words_is_made_again(
    program: Program, tmp_path: Path, library: Path, server: OllamaServer
) -> None:
    program.run("index", str(library))
    mine = tmp_path / "prompts"
    assert program.run("config", "prompts", str(mine)).returncode == 0
    for name in mine.iterdir():
        if name.name not in ("video-frames.txt", "describe.txt"):
            name.unlink()
    changed = Program(program.home, {**program.settings, "MEDIAINDEX__CAPTION__PROMPTS": str(mine)})
    assert "caption:" not in changed.run("index").stdout
    (mine / "video-frames.txt").write_text("What happens in these $pictures pictures?")
    assert "caption:" not in changed.run("index").stdout
    (mine / "describe.txt").write_text("What is in this picture, in $language?")

    assert f"caption: {PHOTOS} done" in changed.run("index").stdout
