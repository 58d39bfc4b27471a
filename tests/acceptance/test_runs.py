"""How a run of `index` ends: its exit code, what it says, and the question of the first run."""

import json
import socket
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal

QUESTION = "Download it now (605 MB)?"


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Twenty-five photos in a folder, and one that was cut off."""
    root = tmp_path / "library"
    (root / "many").mkdir(parents=True)
    for number in range(25):
        Image.new("RGB", (64, 48), (10 * number, 0, 0)).save(root / "many" / f"{number}.png")
    (root / "cut.png").write_bytes((root / "many" / "0.png").read_bytes()[:60])
    return root


@pytest.fixture
def without_model(tmp_path: Path) -> Program:
    """The program with a model chosen that is not there, and no hub to fetch it from."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        nobody = f"http://127.0.0.1:{door.getsockname()[1]}"
    settings = {"MEDIAINDEX__EMBEDDER__USE": "open_clip", "HF_ENDPOINT": nobody}
    return Program(tmp_path / "home", settings)


def test_file_that_cannot_be_read_is_told_of_in_every_run_and_fails_none(
    library: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path / "home")

    first, second = program.run("index", str(library)), program.run("index")

    assert (first.returncode, second.returncode) == (0, 0)
    for done in (first, second):
        assert done.stdout.endswith("1 failed so far; for the reasons: mediaindex status\n")


def test_much_that_is_gone_at_once_waits_for_a_persons_word(library: Path, tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    program.run("index", str(library))
    (library / "many").rename(tmp_path / "elsewhere")

    done = program.run("index")

    assert done.returncode == 1
    assert "25 files seem to be gone" in done.stdout
    assert program.run("index", "--confirm-removal").returncode == 0


def test_folder_that_cannot_be_written_is_told_before_any_work(
    library: Path, tmp_path: Path
) -> None:
    program = Program(tmp_path / "home", {"MEDIAINDEX_CACHE_DIR": str(library / "cut.png")})

    done = program.run("index", str(library))

    assert done.returncode == 2
    assert "cache_dir: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "home" / "state" / "mediaindex.db").exists()


def test_model_that_nobody_asked_for_fails_no_run(library: Path, without_model: Program) -> None:
    done = without_model.run("index", str(library))

    assert done.returncode == 0, done.stderr
    assert "embed waits: the model fast is not on this machine" in done.stdout


def test_no_to_the_model_is_remembered(library: Path, without_model: Program) -> None:
    _, first = at_terminal(without_model, "index", str(library), typed="n\n")
    code, second = at_terminal(without_model, "index")

    assert QUESTION in first
    assert code == 0
    assert QUESTION not in second


def test_yes_that_brings_no_model_is_told_and_the_rest_is_done(
    library: Path, without_model: Program
) -> None:
    code, screen = at_terminal(without_model, "index", str(library), typed="y\n")

    assert code == 0
    assert "Going on without the model." in screen
    assert (
        json.loads(without_model.run("status", "--json").stdout)["stages"]["decode"]["done"] == 25
    )


def test_model_that_was_asked_for_and_did_not_come_is_an_exit_code(
    library: Path, without_model: Program
) -> None:
    done = without_model.run("index", str(library), "--download")

    assert done.returncode == 3
    assert "decode: 25 done, 1 failed" in done.stdout
