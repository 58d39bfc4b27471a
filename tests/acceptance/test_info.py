"""What `info` says of a file, whatever has become of it."""

from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.program import Program


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = "Canon", "EOS 40D"
    exif.get_ifd(0x8769).update({0x9003: "2019:07:04 15:30:12", 0x9011: "+02:00"})
    exif.get_ifd(0x8825).update(
        {1: "N", 2: (38.0, 42.0, 49.21234), 3: "W", 4: (9.0, 8.0, 21.456789)}
    )
    Image.new("RGB", (64, 48), "red").save(root / "red.jpg", exif=exif)
    Image.new("RGB", (64, 48), "blue").save(root / "two\nlines \x1b[31m.png")
    (root / "empty.jpg").touch()
    return root


@pytest.fixture(scope="module")
def program(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("home"))
    made.run("index", str(library))
    return made


def page(program: Program, path: Path) -> dict[str, str]:
    """Return the rows of the page by their names."""
    done = program.run("info", str(path))
    assert done.returncode == 0, done.stderr
    rows = [line.split("  ", 1) for line in done.stdout.splitlines()[1:]]
    return {name: value.strip() for name, value in rows}


def test_photo_is_told_as_people_say_it(program: Program, library: Path) -> None:
    found = page(program, library / "red.jpg")

    assert found["what"].startswith("photo, JPEG, 64 x 48, ")
    assert found["taken"] == "2019-07-04 15:30:12 (UTC+02:00), from EXIF"
    assert found["position"] == "38.71367, -9.13929"
    assert found["camera"] == "Canon EOS 40D"
    assert found["done"].startswith("probe, decode") or found["done"].startswith("decode, ")


def test_file_that_cannot_be_read_is_told_once(program: Program, library: Path) -> None:
    assert page(program, library / "empty.jpg") == {
        "what": "could not be read, 0 B",
        "failed": "identify: the file is empty",
    }


def test_file_that_may_not_be_opened_is_known_all_the_same(program: Program, library: Path) -> None:
    (library / "red.jpg").chmod(0)

    assert page(program, library / "red.jpg")["camera"] == "Canon EOS 40D"


def test_name_cannot_meddle_with_the_terminal(program: Program, library: Path) -> None:
    done = program.run("info", str(library / "two\nlines \x1b[31m.png"))

    assert done.stdout.splitlines()[0] == rf"{library}/two\nlines \x1b[31m.png"


@pytest.mark.parametrize(
    ("which", "code", "said"),
    [("", 2, "is a folder"), ("come since.jpg", 1, "is not in the index")],
)
def test_what_is_no_file_of_the_index_is_said_in_words(
    program: Program, library: Path, which: str, code: int, said: str
) -> None:
    done = program.run("info", str(library / which))

    assert done.returncode == code
    assert said in done.stderr


def test_root_of_a_library_that_is_gone_is_no_file(tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    (tmp_path / "library").mkdir()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "library" / "red.png")
    program.run("index", str(tmp_path / "library"))
    (tmp_path / "library").rename(tmp_path / "elsewhere")

    done = program.run("info", str(tmp_path / "library"))

    assert done.returncode == 1
    assert "is not in the index" in done.stderr
