"""Sweeps over real folders: what is new, changed, moved and gone; and what is not believed."""

import os
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.pipeline.sweep import Library
from mediaindex.pipeline.vanished import FEW, believable
from mediaindex.sources.folder import Rules
from mediaindex.store import assets, files, jobs
from mediaindex.store.assets import Identity
from mediaindex.store.database import Database
from mediaindex.store.due import at, files_due
from mediaindex.store.libraries import widen_library
from mediaindex.store.tables import AssetRow, DocumentRow, FileRow, LibraryRow, ResultRow
from tests.conftest import NOW
from tests.sweeping import added, fill, identify_all, look, present


def widened(database: Database, root: Path) -> Library:
    with database.write() as session:
        row = widen_library(session, files.libraries(session), root)
        return Library(row.id, row.name, root, Rules(("@eaDir",)))


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    return added(database, tmp_path / "library")


def test_new_files_are_found_and_found_once(database: Database, library: Library) -> None:
    fill(library, "a.jpg", "x/y/b.jpg", "@eaDir/c.jpg")

    assert (look(database, library).new, look(database, library).new) == (2, 0)
    assert present(database) == {"a.jpg", "x/y/b.jpg"}


def test_changed_file_is_looked_into_again(database: Database, library: Library) -> None:
    fill(library, "a.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "a.jpg").write_bytes(b"other bytes")

    assert look(database, library).changed == 1
    with database.read() as session:
        file = session.scalars(select(FileRow)).one()
        assert session.scalars(files_due("identify"), at(NOW)).all() == [file.id]
        # Whether it holds something else, only a look into it tells.
        assert (file.kind, file.asset_id) == (None, session.scalars(select(AssetRow.id)).one())


def test_asset_forgets_the_name_of_a_copy_that_changed(
    database: Database, library: Library
) -> None:
    fill(library, "paris.jpg", "x/plain.jpg")
    look(database, library)
    with database.write() as session:
        for file_id in session.scalars(select(FileRow.id)).all():
            assets.identify_file(session, file_id, Identity("a" * 64, 1, "photo", "jpeg"), NOW)
        asset_id = session.scalars(select(AssetRow.id)).one()
        jobs.mark_done(session, asset_id, "probe", "1", NOW, redo=())
    (library.root / "paris.jpg").write_bytes(b"another photo")

    look(database, library)
    with database.write() as session:
        [file_id] = session.scalars(files_due("identify"), at(NOW)).all()
        assets.identify_file(session, file_id, Identity("b" * 64, 1, "photo", "jpeg"), NOW)

    with database.read() as session:
        names = select(DocumentRow.names).where(DocumentRow.asset_id == asset_id)
        assert session.scalars(names).one() == "x/plain.jpg"
        # What was read beside the old copy is looked for again beside the one that stays.
        assert session.scalars(select(ResultRow)).all() == []


def test_folder_that_is_gone_takes_its_files_along_and_brings_them_back(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "x/b.jpg", "x/y/c.jpg")
    look(database, library)
    (library.root / "x").rename(tmp_path / "aside")

    assert look(database, library).gone == 2
    assert present(database) == {"a.jpg"}
    (tmp_path / "aside").rename(library.root / "x")

    assert look(database, library).back == 2
    assert present(database) == {"a.jpg", "x/b.jpg", "x/y/c.jpg"}


def test_folder_of_more_files_than_a_statement_takes_goes_and_comes_back(
    database: Database, library: Library, tmp_path: Path
) -> None:
    with database.write() as session:
        connection = session.connection().connection.dbapi_connection
        assert isinstance(connection, sqlite3.Connection)
        connection.setlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, 100)
    names = [f"x/{number}.jpg" for number in range(150)]
    fill(library, *names, *(f"{name}.xmp" for name in names))

    assert look(database, library).new == 300
    (library.root / "x").rename(tmp_path / "aside")
    (library.root / "y").mkdir()
    assert look(database, library, confirmed=True).gone == 300
    (tmp_path / "aside").rename(library.root / "x")
    assert look(database, library).back == 300


