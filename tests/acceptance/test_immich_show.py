"""`mediaindex immich show`: what Immich says is locked stays so, unless a person insists."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mediaindex.store.database import Database, open_database
from tests.acceptance.program import Program
from tests.beside import Home
from tests.servers.immich import Immich

READS = ("asset.read", "user.read")


@pytest.fixture
def server() -> Iterator[Immich]:
    with Immich("3.1.0") as server:
        yield server


@pytest.fixture
def of_key(tmp_path: Path, server: Immich) -> Iterator[Callable[..., tuple[Home, Program]]]:
    """Give a home with a key that may do so much, whose photo vanished, and the program there."""
    program = Program(tmp_path / "home")
    state = program.home / "state"
    state.mkdir()
    made: list[Database] = []

    def make(*permissions: str) -> tuple[Home, Program]:
        made.append(open_database(state / "mediaindex.db"))
        home = Home(tmp_path, made[0], server, permissions)
        home.fill("a.jpg")
        uuid = home.add("a.jpg")
        home.read()
        server.lock(uuid)
        home.read(full=True)
        assert home.withheld("a.jpg") == "locked"
        return home, program

    yield make
    for database in made:
        database.close()


Make = Callable[..., tuple[Home, Program]]


def test_what_immich_says_is_locked_is_not_shown(of_key: Make) -> None:
    home, program = of_key(*READS, "asset.upload")
    file = str(home.root / "a.jpg")

    done = program.run("immich", "show", file, "--yes")

    assert (done.returncode, done.stdout) == (1, "")
    assert "it is locked in Immich; unlock it there" in done.stderr
    assert home.withheld("a.jpg") == "locked"
    assert "not shown: 1 locked\n" in program.run("immich", "status").stdout

    assert program.run("immich", "show", file, "--even-if-locked").returncode == 0
    assert home.withheld("a.jpg") is None


@pytest.mark.parametrize("is_on", [True, False])
def test_where_immich_cannot_tell_a_person_is_asked(
    of_key: Make, server: Immich, is_on: bool
) -> None:
    home, program = of_key(*READS, *(() if is_on else ("asset.upload",)))
    file = str(home.root / "a.jpg")
    if not is_on:
        server.stop()

    done = program.run("immich", "show", file)

    assert (done.returncode, done.stdout) == (2, "")
    assert "cannot be known now" in done.stderr
    assert "say --yes to go on without being asked" in done.stderr
    assert home.withheld("a.jpg") == "locked"
    said = "locked" if not is_on else "locked or gone from there"
    assert f"not shown: 1 {said}\n" in program.run("immich", "status").stdout

    assert program.run("immich", "show", file, "--yes").returncode == 0
    assert home.withheld("a.jpg") is None


def test_deleted_photo_is_shown_without_a_question(of_key: Make, server: Immich) -> None:
    home, program = of_key(*READS, "asset.upload")
    server.purge(home.rows()[0].uuid)

    done = program.run("immich", "show", str(home.root / "a.jpg"))

    assert (done.returncode, done.stderr) == (0, "")
    assert home.withheld("a.jpg") is None


def test_question_that_nobody_can_answer_ends_with_the_way_on(of_key: Make) -> None:
    home, program = of_key(*READS)
    key = str(home.folder / "anna.key")

    for command in (
        ["connect", home.server.url, "--key-file", key],
        ["disconnect", "anna"],
        ["revert"],
    ):
        done = program.run("immich", *command)

        assert done.returncode == 2, command
        assert "say --yes to go on without being asked" in done.stderr
