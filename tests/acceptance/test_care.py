"""Backup, restore and repair as a person uses them, beside a real index."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from mediaindex.store.copying import check_sound
from mediaindex.store.lock import worker_lock
from tests.acceptance.program import Program
from tests.caring import scribble

COLOURS = ("red", "green", "blue")


@pytest.fixture(scope="module")
def indexed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with three photos, each of one colour, that are indexed: made once."""
    home = tmp_path_factory.mktemp("indexed")
    (home / "photos").mkdir()
    for colour in COLOURS:
        Image.new("RGB", (64, 48), colour).save(home / "photos" / f"{colour}.png")
    done = Program(home).run("index", str(home / "photos"))
    assert done.returncode == 0, done.stderr
    return home


@pytest.fixture
def program(indexed: Path, tmp_path: Path) -> Program:
    """The program, with a copy of that home; the photos are where they were."""
    shutil.copytree(indexed, tmp_path / "home", symlinks=True)
    return Program(tmp_path / "home")


def database(program: Program) -> Path:
    return program.home / "state" / "mediaindex.db"


def hits(program: Program, words: str) -> list[tuple[str, float]]:
    done = program.run("search", words, "--json")
    assert done.returncode in (0, 1), done.stderr
    return [(Path(hit["path"]).name, hit["score"]) for hit in json.loads(done.stdout)["hits"]]


def findings(program: Program, *arguments: str) -> dict[str, str]:
    done = program.run("repair", "--json", *arguments)
    assert done.returncode in (0, 1), done.stderr
    return {one["what"]: one["state"] for one in json.loads(done.stdout)["findings"]}


def test_restore_brings_the_same_hits_back(program: Program, tmp_path: Path) -> None:
    before = hits(program, "red")
    made = json.loads(program.run("backup", "--json").stdout)
    photos = tmp_path / "more"
    photos.mkdir()
    Image.new("RGB", (64, 48), "darkred").save(photos / "darkred.png")
    assert program.run("index", str(photos)).returncode == 0
    assert hits(program, "red") != before

    done = program.run("restore", "--yes", "--json")

    said = json.loads(done.stdout)
    assert said["file"] == made["path"]
    check_sound(Path(said["set_aside"]))
    # Not from the index that was made since: it holds another's vectors under the same keys.
    assert hits(program, "red") == before
    # The next run finds what was added since.
    assert program.run("index", str(photos)).returncode == 0
    assert "darkred.png" in [name for name, _ in hits(program, "red")]


def test_damaged_database_says_what_to_do_and_doing_it_helps(program: Program) -> None:
    before = hits(program, "green")
    program.run("backup")
    scribble(database(program), 4096, 60 * 4096)

    done = program.run("repair")
    assert done.returncode == 1
    assert "mediaindex restore" in " ".join(done.stdout.split())
    done = program.run("restore", "--yes")

    assert done.returncode == 0, done.stderr
    assert hits(program, "green") == before
    assert len(list(database(program).parent.glob("*.replaced-*"))) == 1


def test_backups_are_listed(program: Program) -> None:
    assert "there is no backup" in program.run("restore", "--list").stdout
    made = json.loads(program.run("backup", "--json").stdout)

    assert made["path"] in program.run("restore", "--list").stdout
    elsewhere = Program(
        program.home, {"MEDIAINDEX__BACKUP__FOLDER": str(program.home / "elsewhere")}
    )
    (listed,) = json.loads(elsewhere.run("restore", "--list", "--json").stdout)["backups"]
    assert listed["path"] == made["path"]


@pytest.mark.parametrize(
    ("content", "said"), [("words " * 1000, "not a database"), ("", "nothing that mediaindex")]
)
def test_what_is_no_backup_is_not_restored(program: Program, content: str, said: str) -> None:
    file = program.home / "mine.db"
    file.write_text(content)
    before = program.end_state()

    done = program.run("restore", str(file))

    assert done.returncode == 1
    assert "in the place of" not in done.stderr
    assert said in done.stderr
    assert program.end_state() == before


def test_restore_and_repair_wait_for_the_one_at_work_and_backup_does_not(program: Program) -> None:
    with worker_lock(program.home / "state"):
        for command in (("restore",), ("repair",)):
            if command[0] == "restore":
                assert program.run("backup").returncode == 0
            done = program.run(*command)
            assert done.returncode == 3
            assert "in the place of" not in done.stderr
            assert "systemctl stop mediaindex" in done.stderr


def test_repair_finds_nothing_in_an_index_that_is_in_order(program: Program) -> None:
    before = program.end_state()

    assert set(findings(program).values()) == {"ok"}
    assert program.end_state() == before


def test_repair_puts_right_all_that_can_be(program: Program) -> None:
    cache = program.home / "cache"
    before, red = program.end_state(), hits(program, "red")
    with closing(sqlite3.connect(database(program))) as connection, connection:
        connection.execute("DELETE FROM fulltext_data WHERE id > 10")
        connection.execute(
            "INSERT INTO words (asset_id, kind, text, source) VALUES (99, 'title', 'a', 'xmp')"
        )
        row = "INSERT INTO job (stage, asset_id, state, attempts, updated_at)"
        connection.execute(f"{row} VALUES ('caption', 1, 'leased', 0, '2026-01-01 00:00:00')")
    (vectors,) = (cache / "index").glob("*/exact/picture-*/1/vectors.f32")
    scribble(vectors, 0, 64)
    (facets,) = (cache / "index").glob("*/facets/owners.i64")
    scribble(facets, 8, 8)
    orphan = cache / "previews" / "ff" / f"{'f' * 64}-0.jpg"
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"picture")
    other = cache / "index" / ("e" * 32)
    (other / "exact").mkdir(parents=True)
    mended = {"links", "full text", "jobs", "previews", "index"}

    looked = findings(program, "--dry-run")
    assert {what for what, state in looked.items() if state == "to mend"} == mended
    assert looked["left over"] == "left"
    assert orphan.exists()
    found = findings(program)
    assert {what for what, state in found.items() if state == "mended"} == mended
    assert other.exists()
    assert findings(program, "--leftovers")["left over"] == "mended"
    assert set(findings(program).values()) == {"ok"}

    assert program.end_state() == before
    assert hits(program, "red") == red


@pytest.mark.parametrize("damage", ["deleted", "torn"])
def test_search_builds_an_index_again_that_lacks_something(program: Program, damage: str) -> None:
    before = hits(program, "blue")
    index = program.home / "cache" / "index"
    if damage == "deleted":
        shutil.rmtree(index)
    else:
        (keys,) = index.glob("*/exact/picture-*/1/keys.i64")
        os.truncate(keys, 8)

    assert hits(program, "blue") == before


def test_lost_preview_is_made_again_for_the_stage_that_needs_it(program: Program) -> None:
    before = program.end_state()
    for preview in (program.home / "cache" / "previews").rglob("*.jpg"):
        preview.unlink()
    assert program.run("index").returncode == 0
    # Nobody decodes for a preview's sake alone.
    assert program.end_state()["previews"] == []
    with closing(sqlite3.connect(database(program))) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM result WHERE stage = 'embed'")

    assert program.run("index").returncode == 0

    assert program.end_state() == before


def test_missing_previews_are_told_gracefully(program: Program, tmp_path: Path) -> None:
    for preview in (program.home / "cache" / "previews").rglob("*.jpg"):
        preview.unlink()
    sheet = tmp_path / "sheet.html"

    done = program.run("search", "red", "--contact-sheet", str(sheet))

    assert done.returncode == 0, done.stderr
    assert sheet.exists()
    assert findings(program)["previews"] == "left"
