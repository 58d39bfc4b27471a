"""The numbers of `status`, which have to add up."""

import json
import shutil

import pytest
from PIL import Image

from tests.acceptance.program import Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The program without a model, after a run over photos, a double, and files of other kinds."""
    root = tmp_path_factory.mktemp("library")
    for colour in ("red", "green", "blue"):
        Image.new("RGB", (64, 48), colour).save(root / f"{colour}.png")
    shutil.copy(root / "red.png", root / "red again.png")
    (root / "red.png.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    (root / "cut.png").write_bytes((root / "red.png").read_bytes()[:60])
    (root / "empty.jpg").touch()
    (root / "notes.txt").write_text("no picture")
    (root / "gone.png").write_bytes(b"")
    made = Program(tmp_path_factory.mktemp("home"), {"MEDIAINDEX__EMBEDDER__USE": "open_clip"})
    made.run("index", str(root))
    (root / "gone.png").unlink()
    made.run("index")
    return made


def test_files_add_up(program: Program) -> None:
    found = json.loads(program.run("status", "--json").stdout)

    (library,) = found["libraries"]
    assert (library["files"], library["missing_files"]) == (8, 1)
    assert sum(found["files"].values()) == library["files"]
    said = program.run("status").stdout
    assert "Files: 5 photos (4 different), 1 sidecar, 1 of other kinds, 1 unreadable\n" in said


def test_each_stage_adds_up(program: Program) -> None:
    stages = json.loads(program.run("status", "--json").stdout)["stages"]

    assert {
        name: (stage["done"], stage["waiting"], stage["failed"], stage["total"])
        for name, stage in stages.items()
    } == {
        "identify": (6, 0, 1, 7),
        "probe": (4, 0, 0, 4),
        "decode": (3, 0, 1, 4),
        "frames": (0, 0, 0, 0),
        "embed": (0, 3, 0, 3),
        "embed_text": (0, 0, 0, 0),
    }
    assert "mediaindex model download fast" in stages["embed"]["blocked"]
    assert stages["decode"]["blocked"] is None
