"""What is known leaves the database for other programs, and no media folder is touched."""

import json
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from mediaindex.exporting.folder import MARKER
from mediaindex.media.xmp import OURS, read_xmp
from mediaindex.store.captions import save_caption
from mediaindex.store.database import open_database
from mediaindex.store.lock import worker_lock
from mediaindex.store.tables import AssetRow, MomentRow
from mediaindex.types import Caption
from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal
from tests.exports import ORIGIN
from tests.media import MEDIA, needs_media

pytestmark = needs_media

STRANGE = "two\nlines =1.png"
LONG = "x" * 250 + ".png"
BAD_BYTES = os.fsdecode(b"caf\xe9.png")
SIDECAR = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF
    xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    xmlns:dc="http://purl.org/dc/elements/1.1/"><rdf:Description><dc:description><rdf:Alt>
    <rdf:li xml:lang="x-default">Eileen in orange</rdf:li>
    </rdf:Alt></dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"""
FORMATS = ["jsonl", "csv", "alt-text", "xmp"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("media") / "family"
    (root / "Trips").mkdir(parents=True)
    shutil.copy(MEDIA / "photos" / "astronaut.png", root / "Trips")
    (root / "Trips" / "astronaut.png.xmp").write_bytes(SIDECAR)
    shutil.copy(MEDIA / "photos" / "coffee.png", root)
    shutil.copy(MEDIA / "photos" / "coffee.png", root / "Trips" / "coffee again.png")
    shutil.copy(MEDIA / "videos" / "flower.webm", root)
    for number, name in enumerate((STRANGE, LONG, BAD_BYTES)):
        Image.new("RGB", (64, 48), (0, 60 * number, 200)).save(root / name)
    return root


@pytest.fixture(scope="module")
def indexed(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = Program(tmp_path_factory.mktemp("home"), {"MEDIAINDEX__CAPTION__USE": "off"})
    done = program.run("index", str(library))
    assert done.returncode == 0, done.stderr
    database = open_database(program.home / "state" / "mediaindex.db")
    now = datetime.now(UTC)
    with database.write() as session:
        for moment in session.scalars(select(MomentRow)):
            told = Caption(f"The image shows a thing at {moment.at_ms}.", ("thing",), "=1+1")
            save_caption(session, moment.asset_id, moment.id, "v1", told, ORIGIN, now)
        video = session.scalars(select(AssetRow).filter_by(kind="video")).one()
        save_caption(session, video.id, None, "v1", Caption("A flower opens."), ORIGIN, now)
    database.close()
    return program.home


@pytest.fixture
def program(indexed: Path) -> Program:
    return Program(indexed, {"MEDIAINDEX__CAPTION__USE": "off"})


def everything(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return all that lies below a folder: sizes, times, content."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes())
        for path in root.rglob("*")
        if path.is_file()
    } | {str(path): (0, path.stat().st_mtime_ns, b"") for path in (root, *root.rglob("*/"))}


def names(out: Path) -> set[str]:
    found = (path for path in out.rglob("*") if path.is_file() and path.name != MARKER)
    return {str(path.relative_to(out)) for path in found}


@pytest.mark.parametrize("form", FORMATS)
def test_export_leaves_the_media_alone_and_comes_out_the_same_twice(
    program: Program, library: Path, tmp_path: Path, form: str
) -> None:
    before, out = everything(library), tmp_path / "out"

    first = program.run("export", "--format", form, "--to", str(out), "--json")
    written = everything(out) | {str(out): None}  # there it found out what names are taken
    second = program.run("export", "--format", form, "--to", str(out), "--json")

    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    assert everything(library) == before
    told = json.loads(first.stdout)
    assert (told["version"], told["format"], told["to"]) == (1, form, str(out))
    assert told["files"] == len(names(out))
    if form in ("alt-text", "xmp"):
        assert json.loads(second.stdout)["unchanged"] == told["files"] == 7
        assert everything(out) | {str(out): None} == written


def test_json_lines_hold_all_moments(program: Program, library: Path, tmp_path: Path) -> None:
    done = program.run("export", "--format", "jsonl", "--to", str(tmp_path))

    text = (tmp_path / "mediaindex.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]

    with closing(sqlite3.connect(program.home / "state" / "mediaindex.db")) as database:
        (moments,) = database.execute("SELECT count(*) FROM moment").fetchone()
    assert [line["type"] for line in lines].count("moment") == moments
    told = f"{moments + 1} lines ({moments} moments, 1 video as a whole)"
    assert done.stdout == f"{told} in {tmp_path / 'mediaindex.jsonl'}\n"
    assert [line["type"] for line in lines].count("summary") == 1
    (person,) = [line for line in lines if line["people"]]
    assert person["people"][0]["text"] == "Eileen in orange"
    assert person["machine"]["description"] == "The image shows a thing at 0."
    copies = {str(library / "coffee.png"), str(library / "Trips" / "coffee again.png")}
    assert copies in [set(line["paths"]) for line in lines]
    assert str(library / "caf\ufffd.png") in [line["paths"][0] for line in lines]


def as_others(path: Path) -> bytes:
    """Return a sidecar as whoever does not know our namespace reads it."""
    return path.read_bytes().replace(OURS.encode(), b"urn:x-unknown/")


def test_tree_mirrors_the_library(program: Program, tmp_path: Path) -> None:
    done = program.run("export", "--format", "xmp", "--to", str(tmp_path))

    long = next(name for name in names(tmp_path) if "xxx" in name)
    assert len(os.fsencode(Path(long).name)) <= 255
    assert long.endswith(".xmp")
    assert names(tmp_path) - {long} == {
        "family/Trips/astronaut.png.xmp",
        "family/Trips/coffee again.png.xmp",
        "family/coffee.png.xmp",
        "family/flower.webm.xmp",
        f"family/{STRANGE}.xmp",
        f"family/{BAD_BYTES}.xmp",
    }
    assert "under another name" in done.stderr
    by_person = read_xmp(as_others(tmp_path / "family/Trips/astronaut.png.xmp"), "sidecar")
    assert [words.kind for words in by_person.words] == ["keyword", "keyword"]
    video = read_xmp(as_others(tmp_path / "family/flower.webm.xmp"), "sidecar")
    assert video.words[0].text == "A flower opens."


def test_alt_text_is_a_persons_first(program: Program, tmp_path: Path) -> None:
    program.run("export", "--format", "alt-text", "--to", str(tmp_path))

    by_person = (tmp_path / "family/Trips/astronaut.png.txt").read_text()
    assert by_person == "Eileen in orange\n"
    assert (tmp_path / "family/coffee.png.txt").read_text() == "A thing at 0.\n"


def test_filters_say_what_is_written(program: Program, tmp_path: Path) -> None:
    flags = {"a": ("--in", "Trips"), "b": ("--kind", "video"), "c": ("--library", "family")}
    for name, given in flags.items():
        program.run("export", "--format", "alt-text", "--to", str(tmp_path / name), *given)

    # The same photo also lies elsewhere, where it was not asked for.
    assert names(tmp_path / "a") == {
        "family/Trips/astronaut.png.txt",
        "family/Trips/coffee again.png.txt",
    }
    assert names(tmp_path / "b") == {"family/flower.webm.txt"}
    assert len(names(tmp_path / "c")) == 7


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_to_export_writes_nothing(program: Program, tmp_path: Path, form: str) -> None:
    out = tmp_path / "out"

    done = program.run("export", "--format", form, "--to", str(out), "--rating", "5")

    assert (done.returncode, done.stdout) == (1, "")
    assert "nothing to export" in done.stderr
    assert not out.exists()


@pytest.mark.parametrize("to", ["{library}", "{library}/new", "{library}/..", "/", "{link}/x"])
@pytest.mark.parametrize("form", ["csv", "xmp"])
def test_media_folders_are_never_written_to(
    program: Program, library: Path, tmp_path: Path, to: str, form: str
) -> None:
    link, before = tmp_path / "link", everything(library.parent)
    link.symlink_to(library)

    done = program.run("export", "--format", form, "--to", to.format(library=library, link=link))

    assert done.returncode == 2
    assert "the library" in done.stderr
    assert everything(library.parent) == before


@pytest.mark.parametrize("form", ["csv", "xmp"])
def test_files_of_others_are_named_and_kept(program: Program, tmp_path: Path, form: str) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    done = program.run("export", "--format", form, "--to", str(tmp_path))

    assert done.returncode == 2
    assert "notes.txt" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_everything_in_the_way_is_found_before_anything_is_written(
    program: Program, library: Path, tmp_path: Path
) -> None:
    """A link into the library, a file that was changed, and a file that was put there."""
    run = ("export", "--format", "xmp", "--to", str(tmp_path))
    program.run(*run)
    family = tmp_path / "family"
    shutil.rmtree(family / "Trips")
    (family / "Trips").symlink_to(library / "Trips")
    (family / "coffee.png.xmp").write_text("better words")
    (family / "flower.webm.xmp").unlink()
    before, media = everything(family), everything(library)

    done = program.run(*run)

    assert done.returncode == 2
    assert "family/Trips is a link" in done.stderr
    assert "family/coffee.png.xmp is there and was not written by an export" in done.stderr
    assert not (family / "flower.webm.xmp").exists()
    assert everything(family) == before
    assert everything(library) == media


def test_folder_that_cannot_be_written_is_named(program: Program, tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    done = program.run("export", "--format", "csv", "--to", str(tmp_path / "file" / "out"))

    assert done.returncode == 2
    assert done.stderr.startswith("mediaindex: cannot write to")
    assert "Traceback" not in done.stderr


def test_export_works_while_another_process_indexes(program: Program, tmp_path: Path) -> None:
    with worker_lock(program.home / "state"):
        done = program.run("export", "--format", "csv", "--to", str(tmp_path))

    assert done.returncode == 0, done.stderr


def test_slip_and_empty_home_end_with_the_codes_of_the_readme(
    program: Program, tmp_path: Path
) -> None:
    to = ("--to", str(tmp_path / "out"))
    slips = [
        ("--format", "pdf", *to),
        ("--format", "csv"),
        ("--format", "csv", "--to", "-"),
        ("--format", "csv", *to, "--library", "no"),
        ("--format", "csv", *to, "--after", "soon"),
    ]

    assert [program.run("export", *slip).returncode for slip in slips] == [2] * len(slips)
    empty = Program(tmp_path / "empty").run("export", "--format", "csv", *to)
    assert (empty.returncode, "nothing is indexed yet" in empty.stderr) == (1, True)
    assert not (tmp_path / "out").exists()


def test_terminal_sees_what_was_written(program: Program, tmp_path: Path) -> None:
    code, screen = at_terminal(program, "export", "--format", "csv", "--to", str(tmp_path))

    assert code == 0
    assert "mediaindex.csv" in screen


def test_file_that_is_gone_is_left_out_unless_asked_for(library: Path, tmp_path: Path) -> None:
    root = tmp_path / "copy"
    shutil.copytree(library / "Trips", root)
    shutil.copy(library / "flower.webm", root)
    program = Program(tmp_path / "home", {"MEDIAINDEX__CAPTION__USE": "off"})
    program.run("index", str(root))
    (root / "astronaut.png").unlink()
    program.run("index")
    run = ("export", "--format", "alt-text", "--to")

    there = program.run(*run, str(tmp_path / "there"))
    gone = program.run(*run, str(tmp_path / "gone"), "--missing")

    assert there.returncode == 1, there.stdout  # nobody described the others
    assert gone.returncode == 0, gone.stderr
    assert names(tmp_path / "gone") == {"copy/astronaut.png.txt"}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted_export_leaves_no_half_file(
    program: Program, tmp_path: Path, how: signal.Signals
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    shutil.copytree(program.home, home, symlinks=True)
    with closing(sqlite3.connect(home / "state" / "mediaindex.db")) as database, database:
        # Enough photos to be in the middle of it.
        copied = "kind, format, size_bytes, added_at, has_motion"
        database.execute(
            f"""INSERT INTO asset (sha256, {copied})
            WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200000)
            SELECT printf('%064d', i), 'photo', 'jpeg', 1, '2026-01-01 00:00:00', 0 FROM n"""
        )
        database.execute(
            """INSERT INTO moment (asset_id, start_ms, end_ms, at_ms)
            SELECT id, 0, 0, 0 FROM asset WHERE id NOT IN (SELECT asset_id FROM moment)"""
        )
    crowded = Program(home, program.settings)
    process = crowded.start("export", "--format", "jsonl", "--to", str(out))
    until = time.monotonic() + 60
    while not list(out.glob(".mediaindex-part-*")) and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.3)

    process.send_signal(how)
    process.communicate(timeout=60)

    assert process.returncode == (-how if how == signal.SIGKILL else 130)
    assert names(out) == set() or how == signal.SIGKILL
    again = program.run("export", "--format", "jsonl", "--to", str(out))
    assert again.returncode == 0, again.stderr
    assert names(out) == {"mediaindex.jsonl"}
