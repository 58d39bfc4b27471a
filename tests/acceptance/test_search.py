"""Asking the real program: words, filters, pictures, pipes; with a model, and without one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.media import MEDIA, needs_media
from tests.tiny_clip import tiny_clip

pytestmark = needs_media

PHOTOS = ("astronaut.png", "coffee.png", "chelsea.png", "rommel.jpg", "japanese-shop.jpg")
METADATA = (
    "exif-samples__jpg__gps__DSCN0010.jpg",
    "exif-samples__jpg__Canon_40D.jpg",
    "rating__mongolels.jpg",
    "exif-samples__jpg__xmp__BlueSquare.jpg",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    for folder, names in (("photos", PHOTOS), ("metadata", METADATA)):
        (root / folder).mkdir()
        for name in names:
            shutil.copy(MEDIA / folder / name, root / folder)
    return root


@pytest.fixture(scope="module")
def program(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("home"))
    done = made.run("index", str(library))
    assert done.returncode == 0, done.stderr
    return made


def hits(program: Program, *words: str) -> list[dict[str, Any]]:
    found = program.run("search", "--json", *words)
    assert found.returncode in (0, 1), found.stderr
    listed: list[dict[str, Any]] = json.loads(found.stdout)["hits"]
    return listed


def names(program: Program, *words: str) -> list[str]:
    return [Path(hit["path"]).name for hit in hits(program, *words)]


def test_json_has_the_documented_shape(program: Program, library: Path) -> None:
    said = json.loads(program.run("search", "red canon", "date:2008-05-30", "--json").stdout)

    assert {key: type(value).__name__ for key, value in said.items()} == {
        "version": "int",
        "query": "str",
        "like": "NoneType",
        "notes": "list",
        "model": "str",
        "no_good_match": "bool",
        "hits": "list",
    }
    first = said["hits"][0]
    assert first["path"] == str(library / "metadata" / "exif-samples__jpg__Canon_40D.jpg")
    assert first.keys() == {
        *("path", "paths", "score", "weak", "asset_id", "moment_id", "kind"),
        *("at_ms", "start_ms", "end_ms", "taken_at", "taken_local", "taken_source", "place"),
        *(
            "latitude",
            "longitude",
            "camera",
            "width_px",
            "height_px",
            "rating",
            "words",
            "immich_url",
            "why",
        ),
        *("caption", "summary"),
    }
    assert first["why"][-1].keys() == {"by", "rank", "similarity", "passage", "source"}
    assert first["taken_local"].startswith("2008-05-30T15:56:01")


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["in:photos", "kind:photo"], {*PHOTOS}),
        (["--in", "photos", "--kind", "photo"], {*PHOTOS}),
        (["camera:500d"], {"rating__mongolels.jpg"}),
        (["camera:canon", "in:metadata", "rating:1"], {"rating__mongolels.jpg"}),
        (["rating:3"], {"rating__mongolels.jpg"}),
        (["date:2008-05-30"], {"exif-samples__jpg__Canon_40D.jpg"}),
        (["--after", "2008-05", "--before", "2008-07"], {"exif-samples__jpg__Canon_40D.jpg"}),
        (["near:Arezzo"], {"exif-samples__jpg__gps__DSCN0010.jpg"}),
        (["in", "italy"], {"exif-samples__jpg__gps__DSCN0010.jpg"}),
        (['"mongol els"'], {"rating__mongolels.jpg"}),
        (["--in", "photos", "--", "-astronaut"], {*PHOTOS} - {"astronaut.png"}),
        (["kind:video"], set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_filters_find_what_passes_and_nothing_else(
    program: Program, words: list[str], found: set[str]
) -> None:
    assert set(names(program, *words)) == found


def test_words_find_names_and_what_was_written(program: Program) -> None:
    assert names(program, "astronaut")[0] == "astronaut.png"
    assert names(program, "mongolia")[0] == "rating__mongolels.jpg"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A picture that a library has, as other bytes."""
    with Image.open(MEDIA / "photos" / "coffee.png") as picture:
        picture.save(tmp_path / "copy.png")
    return tmp_path / "copy.png"


def test_picture_finds_its_like_and_not_itself(program: Program, copy: Path) -> None:
    original = str(MEDIA / "photos" / "coffee.png")

    assert names(program, "--like", str(copy))[0] == "coffee.png"
    assert "coffee.png" not in names(program, "--like", original)
    assert names(program, "--like", str(copy), "in:metadata")[0] != "coffee.png"


def test_what_was_understood_is_told_and_can_be_switched_off(program: Program) -> None:
    said = json.loads(program.run("search", "--json", "mongolia", "2009").stdout)
    literal = json.loads(program.run("search", "--json", "--literal", "mongolia", "2009").stdout)

    assert "2009-01-01" in said["notes"][0]
    assert [Path(hit["path"]).name for hit in said["hits"]] == ["rating__mongolels.jpg"]
    assert literal["notes"] == []


