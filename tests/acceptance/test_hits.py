"""Hits as people see them."""

from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal

XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description><dc:description><rdf:Alt>
    <rdf:li xml:lang="x-default">{}</rdf:li>
    </rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""
STRANGE = "two\nlines \x1b[31m.png"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("library")
    told = XMP.format("東京タワー at night").encode()
    (root / "Trips").mkdir()
    Image.new("RGB", (64, 48), "red").save(root / "Trips" / "Canon40D.jpg")
    Image.new("RGB", (64, 48), "blue").save(root / "tower.jpg", xmp=told)
    Image.new("RGB", (64, 48), "green").save(root / STRANGE)
    return root


@pytest.fixture(scope="module")
def program(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Program:
    made = Program(tmp_path_factory.mktemp("home"))
    assert made.run("index", str(library)).returncode == 0
    return made


def test_name_that_has_the_word_is_not_repeated(program: Program) -> None:
    out = program.run("search", '"canon"').stdout

    assert "name: «Canon»" in out
    assert "40 D" not in out


def test_what_was_written_is_shown_as_it_was_written(program: Program) -> None:
    assert "says «東京»タワー at night" in program.run("search", '"東京"').stdout


def test_what_only_passes_a_filter_has_no_score(program: Program, library: Path) -> None:
    first = program.run("search", "in:Trips").stdout.splitlines()[0]

    assert first.split() == ["1", str(library / "Trips" / "Canon40D.jpg")]


def test_name_cannot_meddle_with_the_terminal(program: Program, library: Path) -> None:
    seen = str(library / r"two\nlines \x1b[31m.png")

    assert seen in program.run("search", "green", "-n", "1").stdout
    assert at_terminal(program, "search", "green", "-n1", "--paths") == (0, f"{seen}\n")
    assert program.run("search", "green", "-n1", "--paths").stdout == f"{library / STRANGE}\n"


@pytest.mark.parametrize("words", [("red", "-tower"), ("-tower", "red"), ("red", "--", "-tower")])
def test_words_to_leave_out_may_stand_anywhere(program: Program, words: tuple[str, ...]) -> None:
    done = program.run("search", *words, "--paths")

    assert done.returncode == 0, done.stderr
    assert "tower.jpg" not in done.stdout


def test_nothing_found_makes_no_sheet(program: Program, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.jpg"

    done = program.run("search", "in:Nowhere*", "--contact-sheet", str(sheet))

    assert (done.returncode, sheet.exists()) == (1, False)
    assert "contact sheet" not in done.stderr


def test_sheet_is_not_written_among_the_photos(program: Program, library: Path) -> None:
    sheet = library / "Trips" / "sheet.jpg"

    done = program.run("search", "red", "--contact-sheet", str(sheet))

    assert (done.returncode, sheet.exists()) == (2, False)
    assert "media folders are never written to" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("serch", "red"), "mediaindex: No such command 'serch'; did you mean 'search'?\n"),
        (("search", "--jsn", "red"), "mediaindex: No such option '--jsn'."),
        (("search", "-json", "red"), "mediaindex: Did you mean --json?"),
    ],
)
def test_slip_of_the_keyboard_is_told_with_what_was_meant(
    program: Program, words: tuple[str, ...], said: str
) -> None:
    done = program.run(*words)

    assert done.returncode == 2
    assert done.stderr.startswith(said)
