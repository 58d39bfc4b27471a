"""Files that were touched: what they held counts until somebody has looked into them."""

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from mediaindex.errors import Unusable
from mediaindex.pipeline.identify import Identify
from mediaindex.pipeline.outcome import give_up
from mediaindex.pipeline.sweep import Library
from mediaindex.store import assets, changed, files, jobs
from mediaindex.store.assets import Identity
from mediaindex.store.database import Database
from mediaindex.store.due import Work, assets_due, at, files_due
from mediaindex.store.tables import AssetRow, DocumentRow, FileRow, ResultRow
from tests.conftest import NOW
from tests.sweeping import added, fill, identify_all, known, look, unread

MONTH, LATER = timedelta(days=30), NOW + timedelta(days=40)
DECODE = Work("decode", "768px", kinds=("photo",), after=())


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    """A library of two photos that are known."""
    made = added(database, tmp_path / "library")
    fill(made, "a.jpg", "x/b.jpg")
    look(database, made)
    identify_all(database)
    return made


def touch(library: Library, *names: str) -> None:
    for name in names:
        os.utime(library.root / name, (1, 1))


def identify(database: Database, identity: Identity | None) -> None:
    """Look into the one file that is due."""
    with database.write() as session:
        [file_id] = session.scalars(files_due("identify"), at(NOW)).all()
        assets.identify_file(session, file_id, identity, NOW)


def holds(asset_id: int | None) -> Identity:
    """Return what `identify_all` said of that asset's file."""
    return Identity(f"{asset_id:064}", 1, "photo", "jpeg")


def purged(database: Database) -> int:
    with database.write() as session:
        return len(assets.purge_missing(session, MONTH, LATER, NOW))


def gone(database: Database) -> list[int]:
    """Return the assets that no search finds."""
    with database.read() as session:
        query = select(AssetRow.id).where(AssetRow.missing_since.is_not(None))
        return list(session.scalars(query))


def due(database: Database) -> set[int]:
    with database.read() as session:
        return set(session.scalars(assets_due(DECODE), at(NOW)))


def test_touched_photos_are_found_as_before_until_they_are_read(
    database: Database, library: Library
) -> None:
    before = known(database)
    touch(library, "a.jpg", "x/b.jpg")

    assert look(database, library).changed == 2

    assert known(database) == before
    assert gone(database) == []
    assert unread(database) == 2
    with database.read() as session:
        assert all(session.scalars(select(DocumentRow.names)))


def test_touched_photos_outlive_any_absence_of_their_library(
    database: Database, library: Library, tmp_path: Path
) -> None:
    touch(library, "a.jpg", "x/b.jpg")
    look(database, library)
    library.root.rename(tmp_path / "away")
    assert look(database, library).offline_reason

    assert purged(database) == 0
    with database.write() as session:
        # Even where something else took them for missing.
        session.execute(update(AssetRow).values(missing_since=NOW))
    assert purged(database) == 0

    (tmp_path / "away").rename(library.root)
    look(database, library)
    assert purged(database) == 0, "nobody has read them yet"


def test_photo_that_moved_and_was_touched_waits_to_be_read(
    database: Database, library: Library
) -> None:
    asset_id = known(database)["a.jpg"]
    (library.root / "a.jpg").rename(library.root / "x" / "c.jpg")
    touch(library, "x/c.jpg")
    with database.write() as session:
        session.execute(update(AssetRow).values(size_bytes=len("a.jpg")))
    assert (look(database, library).gone, gone(database)) == (1, [asset_id])

    assert purged(database) == 0
    identify(database, holds(asset_id))
    assert (gone(database), known(database)["x/c.jpg"]) == ([], asset_id)