def test_pipes_get_paths_and_nothing_else(program: Program, library: Path) -> None:
    lines = program.run("search", "in:photos", "--paths").stdout
    zeros = program.run("search", "in:photos", "--paths0").stdout

    assert sorted(lines.splitlines()) == sorted(str(library / "photos" / name) for name in PHOTOS)
    assert sorted(zeros.split("\0")[:-1]) == sorted(lines.splitlines())
    assert "\033" not in program.run("search", "canon").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["search", "kind:video"], 1, "nothing found"),
        (["search", "after:soon"], 2, "is no date"),
        (["search"], 2, "say what to look for"),
        (["search", "a", "--contact-sheet", "a.pdf"], 2, "a .jpg or a .html"),
        (["info", "/nowhere/a.jpg"], 1, "is not in the index"),
        (["index", "/nowhere"], 2, "is not a folder that is there"),
        (["retry"], 2, "say what"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_exit_codes_and_errors_are_for_people(
    program: Program, arguments: list[str], code: int, said: str
) -> None:
    done = program.run(*arguments)

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_setting_names_its_variable(tmp_path: Path) -> None:
    done = Program(tmp_path, {"MEDIAINDEX__EMBEDDER__BATHC": "3"}).run("status")

    assert done.returncode == 2
    assert "MEDIAINDEX__EMBEDDER__BATHC" in done.stderr
    assert "did you mean 'batch'" in done.stderr


@pytest.mark.parametrize("suffix", ["jpg", "html"])
def test_contact_sheet_is_written(program: Program, tmp_path: Path, suffix: str) -> None:
    target = tmp_path / f"sheet.{suffix}"

    assert program.run("search", "in:photos", "--contact-sheet", str(target)).returncode == 0
    assert target.stat().st_size > 5_000


def test_info_status_and_doctor_speak_json(program: Program, library: Path) -> None:
    known = json.loads(
        program.run("info", "--json", str(library / "metadata" / "rating__mongolels.jpg")).stdout
    )
    status = json.loads(program.run("status", "--json").stdout)
    doctor = json.loads(program.run("doctor", "--json").stdout)

    assert known["facts"]["rating"] == 3
    assert status["stages"]["embed"]["done"] == len(PHOTOS) + len(METADATA)
    assert {"mediaindex", "database"} <= {finding["what"] for finding in doctor["findings"]}


def test_without_weights_all_else_works_and_the_rest_catches_up(
    library: Path, copy: Path, tmp_path: Path
) -> None:
    options = tiny_clip(tmp_path / "models")
    settings = {
        "MEDIAINDEX__EMBEDDER__USE": "open_clip",
        "MEDIAINDEX__EMBEDDER__MODEL": str(options["model"]),
    }
    program = Program(tmp_path / "home", settings)

    done = program.run("index", str(library))

    assert done.returncode == 0, done.stderr
    blocked = json.loads(program.run("status", "--json").stdout)["blocked"]
    assert {row["stage"] for row in blocked} == {"embed", "embed_text"}
    assert f"run: mediaindex model download {options['model']}" in blocked[0]["reason"]
    assert names(program, "astronaut") == ["astronaut.png"]
    assert names(program, "camera:canon", "rating:3") == ["rating__mongolels.jpg"]
    assert program.run("search", "--like", str(library / "photos" / "coffee.png")).returncode == 3

    (tmp_path / "home" / "cache" / "models").symlink_to(tmp_path / "models")
    done = program.run("index")

    assert done.returncode == 0, done.stderr
    status = json.loads(program.run("status", "--json").stdout)
    assert status["blocked"] == []
    assert status["stages"]["embed"]["done"] == len(PHOTOS) + len(METADATA)
    assert names(program, "--like", str(copy))[0] == "coffee.png"


def test_another_model_takes_over_when_it_has_seen_all(
    program: Program, library: Path, tmp_path: Path
) -> None:
    options = tiny_clip(tmp_path / "models")
    shutil.copytree(program.home, tmp_path / "home", symlinks=True)
    (tmp_path / "home" / "cache" / "models").symlink_to(tmp_path / "models")
    settings = {
        "MEDIAINDEX__EMBEDDER__USE": "open_clip",
        "MEDIAINDEX__EMBEDDER__MODEL": str(options["model"]),
    }
    other = Program(tmp_path / "home", settings)
    before = json.loads(other.run("search", "red", "--json").stdout)["model"]

    assert other.run("index").returncode == 0

    after = json.loads(other.run("search", "red", "--json").stdout)["model"]
    assert before.startswith("colour")
    assert after not in (before, None)
    models = {row[2] for row in other.end_state()["vectors"]}
    assert models == {after}
