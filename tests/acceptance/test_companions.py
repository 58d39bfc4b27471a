"""The video of a live photo is part of it; a film that is named like a photo is not."""

import json
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.clips import make_clip


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    library = tmp_path_factory.mktemp("library")
    for name, seconds in (("IMG_1", 2), ("Birthday", 14)):
        Image.effect_noise((64, 48), 90).save(library / f"{name}.jpg")
        make_clip(library / f"{name}.mp4", picture=f"testsrc2=size=64x48:rate=5:duration={seconds}")
    made = Program(tmp_path_factory.mktemp("home"))
    done = made.run("index", str(library))
    assert done.returncode == 0, done.stderr
    return made


def test_film_beside_a_photo_of_its_name_is_found_and_a_live_video_is_not(
    program: Program,
) -> None:
    hits = json.loads(program.run("search", "kind:video", "--json").stdout)["hits"]

    assert [Path(hit["path"]).name for hit in hits] == ["Birthday.mp4"]
    root = Path(hits[0]["path"]).parent
    assert f"{root / 'IMG_1.jpg'}  (the video of a live photo)" in (
        program.run("info", str(root / "IMG_1.mp4")).stdout
    )


def test_it_stays_so_when_the_photo_changes(program: Program) -> None:
    hits = json.loads(program.run("search", "kind:video", "--json").stdout)["hits"]
    Image.effect_noise((80, 60), 90).save(Path(hits[0]["path"]).with_suffix(".jpg"))

    assert program.run("index").returncode == 0

    assert json.loads(program.run("search", "kind:video", "--json").stdout)["hits"] == hits