def test_what_no_file_holds_any_more_stays_until_all_was_looked_at(
    database: Database, library: Library, tmp_path: Path
) -> None:
    other = added(database, tmp_path / "other")
    fill(library, "a.jpg.jpg")
    (library.root / "a.jpg").write_bytes(b"")
    look(database, library)
    with database.write() as session:
        session.execute(update(FileRow).where(FileRow.kind.is_(None)).values(kind="other"))
        session.execute(update(FileRow).where(FileRow.name == "a.jpg").values(asset_id=None))
        files.settle_assets(session, NOW)

    assert len(gone(database)) == 1
    assert purged(database) == 0
    fill(other, "d.jpg")
    look(database, other)
    identify_all(database)
    assert purged(database) == 1


def test_same_content_costs_nothing_again(database: Database, library: Library) -> None:
    before = known(database)
    with database.write() as session:
        session.execute(update(AssetRow).values(taken_source="exif"))
    touch(library, "a.jpg")
    look(database, library)

    identify(database, holds(before["a.jpg"]))

    assert known(database) == before
    assert unread(database) == 0


def test_same_content_has_its_date_read_again_where_the_files_time_told_it(
    database: Database, library: Library
) -> None:
    with database.write() as session:
        session.execute(update(AssetRow).values(taken_source="mtime"))
    touch(library, "a.jpg")
    look(database, library)

    identify(database, holds(known(database)["a.jpg"]))

    assert unread(database) == 1


@pytest.mark.parametrize("content", ["other", "none", "broken"])
def test_what_it_held_goes_when_it_holds_something_else(
    database: Database, library: Library, content: str
) -> None:
    asset_id = known(database)["a.jpg"]
    (library.root / "a.jpg").write_bytes(b"something else")
    look(database, library)

    if content == "broken":
        with database.write() as session:
            query = files_due("identify")
            [file_id] = jobs.claim(session, "identify", "file", query, limit=1, worker="", now=NOW)
            give_up(session, Identify(), file_id, Unusable("no picture"), NOW)
    else:
        identify(database, Identity("f" * 64, 1, "photo", "jpeg") if content == "other" else None)

    assert gone(database) == [asset_id]
    after = known(database)["a.jpg"]
    assert after != asset_id
    assert (after is None) is (content != "other")
    assert look(database, library).changed == 0


def test_copy_that_stays_serves_while_the_other_is_to_be_read(
    database: Database, library: Library
) -> None:
    first, second = known(database).values()
    assert due(database) == {first, second}
    with database.write() as session:
        session.execute(update(FileRow).values(asset_id=first))
        files.settle_assets(session, NOW)
    touch(library, "a.jpg")
    look(database, library)

    assert due(database) == {first}
    with database.read() as session:
        assert first is not None
        (lies,) = files.files_to_read(session, first)
        assert lies.path == library.root / "x" / "b.jpg"
        assert len(files.paths_of_asset(session, first)) == 2


def test_nothing_is_read_from_a_file_that_may_hold_something_else(
    database: Database, library: Library
) -> None:
    before = known(database)
    touch(library, "a.jpg")
    look(database, library)

    assert due(database) == {before["x/b.jpg"]}
    identify(database, holds(before["a.jpg"]))
    assert due(database) == set(before.values())


def test_film_that_turns_out_to_be_a_photo_leaves_touched_copies_to_be_read(
    database: Database, library: Library
) -> None:
    asset_id = known(database)["a.jpg"]
    assert asset_id is not None
    touch(library, "a.jpg")
    look(database, library)

    with database.write() as session:
        assets.change_kind(session, asset_id, "video")
        assert len(session.scalars(files_due("identify"), at(NOW)).all()) == 1


def test_photo_that_becomes_a_sidecar_lets_go_at_once(database: Database, library: Library) -> None:
    asset_id = known(database)["a.jpg"]
    with database.write() as session:
        file_id = session.scalars(select(FileRow.id).where(FileRow.asset_id == asset_id)).one()
        changed.change_file(session, file_id, 9, 9, "sidecar")
        files.settle_assets(session, NOW)

    assert gone(database) == [asset_id]
    with database.read() as session:
        assert len(session.scalars(select(ResultRow)).all()) == 1
