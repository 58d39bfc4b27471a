"""What a machine or a terminal does to the real program ends in a line and no traceback."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from mediaindex.overview import _disk
from tests.acceptance.program import Program


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    library = tmp_path_factory.mktemp("library")
    Image.new("RGB", (64, 64), "red").save(library / "a.jpg")
    made = Program(tmp_path_factory.mktemp("home"))
    assert made.run("index", str(library)).returncode == 0
    return made


@pytest.mark.parametrize(
    "arguments",
    [["search", "caf\udce9"], ["search", "--camera", "caf\udce9"]],
    ids=["words", "filter"],
)
def test_words_that_are_no_text_are_refused(program: Program, arguments: list[str]) -> None:
    done = program.run(*arguments)

    assert done.returncode == 2
    assert done.stderr.endswith("is not valid UTF-8\n")
    assert len(done.stderr.splitlines()) == 1


def test_contact_sheet_never_takes_the_place_of_a_photo(program: Program, tmp_path: Path) -> None:
    photo = tmp_path / "b.jpg"
    Image.new("RGB", (64, 64), "blue").save(photo)
    before = photo.read_bytes()

    done = program.run("search", "red", "--contact-sheet", str(photo))

    assert (done.returncode, photo.read_bytes()) == (2, before)
    assert "is no contact sheet" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["b.jpg"]


@pytest.fixture
def restless(tmp_path: Path) -> Iterator[Path]:
    """A folder in which previews come and go, as they do while a run is at work."""
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            partial = tmp_path / ".part-1"
            partial.write_bytes(b"")
            partial.replace(tmp_path / "1.jpg").unlink()

    worker = threading.Thread(target=churn)
    worker.start()
    yield tmp_path
    stop.set()
    worker.join()


def test_disk_used_is_told_while_files_come_and_go(restless: Path) -> None:
    (restless / "stays").write_bytes(b"12345")

    assert {_disk(restless) for _ in range(1500)} == {5}
