"""Videos from the folder to the second of the hit, with the real program."""

import json
import os
import re
from pathlib import Path

import pytest

from mediaindex.cli.hits import clock
from mediaindex.cli.opening import play_command
from tests.acceptance.program import Program
from tests.clips import make_clip

COLOURS = ("red", "green", "blue")
GREY = "drawbox=x=4:y=4:w=40:h=40:color=gray@1:t=fill"
SCENES = ";".join(
    f"color={colour}:size=160x120:rate=10:duration=4,{GREY}[{n}]"
    for n, colour in enumerate(COLOURS)
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One clip: red, then green, then blue, four seconds each; and one that is broken."""
    root = tmp_path_factory.mktemp("library")
    clip = make_clip(
        root / "colours.mp4",
        *("-force_key_frames", "expr:gte(t,n_forced*4)", "-movflags", "+faststart"),
        picture=f"{SCENES};[0][1][2]concat=n=3",
    )
    whole = clip.read_bytes()
    (root / "cut.mp4").write_bytes(whole[: len(whole) * 3 // 4])
    (root / "no index.mp4").write_bytes(whole[:40] + whole[-400:])
    return root


@pytest.fixture(scope="module")
def program(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("home"))
    done = made.run("index", str(library))
    assert done.returncode == 0, done.stderr
    return made


def hits(program: Program, *words: str) -> list[dict[str, object]]:
    said = program.run("search", *words, "--json")
    return list(json.loads(said.stdout)["hits"])


@pytest.mark.parametrize(("colour", "second"), [("red", 0), ("green", 4), ("blue", 8)])
def test_question_finds_the_second(program: Program, colour: str, second: int) -> None:
    first = next(hit for hit in hits(program, colour) if str(hit["path"]).endswith("colours.mp4"))

    assert first["kind"] == "video"
    # Frames nearer to each other than a quarter of a second are not looked at.
    assert int(str(first["start_ms"])) == pytest.approx(second * 1000, abs=250)
    assert int(str(first["end_ms"])) == pytest.approx(second * 1000 + 4000, abs=250)
    assert second * 1000 <= int(str(first["at_ms"])) < second * 1000 + 4000


def test_one_moment_of_each_video_or_all_of_them(program: Program) -> None:
    one = [hit for hit in hits(program, "blue") if str(hit["path"]).endswith("colours.mp4")]
    every = hits(program, "blue", "--moments")
    of_one = [hit for hit in every if str(hit["path"]).endswith("colours.mp4")]

    assert len(one) == 1
    assert len(of_one) == 3
    assert of_one[0]["at_ms"] == one[0]["at_ms"]


def test_time_is_shown_to_people(program: Program) -> None:
    assert re.search(r"at 0:08 \(0:08-0:1[12]\)", program.run("search", "blue").stdout)


def test_what_is_broken_gives_what_it_has_and_its_reason(program: Program, library: Path) -> None:
    status = json.loads(program.run("status", "--json").stdout)
    failed = {Path(row["path"]).name: row["reason"] for row in status["troubles"]}

    assert failed.keys() == {"no index.mp4"}
    assert failed["no index.mp4"]
    assert any(str(hit["path"]).endswith("cut.mp4") for hit in hits(program, "red"))
    assert "partial" in program.run("info", str(library / "cut.mp4")).stdout


def test_open_starts_the_player_at_the_second(program: Program, tmp_path: Path) -> None:
    told = tmp_path / "told"
    os.mkfifo(told)
    player = tmp_path / "mpv"
    player.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{told}"\n')
    player.chmod(0o755)
    with_player = Program(program.home, {"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    done = with_player.run("search", "blue", "kind:video", "-n", "1", "--open")

    assert done.returncode == 0, done.stderr
    start, end_of_options, file = told.read_text().splitlines()
    assert start.startswith("--start=8.")
    assert (end_of_options, Path(file).name) == ("--", "colours.mp4")


def test_player_that_is_there_is_told_in_its_own_way() -> None:
    def only(name: str, wanted: str) -> str | None:
        return f"/usr/bin/{name}" if name == wanted else None

    assert play_command("-a.mp4", 872.4, lambda name: only("vlc", name)) == [
        "/usr/bin/vlc",
        "--start-time=872.400",
        "--",
        "-a.mp4",
    ]
    assert play_command("a.mp4", 1.0, lambda _: None) is None


@pytest.mark.parametrize(
    ("at_ms", "said"), [(0, "0:00"), (872_999, "14:32"), (3_661_000, "1:01:01")]
)
def test_times_are_written_as_players_write_them(at_ms: int, said: str) -> None:
    assert clock(at_ms) == said
