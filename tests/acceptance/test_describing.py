"""What `status`, `retry`, `pause` and `doctor` tell of describing."""

import json
from pathlib import Path

import pytest

from tests.acceptance.describing import (
    PHOTOS,
    caption,
    descriptions,
    library,
    program,
    say,
    server,
)
from tests.acceptance.program import Program
from tests.servers.answers import ChatRequest
from tests.servers.ollama import OllamaServer

__all__ = ["library", "program", "server"]

SORRY = "I'm sorry, but I can't help with that."


def changed(program: Program, **settings: str) -> Program:
    return Program(
        program.home,
        {
            **program.settings,
            **{f"MEDIAINDEX__CAPTION__{name.upper()}": value for name, value in settings.items()},
        },
    )


def test_each_moment_counts_once_whatever_was_said_of_it_and_when(
    program: Program, library: Path, server: OllamaServer
) -> None:
    asked: list[str] = []

    def refuse_some(request: ChatRequest) -> str:
        asked.append(request.prompt)
        return SORRY if len(asked) <= 4 else say(request)  # two pictures, each asked about twice

    server.answer = refuse_some
    assert program.run("index", str(library)).returncode == 0

    told = program.run("status").stdout
    found = json.loads(program.run("status", "--json").stdout)["captions"]

    assert f"Captions: {PHOTOS - 2} of {PHOTOS} moments described\n" in told
    assert "  of 2 moments nothing worth keeping was said: the model refused (2)\n" in told
    named = [one["path"] for one in found["rejections"]]
    assert len(named) == 2
    assert all(f"  {path}\n    the model refused: I'm sorry" in told for path in named)
    assert (found["total"], found["older"], found["lacking"]) == (PHOTOS, 0, 0)
    few = program.run("status", "--failures", "1").stdout
    assert "  ... and 1 more (mediaindex status --failures 2)\n" in few

    # Words in another language are older words, and count as nothing else.
    server.answer = say
    other = changed(program, language="de")
    found = json.loads(other.run("status", "--json").stdout)["captions"]
    assert (found["total"], found["described"], found["rejected"]) == (PHOTOS, 0, 0)
    assert (found["older"], found["lacking"]) == (PHOTOS - 2, PHOTOS)
    assert (
        f"Captions: 0 of {PHOTOS} moments described; {PHOTOS - 2} more by an older model or prompt,"
        " until theirs are made anew; about "
    ) in other.run("status").stdout


def test_file_that_was_described_poorly_is_described_again(
    program: Program, library: Path, server: OllamaServer
) -> None:
    program.run("index", str(library))
    file = str(library / "03.jpg")
    server.answer = lambda _: caption("A brown horse stands in a meadow.", "horse")

    said = program.run("retry", "--stage", "caption", file).stdout

    assert said.startswith("1 will be tried again")
    assert "1 of them will be described again" in said
    assert len([text for text in descriptions(program) if "candles" in str(text)]) == PHOTOS
    assert "caption: 1 done" in program.run("index").stdout
    assert descriptions(program).count("A brown horse stands in a meadow.") == 1


def test_run_that_could_not_describe_says_that_it_has_ended(
    program: Program, library: Path, server: OllamaServer
) -> None:
    server.stop()

    done = program.run("index", str(library))

    assert "  caption waits: " in done.stdout
    assert done.stdout.endswith(
        "This run has ended; what waits goes on with the next mediaindex index.\n"
    )


def test_stage_that_was_paused_is_not_said_to_go_on_where_no_run_is_at_work(
    program: Program,
) -> None:
    paused = program.run("pause", "caption").stdout
    assert "no run is at work now" in paused
    assert "paused; to let it go on" in program.run("doctor").stdout
    resumed = program.run("resume", "caption").stdout
    assert resumed.startswith("caption will go on with the next mediaindex index")

    none = program.run("pause")
    assert none.returncode == 2
    assert none.stderr.startswith("mediaindex: say which stage: caption, identify")


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("use", "chatgpt", "expected ollama, openai, off, or package.module:function, not 'chat"),
        ("language", "klingon", "'klingon' is no language"),
        ("prompts", "/nowhere", ""),
        ("schedule", "nights", "'nights' was not understood"),
    ],
)
def test_setting_with_which_index_does_not_start_is_bad_to_doctor(
    program: Program, library: Path, name: str, value: str, said: str
) -> None:
    wrong = changed(program, **{name: value})
    expected = f"caption.{name} (MEDIAINDEX__CAPTION__{name.upper()}): {said}"

    done = wrong.run("index", str(library))

    assert done.returncode == 2
    assert done.stderr.startswith(f"mediaindex: {expected}")
    told = wrong.run("doctor")
    assert told.returncode == 1
    assert f" bad  captions: {expected}" in told.stdout
    assert "environment variables set some" in told.stdout
