"""What `doctor` finds, and that it changes nothing."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from tests.acceptance.program import Program
from tests.servers.daemon import Raw, ScriptedDaemon


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """The program after a run over a library of one photo."""
    (tmp_path / "library").mkdir()
    Image.new("RGB", (64, 48), "red").save(tmp_path / "library" / "red.png")
    made = Program(tmp_path)
    made.run("index", str(tmp_path / "library"))
    return made


def findings(program: Program, code: int) -> dict[str, tuple[str, str]]:
    done = program.run("doctor", "--json")
    assert done.returncode == code, done.stdout
    return {one["what"]: (one["state"], one["said"]) for one in json.loads(done.stdout)["findings"]}


def test_all_is_well_after_a_run(program: Program, tmp_path: Path) -> None:
    found = findings(program, 0)

    assert found["database"] == ("ok", f"{tmp_path}/state/mediaindex.db, sound")
    assert found["library library"] == ("ok", f"{tmp_path}/library")


def test_library_that_is_gone_is_bad_and_the_remedy_is_told(
    program: Program, tmp_path: Path
) -> None:
    (tmp_path / "library").rename(tmp_path / "elsewhere")

    state, said = findings(program, 1)["library library"]

    assert state == "bad"
    assert said.endswith("mediaindex forget library")


def test_older_database_is_left_as_it_is(program: Program, tmp_path: Path) -> None:
    path = tmp_path / "state" / "mediaindex.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    before = path.read_bytes()

    state, said = findings(program, 0)["database"]

    assert (state, path.read_bytes()) == ("note", before)
    assert "the next command brings it up to date" in said


def test_file_where_a_folder_should_be_is_bad(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    program = Program(tmp_path, {"MEDIAINDEX_STATE_DIR": str(file)})

    state, said = findings(program, 1)["state folder"]

    assert (state, said) == ("bad", f"{file} cannot be made: {file} is not a folder")


def test_what_is_no_database_is_bad(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "mediaindex.db").write_text("This is a text and no database. " * 50)

    assert findings(Program(tmp_path), 1)["database"][0] == "bad"


def test_daemon_its_token_and_the_copies_are_looked_after(program: Program, tmp_path: Path) -> None:
    bare = findings(program, 0)
    assert bare["daemon"][0] == "ok"
    assert str(tmp_path / "state" / "mediaindex.sock") in bare["daemon"][1]
    assert bare["backup"][0] == "note"
    backups = tmp_path / "state" / "backups"
    backups.mkdir()
    (backups / "mediaindex-20200101T000000Z.db").touch()
    opened = Program(tmp_path, {"MEDIAINDEX__SERVE__LISTEN": "127.0.0.1:8420"})
    with ScriptedDaemon(tmp_path / "state" / "mediaindex.sock") as daemon:
        daemon.says |= {
            "GET /health": {"healthy": True},
            "GET /metrics": Raw(
                b"HTTP/1.1 200 OK\r\nContent-Length: 43\r\n\r\n"
                b'mediaindex_build_info{version="0.0.1"} 1.0\n'
            ),
        }

        found = findings(opened, 1)

    assert found["daemon"][0] == "note"
    assert "restart it" in found["daemon"][1]
    assert found["TCP"][0] == "bad"
    assert "there is no token" in found["TCP"][1]
    assert found["backup"][0] == "note"
    assert "2020" in found["backup"][1]
