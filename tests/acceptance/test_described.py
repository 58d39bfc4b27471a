"""What a model said of pictures, in the answers of the real program; no server is asked."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from mediaindex.store import jobs
from mediaindex.store.assets import moments_by_asset
from mediaindex.store.captions import save_caption
from mediaindex.store.database import open_database
from mediaindex.store.files import find_file
from mediaindex.types import Caption
from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal
from tests.acceptance.test_hits import XMP
from tests.acceptance.test_videos import SCENES
from tests.clips import make_clip
from tests.conftest import NOW, ORIGIN

BANNER = Caption(
    "Paper letters hang on a wall above a table. " + "There is a lot more to be told of it. " * 9,
    ("party", "table"),
    "HAPPY BIRTHDAY\nANNA \x1b[31m",
    "living room",
)
KITE = Caption("A girl flies a crimson kite over the dunes.", ("kite", "girl"), "", "beach")
SUMMARY = Caption("A party from beginning to end.")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos, and a clip that is red, then green, then blue, four seconds each."""
    root = tmp_path_factory.mktemp("library")
    for name, colour in {"wall.jpg": "gray", "dunes.jpg": "white", "failed.jpg": "black"}.items():
        Image.new("RGB", (64, 48), colour).save(root / name)
    told = XMP.format("Anna flies her kite").encode()
    Image.new("RGB", (64, 48), "gray").save(root / "told.jpg", xmp=told)
    make_clip(
        root / "party.mp4",
        *("-force_key_frames", "expr:gte(t,n_forced*4)", "-movflags", "+faststart"),
        picture=f"{SCENES};[0][1][2]concat=n=3",
    )
    return root


def describe(program: Program, path: Path, at_ms: int | None, said: Caption | str) -> None:
    """Store what a model says of the moment that lies at, or just before, a time."""
    database = open_database(program.home / "state" / "mediaindex.db")
    with database.write() as session:
        file = find_file(session, path)
        assert file is not None
        assert file.asset_id is not None
        asset_id = file.asset_id
        moments = moments_by_asset(session, [asset_id])[asset_id]
        passed = [moment for moment, at in moments if at_ms is not None and at <= at_ms]
        moment_id = None if at_ms is None else passed[-1]
        save_caption(session, asset_id, moment_id, "1", said, ORIGIN, NOW)
        jobs.forget_results(session, asset_id, ("embed_text",))
    database.close()


@pytest.fixture(scope="module")
def program(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("home"), {"MEDIAINDEX__CAPTION__USE": '"off"'})
    assert made.run("index", str(library)).returncode == 0
    describe(made, library / "wall.jpg", 0, BANNER)
    describe(made, library / "dunes.jpg", 0, KITE)
    describe(made, library / "failed.jpg", 0, "it repeats itself")
    describe(made, library / "party.mp4", 7_000, BANNER)
    describe(made, library / "party.mp4", None, SUMMARY)
    done = made.run("index")
    assert done.returncode == 0, done.stderr
    return made


def hits(program: Program, *words: str) -> dict[str, dict[str, Any]]:
    said = json.loads(program.run("search", "--json", *words).stdout)
    return {Path(hit["path"]).name: hit for hit in said["hits"]}


@pytest.mark.parametrize("form", [(), ("--moments",)])
@pytest.mark.parametrize("words", [('"happy birthday"',), ("red", '"happy birthday"')])
def test_banner_is_found_at_its_second(
    program: Program, form: tuple[str, ...], words: tuple[str, ...]
) -> None:
    found = hits(program, *words, *form)

    assert found.keys() == {"wall.jpg", "party.mp4"}
    assert found["party.mp4"]["start_ms"] == pytest.approx(4000, abs=250)
    assert found["party.mp4"]["end_ms"] == pytest.approx(8000, abs=250)


