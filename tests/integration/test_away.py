"""Libraries whose disk or share goes away: nothing of theirs is ever taken for gone."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.pipeline import sweep as sweeps
from mediaindex.pipeline.sweep import Library, SweepReport
from mediaindex.pipeline.vanished import FEW
from mediaindex.sources.mounts import Identity, identity_of
from mediaindex.store import counts
from mediaindex.store.database import Database
from mediaindex.store.tables import JobRow, LibraryRow
from tests.conftest import NOW
from tests.sweeping import added, fill, identify_all, known, look, present

ELSEWHERE = Identity("nfs4", "nas:/photos", "/", "", 1).text

MANY = tuple(f"{folder}/{number}.jpg" for folder in range(10) for number in range(10))


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    return added(database, tmp_path / "library")


def row(database: Database) -> LibraryRow:
    with database.read() as session:
        return session.scalars(select(LibraryRow)).one()


def mounted_from(database: Database, identity: str) -> None:
    with database.write() as session:
        session.scalars(select(LibraryRow)).one().identity = identity


def test_root_that_is_trusted_is_known_again(database: Database, library: Library) -> None:
    fill(library, "a.jpg")

    look(database, library)

    assert row(database).identity == identity_of(library.root).text


def test_other_disk_at_the_same_place_is_offline_until_a_person_says_it_is_meant(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, *MANY)
    look(database, library)
    mounted_from(database, ELSEWHERE)
    library.root.rename(tmp_path / "aside")
    fill(library, "other.jpg")

    report = look(database, library)

    assert "mediaindex confirm-removal family" in (report.offline_reason or "")
    assert row(database).offline_reason == report.offline_reason
    assert row(database).identity == ELSEWHERE
    assert present(database) == set(MANY)
    assert look(database, library, confirmed=True).gone == len(MANY)
    assert row(database).identity == identity_of(library.root).text
    assert row(database).offline_reason is None


def test_same_disk_by_another_name_is_trusted(database: Database, library: Library) -> None:
    fill(library, *MANY)
    look(database, library)
    mounted_from(database, ELSEWHERE)
    (library.root / "0" / "0.jpg").unlink()

    assert look(database, library).gone == 1
    assert row(database).identity == identity_of(library.root).text


def test_library_without_its_sentinel_is_offline(database: Database, library: Library) -> None:
    library = replace(library, sentinel=".nas")
    fill(library, "a.jpg", "b.jpg", ".nas")
    look(database, library)
    (library.root / ".nas").unlink()
    (library.root / "a.jpg").unlink()

    assert ".nas" in (look(database, library).offline_reason or "")
    assert present(database) == {"a.jpg", "b.jpg"}


@pytest.mark.parametrize("then", ["gone", "empty", "other"])
@pytest.mark.parametrize("after", range(3))
def test_root_that_goes_in_the_middle_of_a_sweep_loses_nothing(
    database: Database,
    library: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    then: str,
    after: int,
) -> None:
    monkeypatch.setattr(sweeps, "FOLDERS_A_COMMIT", 3)
    fill(library, "a.jpg", *MANY[: FEW // 2])
    for number in range(5):
        fill(library, f"deep/{number}/{number}/x.jpg")
    look(database, library)
    before = present(database)
    batches = iter(range(99))

    def go(_: SweepReport) -> None:
        if next(batches) == after:
            library.root.rename(tmp_path / "aside")
            if then != "gone":
                library.root.mkdir()
            if then == "other":
                (library.root / "new.jpg").write_bytes(b"x")

    report = look(database, library, max_vanish_fraction=1.0, on_folder=go)

    assert report.gone == 0 or then == "other"
    if then != "other":
        assert report.offline_reason
        assert present(database) == before
    shutil.rmtree(library.root, ignore_errors=True)
    (tmp_path / "aside").rename(library.root)
    look(database, library)
    assert present(database) == before


def test_disk_within_the_library_that_is_away_takes_nothing_along(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "usb/b.jpg", "usb/x/c.jpg")
    look(database, library)
    mounted_from(database, replace(identity_of(library.root), inner=("usb",)).text)
    (library.root / "usb").rename(tmp_path / "aside")

    for _ in range(2):
        report = look(database, library, max_vanish_fraction=1.0)
        assert list(report.unreadable) == ["usb"]
        for below in ("usb", "usb/x"):
            assert look(database, library, below=below, shallow=True).gone == 0
        (library.root / "usb").mkdir(exist_ok=True)

    assert present(database) == {"a.jpg", "usb/b.jpg", "usb/x/c.jpg"}
    assert look(database, library, confirmed=True).gone == 2
    assert look(database, library).unreadable == {}


def test_what_is_held_back_is_told_until_it_is_settled(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "kept.jpg", *MANY[: FEW + 5])
    look(database, library)
    for folder in range(3):
        (library.root / f"{folder}").rename(tmp_path / f"{folder}")

    look(database, library)

    with database.read() as session:
        assert [one.held_back for one in counts.count_libraries(session)] == [FEW + 5]
    for folder in range(3):
        (tmp_path / f"{folder}").rename(library.root / f"{folder}")
    look(database, library)
    assert row(database).held_back == 0


def test_much_that_goes_folder_by_folder_is_held_back_as_well(
    database: Database, library: Library
) -> None:
    fill(library, *MANY)
    look(database, library)
    shutil.rmtree(library.root)
    fill(library, "new.jpg")

    reports = [look(database, library, below=f"{folder}", shallow=True) for folder in range(10)]

    assert sum(report.gone for report in reports) == len(MANY) // 2
    assert row(database).held_back
    assert look(database, library, confirmed=True).gone == len(MANY) // 2
    assert row(database).held_back == 0


def test_file_that_is_back_is_what_it_was(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "x/b.jpg")
    look(database, library)
    identify_all(database)
    before = known(database)
    (library.root / "a.jpg").rename(tmp_path / "a.jpg")
    assert look(database, library).gone == 1
    (tmp_path / "a.jpg").rename(library.root / "a.jpg")

    assert look(database, library).back == 1
    assert known(database) == before


def test_what_could_not_be_read_while_it_was_away_is_due_when_it_is_back(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "b.jpg", "c.jpg")
    look(database, library)
    identify_all(database)
    waits = {"state": "waiting", "run_after": NOW + timedelta(hours=1), "updated_at": NOW}
    with database.write() as session:
        session.add(JobRow(stage="identify", file_id=1, attempts=0, **waits))
        session.add(JobRow(stage="decode", asset_id=2, attempts=0, **waits))
        session.add(JobRow(stage="decode", asset_id=3, attempts=1, **waits))
    library.root.rename(tmp_path / "aside")
    assert look(database, library).offline_reason
    (tmp_path / "aside").rename(library.root)

    look(database, library)

    with database.read() as session:
        assert [job.asset_id for job in session.scalars(select(JobRow))] == [3], "it went wrong"


MOUNTING = """
import os, subprocess, sys
from pathlib import Path
from mediaindex.pipeline import sweep as sweeps
from mediaindex.store.database import open_database
from mediaindex.store.tables import LibraryRow
from tests.sweeping import added, fill, look, present
from sqlalchemy import select