def test_much_gone_at_once_waits_for_a_person(database: Database, library: Library) -> None:
    fill(library, "kept.jpg", *(f"x/{number}.jpg" for number in range(FEW + 5)))
    look(database, library)
    shutil.rmtree(library.root / "x")

    held = look(database, library)

    assert (held.gone, held.held_back) == (0, FEW + 5)
    assert len(present(database)) == FEW + 6
    assert look(database, library, confirmed=True).gone == FEW + 5
    assert present(database) == {"kept.jpg"}


@pytest.mark.parametrize("state", ["empty", "gone"])
def test_root_that_is_not_mounted_changes_nothing(
    database: Database, library: Library, state: str
) -> None:
    fill(library, "a.jpg")
    look(database, library)
    shutil.rmtree(library.root)
    if state == "empty":
        library.root.mkdir()

    report = look(database, library)

    assert report.offline_reason
    assert present(database) == {"a.jpg"}
    with database.read() as session:
        assert session.scalars(select(LibraryRow.offline_reason)).one() == report.offline_reason


def test_folder_that_cannot_be_listed_is_not_gone(
    database: Database, library: Library, tmp_path: Path
) -> None:
    library = replace(library, rules=Rules(follow_links=True))
    fill(library, "a.jpg", "x/b.jpg", "x/y/c.jpg")
    look(database, library)
    (library.root / "x").rename(tmp_path / "aside")
    (library.root / "x").symlink_to("n" * 300)

    report = look(database, library, below="x")

    assert report.unreadable == {"x": "File name too long"}
    assert present(database) == {"a.jpg", "x/b.jpg", "x/y/c.jpg"}


def test_file_that_cannot_be_looked_at_is_not_gone(database: Database, library: Library) -> None:
    library = replace(library, rules=Rules(follow_links=True))
    fill(library, "a.jpg", "x/b.jpg", "x/y/c.jpg")
    link = library.root / "x" / "link.jpg"
    link.symlink_to(library.root / "a.jpg")
    look(database, library)
    link.unlink()
    link.symlink_to("n" * 300)

    report = look(database, library)

    assert report.unreadable == {"x": "File name too long"}
    assert present(database) == {"a.jpg", "x/b.jpg", "x/link.jpg", "x/y/c.jpg"}