def test_json_says_what_the_model_said(program: Program) -> None:
    found = hits(program, '"happy birthday"')

    assert found["wall.jpg"]["summary"] is None
    assert found["wall.jpg"]["caption"] == {
        "description": BANNER.description,
        "tags": ["party", "table"],
        "text_in_image": BANNER.text_in_image,
        "setting": "living room",
        "model": "vlm:4b",
        "made_at": "2026-11-21T12:00:00+00:00",
    }
    assert found["party.mp4"]["summary"]["description"] == SUMMARY.description
    why = found["wall.jpg"]["why"][-1]
    assert (why["by"], why["source"]) == ("words", "seen")
    assert why["passage"] == "«HAPPY BIRTHDAY»\nANNA \x1b[31m"
    (dunes,) = (hit for name, hit in hits(program, "red").items() if name == "dunes.jpg")
    assert "caption" in {reason["by"] for reason in dunes["why"]}
    assert hits(program, "blue")["party.mp4"]["caption"] is None


def test_lines_tell_who_says_so(program: Program) -> None:
    read = program.run("search", '"happy birthday"', "kind:photo").stdout
    described = program.run("search", "girl dunes", "-n1").stdout
    meant = program.run("search", "red", "kind:photo").stdout

    assert "read in the picture" not in read  # the last line shows it
    assert "          model: Paper letters hang on a wall" in read
    assert r"ANNA \x1b[31m" in read
    assert "          reads: «HAPPY BIRTHDAY» ANNA" in read
    assert len(read.splitlines()) == 5
    assert max(map(len, read.splitlines()[2:])) < 80
    assert "model: A «girl» flies a crimson kite over the «dunes»." in described
    assert described.count("crimson kite") == 1
    assert "its description means it" in " ".join(meant.split())
    assert "means it (" not in " ".join(meant.split())


def test_words_that_the_lines_of_the_model_do_not_show_stand_among_the_reasons(
    program: Program,
) -> None:
    shown = program.run("search", '"living room"', "kind:photo").stdout

    assert "described: " in shown
    assert "«living room»" in shown


def test_description_cannot_meddle_with_the_terminal(program: Program) -> None:
    _, shown = at_terminal(program, "search", '"happy birthday"')

    assert "\x1b[31m" not in shown


def test_person_comes_first(program: Program) -> None:
    assert next(iter(hits(program, "kite"))) == "told.jpg"
    assert next(iter(hits(program, "flying", "kite"))) == "told.jpg"


def test_exclusion_leaves_out_what_the_model_saw(program: Program) -> None:
    assert "dunes.jpg" not in hits(program, "white", "-kite")
    assert hits(program, "kind:video", "-wall")["party.mp4"]["start_ms"] == 0


def test_info_tells_all_that_was_said(program: Program, library: Path) -> None:
    wall = program.run("info", str(library / "wall.jpg")).stdout
    party = program.run("info", str(library / "party.mp4")).stdout
    known = json.loads(program.run("info", "--json", str(library / "failed.jpg")).stdout)

    assert "(vlm:4b, 2026-11-21 12:00 UTC, 2.5 s)" in wall
    assert "tags       party, table\n" in wall
    assert "setting    living room\n" in wall
    assert r"HAPPY BIRTHDAY / ANNA \x1b[31m" in wall
    assert "summary    A party from beginning to end.  (vlm:4b, 2026" in party
    assert "described  at 0:0" in party
    assert "rejected" in program.run("info", str(library / "failed.jpg")).stdout
    assert known["captions"] == [
        {
            "at_ms": 0,
            "description": "",
            "tags": [],
            "text_in_image": "",
            "setting": "",
            "model": "vlm:4b",
            "made_at": "2026-11-21T12:00:00+00:00",
            "duration_ms": 2500,
            "rejected": "it repeats itself",
        }
    ]


def test_stages_count_what_they_are_for(program: Program) -> None:
    on = Program(program.home, {**program.settings, "MEDIAINDEX__CAPTION__USE": "ollama"})
    stages = json.loads(on.run("status", "--json").stdout)["stages"]

    assert stages["caption"]["total"] == 5
    assert (stages["embed_text"]["done"], stages["embed_text"]["total"]) == (4, 4)


def test_end_state_has_the_words_of_models(program: Program) -> None:
    state = program.end_state()

    assert len(state["captions"]) == 5
    assert "HAPPY BIRTHDAY" in str(state["documents"])
    assert "caption" in {row[3] for row in state["vectors"]}
