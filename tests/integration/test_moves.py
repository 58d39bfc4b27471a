"""Files and folders that move: all that is known of them comes along, and nothing is read."""

import os
import shutil
import socket
import threading
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from mediaindex.pipeline.identify import Identify, NotMedia
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.sweep import Library, sweep
from mediaindex.pipeline.vanished import FEW
from mediaindex.store import assets, jobs
from mediaindex.store.assets import Identity
from mediaindex.store.database import Database
from mediaindex.store.due import at, files_due
from mediaindex.store.tables import AssetRow, DocumentRow, FileRow, JobRow, PairRow
from tests.conftest import NOW
from tests.sweeping import added, fill, identify_all, jobs_of, known, look, present, unread


@pytest.fixture
def library(database: Database, tmp_path: Path) -> Library:
    return added(database, tmp_path / "library")


def test_file_that_moved_keeps_its_asset_and_is_not_read_again(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.jpg", "x/b.jpg")
    look(database, library)
    identify_all(database)
    before = known(database)
    (library.root / "y").mkdir()
    (library.root / "x" / "a.jpg").rename(library.root / "y" / "a.jpg")

    report = look(database, library)

    assert (report.moved, report.new, report.gone) == (1, 0, 0)
    assert known(database) == {"y/a.jpg": before["x/a.jpg"], "x/b.jpg": before["x/b.jpg"]}
    assert unread(database) == 0
    with database.read() as session:
        assert len(session.scalars(select(FileRow)).all()) == 2
        names = select(DocumentRow.names).where(DocumentRow.asset_id == before["x/a.jpg"])
        assert session.scalars(names).one() == "y/a.jpg"


def test_renamed_file_has_its_facts_read_again_as_its_name_may_tell_a_date(
    database: Database, library: Library
) -> None:
    fill(library, "a.jpg", "b.jpg")
    look(database, library)
    identify_all(database)
    before = known(database)
    (library.root / "a.jpg").rename(library.root / "20200101.jpg")
    fine = (library.root / "20200101.jpg").stat().st_mtime_ns % 1_000_000

    report = look(database, library)

    if not fine:
        pytest.skip("the file system's clock is coarse")
    assert (report.moved, report.new, report.gone) == (1, 0, 0)
    assert known(database)["20200101.jpg"] == before["a.jpg"]
    with database.read() as session:
        assert session.scalars(files_due("identify"), at(NOW)).all() == []
    assert unread(database) == 1


def test_top_folder_of_all_is_renamed_and_nothing_vanished(
    database: Database, library: Library
) -> None:
    fill(library, *(f"old/{number % 3}/{number}.jpg" for number in range(FEW + 10)))
    fill(library, "old/0/0.jpg.xmp")
    look(database, library)
    identify_all(database)
    before = known(database)
    (library.root / "old").rename(library.root / "new")

    report = look(database, library)

    assert (report.moved, report.new, report.gone, report.held_back) == (FEW + 11, 0, 0, 0)
    assert known(database) == {path.replace("old", "new"): asset for path, asset in before.items()}
    assert unread(database) == 0
    assert look(database, library).moved == 0


@pytest.mark.parametrize("first", ["old", "new"])
@pytest.mark.parametrize("shallow", [True, False])
def test_two_looks_at_one_folder_each_end_like_one_at_all(
    database: Database, library: Library, first: str, shallow: bool
) -> None:
    fill(library, "old/a.jpg", "old/a.jpg.xmp", "old/b.heic", "old/b.mov", "stays.jpg")
    look(database, library)
    identify_all(database)
    before = known(database)
    (library.root / "old").rename(library.root / "new")

    reports = [
        look(database, library, below=below, shallow=shallow)
        for below in (first, "new" if first == "old" else "old")
    ]

    assert [report.moved for report in reports] == [0, 4]
    assert known(database) == {path.replace("old", "new"): asset for path, asset in before.items()}
    assert unread(database) == 0
    with database.read() as session:
        assert len(session.scalars(select(FileRow)).all()) == 5
        assert len(session.scalars(select(PairRow)).all()) == 2
        assert session.scalars(select(AssetRow.missing_since)).all() == [None] * 4


def test_what_vanished_days_ago_is_read_when_it_comes_back_elsewhere(
    database: Database, library: Library, tmp_path: Path
) -> None:
    fill(library, "a.jpg", "x/b.jpg")
    look(database, library)
    identify_all(database)
    asset_id = known(database)["a.jpg"]
    (library.root / "a.jpg").rename(tmp_path / "a.jpg")
    look(database, library)
    (tmp_path / "a.jpg").rename(library.root / "x" / "c.jpg")

    later = NOW + timedelta(days=2)
    report = sweep(database, library, later, max_vanish_fraction=0.5)

    assert (report.moved, report.new) == (0, 1)
    with database.write() as session:
        [file_id] = session.scalars(files_due("identify"), at(later)).all()
        same = Identity(f"{asset_id:064}", 1, "photo", "jpeg")
        assets.identify_file(session, file_id, same, later)
    assert known(database)["x/c.jpg"] == asset_id
    with database.read() as session:
        assert session.scalars(select(AssetRow.missing_since)).all() == [None, None]


def test_sidecar_that_moves_away_alone_makes_its_photo_read_again(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.jpg", "x/a.jpg.xmp", "y/b.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "x" / "a.jpg.xmp").rename(library.root / "y" / "a.jpg.xmp")

    assert look(database, library).moved == 1
    assert unread(database) == 1
    with database.read() as session:
        assert session.scalars(select(PairRow)).all() == []


def test_video_that_leaves_its_live_photo_is_a_hit_of_its_own_and_back_is_none(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.heic", "x/a.mov", "y/b.jpg")
    look(database, library)
    with database.write() as session:
        for name, kind in (("a.heic", "photo"), ("a.mov", "video"), ("b.jpg", "photo")):
            file_id = session.scalars(select(FileRow.id).filter_by(name=name)).one()
            assets.identify_file(session, file_id, Identity(name.rjust(64), 1, kind, "x"), NOW)

    def companions() -> int:
        with database.read() as session:
            tied = select(AssetRow.id).where(AssetRow.companion_of_id.is_not(None))
            return len(session.scalars(tied).all())

    assert companions() == 1
    (library.root / "x" / "a.mov").rename(library.root / "y" / "a.mov")
    assert look(database, library).moved == 1
    assert companions() == 0
    (library.root / "y" / "a.mov").rename(library.root / "x" / "a.mov")
    assert look(database, library).moved == 1
    assert companions() == 1


def test_look_into_the_new_place_that_is_on_its_way_does_no_harm(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.jpg", "b.jpg")
    look(database, library)
    identify_all(database)
    before = known(database)
    (library.root / "y").mkdir()
    (library.root / "x" / "a.jpg").rename(library.root / "y" / "a.jpg")
    look(database, library, below="y", shallow=True)
    with database.write() as session:
        due = files_due("identify")
        [new_id] = jobs.claim(session, "identify", "file", due, limit=9, worker="here:1", now=NOW)

    assert look(database, library).moved == 1
    with database.write() as session:
        assert jobs.leases(session, "identify", "file", [new_id]) == {}
        assets.identify_file(session, new_id, Identity("f" * 64, 1, "photo", "jpeg"), NOW)
    assert known(database) == {"y/a.jpg": before["x/a.jpg"], "b.jpg": before["b.jpg"]}


def test_what_was_read_already_stands_against_what_it_looked_like(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.jpg", "b.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "y").mkdir()
    (library.root / "x" / "a.jpg").rename(library.root / "y" / "a.jpg")
    look(database, library, below="y", shallow=True)
    identify_all(database)
    after = known(database)["y/a.jpg"]

    report = look(database, library)

    assert (report.moved, report.gone) == (0, 1)
    assert known(database)["y/a.jpg"] == after


def test_file_that_was_being_read_where_it_was_is_due_at_once_where_it_is(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.jpg", "b.jpg")
    look(database, library)
    with database.write() as session:
        due = files_due("identify")
        jobs.claim(session, "identify", "file", due, limit=9, worker="here:1", now=NOW)
    (library.root / "x").rename(library.root / "y")

    assert look(database, library).moved == 1
    assert jobs_of(database) == ["identify"]
    with database.read() as session:
        assert len(session.scalars(files_due("identify"), at(NOW)).all()) == 1


def test_names_of_every_kind_move(database: Database, library: Library) -> None:
    no_text, broken = os.fsdecode(b"caf\xe9"), "two\nlines"
    fill(library, f"{no_text}/{no_text}.jpg", f"{broken}/{broken}.jpg", "a'b\"c/%_.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "new").mkdir()
    for folder in (no_text, broken, "a'b\"c"):
        (library.root / folder).rename(library.root / "new" / folder)

    assert look(database, library).moved == 3
    assert unread(database) == 0
    for folder in (no_text, broken, "a'b\"c"):
        (library.root / "new" / folder).rename(library.root / folder)
        look(database, library, below=f"new/{folder}", shallow=True)
        assert look(database, library, below=folder, shallow=True).moved == 1


def test_pipe_socket_or_link_that_takes_the_place_of_a_file_is_no_file(
    database: Database, library: Library
) -> None:
    fill(library, "x/a.jpg", "x/b.jpg", "x/c.jpg", "x/d.jpg", "y/e.jpg")
    look(database, library)
    identify_all(database)
    folder = library.root / "x"
    for name in "abc":
        (folder / f"{name}.jpg").rename(library.root / "y" / f"{name}.jpg")
    os.mkfifo(folder / "a.jpg")
    (folder / "b.jpg").symlink_to(library.root / "y" / "b.jpg")
    (folder / "loop").symlink_to(folder)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "c.jpg"))

    look(database, library, below="x", shallow=True)

    assert present(database) == {"x/d.jpg", "y/e.jpg"}
    assert look(database, library, below="y", shallow=True).moved == 3
    assert look(database, library, below="x/loop", shallow=True).seen == 0
    assert unread(database) == 0


def test_copy_that_keeps_its_time_is_no_move(database: Database, library: Library) -> None:
    fill(library, "x/a.jpg")
    look(database, library)
    identify_all(database)
    (library.root / "y").mkdir()
    shutil.copy2(library.root / "x" / "a.jpg", library.root / "y" / "a.jpg")

    report = look(database, library)

    assert (report.moved, report.new) == (0, 1)
    assert present(database) == {"x/a.jpg", "y/a.jpg"}


def test_what_moves_while_it_is_about_to_be_read_is_read_at_its_new_place_at_once(
    database: Database, library: Library
) -> None:
    """Not after the five minutes that a disk is given which cannot be read."""

    class TooLate(Identify):
        def work(self, inputs: Sequence[Path]) -> list[Identity | NotMedia | Exception]:
            if (path := library.root / "a.jpg").exists():
                path.rename(library.root / "b.jpg")
                look(database, library)
            return super().work(inputs)

    fill(library, "a.jpg")
    look(database, library)

    Runner(database, [TooLate()]).run(threading.Event())

    assert present(database) == {"b.jpg"}
    with database.read() as session:
        (job,) = session.scalars(select(JobRow)).all()
        assert job.state == "failed"
        assert "holds no picture" in (job.error or "")