def run(*command):
    subprocess.run(command, check=True)

home = Path(sys.argv[1])
sweeps.FOLDERS_A_COMMIT = 2
database = open_database(home / "state" / "mediaindex.db")
library = added(database, home / "nas photos")
run("mount", "-t", "tmpfs", "nas:/photos", library.root)
fill(library, "a.jpg", *(f"{number}/b.jpg" for number in range(8)))
(library.root / "disk").mkdir()
run("mount", "-t", "tmpfs", "disk", library.root / "disk")
fill(library, "disk/c.jpg")
assert look(database, library).new == 10
before = present(database)
with database.read() as session:
    assert "nas:/photos" in session.scalars(select(LibraryRow.identity)).one()

def unmount_disk(_):
    if os.path.ismount(library.root / "disk"):
        run("umount", library.root / "disk")

def unmount(_):
    if os.path.ismount(library.root):
        run("umount", "-l", library.root)

report = look(database, library, max_vanish_fraction=1.0, on_folder=unmount_disk)
assert report.gone == 0, report
report = look(database, library, max_vanish_fraction=1.0)
assert (report.gone, list(report.unreadable)) == (0, ["disk"]), report
report = look(database, library, max_vanish_fraction=1.0, on_folder=unmount)
assert (report.gone, report.moved) == (0, 0), report
assert "mounted" in report.offline_reason, report
assert present(database) == before

run("mount", "-t", "tmpfs", "other", library.root)
fill(library, "another.jpg")
report = look(database, library, max_vanish_fraction=1.0)
assert "confirm-removal" in report.offline_reason and "nas:/photos" in report.offline_reason
assert present(database) == before
database.close()
"""


def _in_a_namespace(folder: Path) -> list[str] | None:
    """Return the command by which another may mount what only it sees; None if there is no way."""
    for rights in ([], ["--map-root-user"]):
        command = ["unshare", *rights, "--mount", "--propagation", "private"]
        trial = [*command, "mount", "-t", "tmpfs", "none", str(folder)]
        if shutil.which("unshare") and subprocess.run(trial, capture_output=True).returncode == 0:
            return command
    return None


def test_real_mounts_come_and_go(tmp_path: Path) -> None:
    alone = _in_a_namespace(tmp_path)
    if alone is None:
        pytest.skip("this user may not mount anything, not even alone")

    done = subprocess.run(
        [*alone, sys.executable, "-c", MOUNTING, tmp_path],
        cwd=Path(__file__).parents[2],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
