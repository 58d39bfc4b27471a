"""Much is gone at once, no daemon runs, and a person says that it is meant so."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from PIL import Image

from tests.acceptance.program import Program
from tests.acceptance.terminal import at_terminal


def test_files_that_are_gone_are_forgotten_once_a_person_says_so(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    files = [photos / f"{number}.jpg" for number in range(24)]
    Image.new("RGB", (64, 48), "red").save(files[0])
    for copy in files[1:]:
        copy.write_bytes(files[0].read_bytes())
    program = Program(tmp_path / "home")
    assert program.run("index", str(photos)).returncode == 0
    for file in files[1:]:
        file.unlink()
    assert program.run("index").returncode == 1
    with closing(sqlite3.connect(tmp_path / "home" / "state" / "mediaindex.db")) as database:
        database.execute("UPDATE library SET held_back = 23")
        database.commit()

    refused, screen = at_terminal(program, "confirm-removal", typed="n\n")
    kept = json.loads(program.run("status", "--json").stdout)
    confirmed = program.run("confirm-removal", "photos", "--yes", "--json")
    left = json.loads(program.run("status", "--json").stdout)

    assert refused == 130
    assert "photos: 23 files seem to be gone" in " ".join(screen.split())
    assert json.loads(confirmed.stdout) == {"version": 1, "confirmed": {"photos": 23}}
    assert kept["libraries"][0]["missing_files"] == 0
    assert (left["libraries"][0]["files"], left["libraries"][0]["missing_files"]) == (1, 23)
    assert left["daemon"] is None