def test_file_of_a_far_year_is_found_and_does_not_change(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg")
    year_2400_s = 13_569_465_600
    os.utime(library.root / "a.jpg", (year_2400_s, year_2400_s))

    assert look(database, library).new == 1
    assert look(database, library).changed == 0


def test_sidecar_that_comes_changes_or_goes_makes_its_photo_read_again(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg", "b.jpg")
    look(database, library)
    identify_all(database)

    def read_again() -> int:
        with database.read() as session:
            return 2 - len(session.scalars(select(ResultRow).filter_by(stage="probe")).all())

    fill(library, "a.jpg.xmp")
    look(database, library)
    assert read_again() == 1
    identify_all(database)
    (library.root / "a.jpg.xmp").write_bytes(b"a person changed it")
    look(database, library)
    assert read_again() == 1
    identify_all(database)
    (library.root / "a.jpg.xmp").unlink()
    look(database, library)
    assert read_again() == 1


def test_sweep_of_one_folder_leaves_the_others_alone(database: Database, library: Library) -> None:
    fill(library, "a/1.jpg", "b/1.jpg")
    look(database, library)
    (library.root / "a" / "1.jpg").unlink()
    (library.root / "b" / "1.jpg").unlink()

    assert look(database, library, below="b").gone == 1
    assert present(database) == {"a/1.jpg"}


def test_sweep_of_one_folder_knows_what_lies_in_it_by_every_letter(
    database: Database, library: Library
) -> None:
    no_text = os.fsdecode(b"trip_1/caf\xe9")
    fill(library, "trip_1/a.jpg", "Trip_1/sub/b.jpg", "tripx1/sub/c.jpg", "trip_1/sub/d.jpg")
    (library.root / no_text).mkdir()
    (library.root / no_text / "e.jpg").write_bytes(b"e")
    look(database, library)
    for folder in ("trip_1/sub", no_text):
        shutil.rmtree(library.root / folder)

    assert look(database, library, below="trip_1").gone == 2
    assert present(database) == {"trip_1/a.jpg", "Trip_1/sub/b.jpg", "tripx1/sub/c.jpg"}


def test_library_widens_to_a_folder_around_it(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "x/b.jpg")
    look(database, library)

    wider = widened(database, tmp_path)

    assert present(database) == {"library/a.jpg", "library/x/b.jpg"}
    report = look(database, wider)
    assert (report.gone, report.changed) == (0, 0)
    assert {"library/a.jpg", "library/x/b.jpg"} <= present(database)


def test_folders_of_the_same_names_stay_apart_when_libraries_become_one(
    database: Database, tmp_path: Path
) -> None:
    one, other = added(database, tmp_path / "home" / "A"), added(database, tmp_path / "home" / "B")
    fill(one, "1.jpg", "A/2.jpg", "A/A/3.jpg", "B/4.jpg")
    fill(other, "5.jpg", "A/6.jpg", "B/7.jpg")
    for library in (one, other):
        look(database, library)

    wider = widened(database, tmp_path / "home")

    report = look(database, wider)
    assert (report.seen, report.new, report.gone) == (7, 0, 0)


def test_folder_that_goes_after_libraries_became_one_is_missed(
    database: Database, tmp_path: Path
) -> None:
    one, other = added(database, tmp_path / "home" / "A"), added(database, tmp_path / "home" / "B")
    fill(one, "1.jpg")
    fill(other, "2.jpg", "x/3.jpg")
    for library in (one, other, other, other):
        look(database, library)
    wider = widened(database, tmp_path / "home")
    shutil.rmtree(wider.root / "B" / "x")

    assert look(database, wider).gone == 1
    assert present(database) == {"A/1.jpg", "B/2.jpg"}


def test_name_that_is_not_utf8_is_kept_as_it_is(database: Database, library: Library) -> None:
    name = os.fsdecode(b"caf\xe9.jpg")
    fill(library)
    (library.root / name).write_bytes(b"x")

    assert (look(database, library).new, look(database, library).new) == (1, 0)
    assert present(database) == {name}


def test_asset_goes_when_its_files_have_been_gone_long_enough(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg", "b.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "a.jpg").unlink()
    look(database, library)

    with database.write() as session:
        kept = assets.purge_missing(session, timedelta(days=30), NOW + timedelta(days=29), NOW)
        gone = assets.purge_missing(session, timedelta(days=30), NOW + timedelta(days=31), NOW)

    assert (len(kept), len(gone)) == (0, 1)
    with database.read() as session:
        assert len(session.scalars(select(AssetRow)).all()) == 1


def test_asset_of_a_library_that_is_offline_stays(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "b.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "a.jpg").unlink()
    look(database, library)
    month, later = timedelta(days=30), NOW + timedelta(days=31)

    library.root.rename(tmp_path / "aside")
    look(database, library)
    with database.write() as session:
        assert assets.purge_missing(session, month, later, NOW) == []
        assert len(session.scalars(select(FileRow)).all()) == 2

    (tmp_path / "aside").rename(library.root)
    look(database, library)
    with database.write() as session:
        assert assets.purge_missing(session, month, later, later) == []  # not looked at since
        assert len(assets.purge_missing(session, month, later, NOW)) == 1
        assert len(session.scalars(select(FileRow)).all()) == 1


@pytest.mark.parametrize(
    ("gone", "there", "believed"),
    [(0, 0, True), (FEW, FEW, True), (FEW + 1, 30, False), (40, 100, True), (60, 100, False)],
)
def test_what_may_be_believed(gone: int, there: int, believed: bool) -> None:
    assert believable(gone, there, max_fraction=0.5) is believed
