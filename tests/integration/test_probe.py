"""Probe and decode through their children, on files of their own."""

import os
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from mediaindex.errors import MediaIndexError, RetryLater, Unusable
from mediaindex.media.dates import DateRules
from mediaindex.media.places import Gazetteer
from mediaindex.pipeline.child import ChildDied, Children
from mediaindex.pipeline.identify import Identify
from mediaindex.pipeline.probe import Beside, Facts, Probe
from mediaindex.pipeline.runner import Runner
from mediaindex.pipeline.stage import POSTPONE, on_any_file
from mediaindex.pipeline.sweep import Library, sweep
from mediaindex.sources.folder import Rules
from mediaindex.store import files, jobs
from mediaindex.store.database import Database
from mediaindex.store.files import Lying
from mediaindex.store.libraries import add_library
from mediaindex.store.tables import AssetRow, FileRow, JobRow, ResultRow, WordsRow
from tests.conftest import NOW, insert_asset, plain


def no_gazetteer() -> Gazetteer:
    raise OSError(28, "No space left on device")


@pytest.fixture
def probe() -> Iterator[Probe]:
    children = Children(1, memory_limit_bytes=0)
    yield Probe(children, DateRules(), no_gazetteer, time_limit_s=30)
    children.close()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    Image.fromarray(plain(200, 0, 0)).save(path)
    return path


def test_bug_at_one_photo_counts_against_it_alone(probe: Probe, photo: Path) -> None:
    good = Beside((Lying(photo),), ())
    bad = Beside((Lying(Path("a\0b.jpg")),), ())  # no name that any system takes

    found = probe.work([good, bad, good])

    assert [type(one).__name__ for one in found] == ["Facts", "ChildFault", "Facts"]


def test_disk_that_is_full_is_no_photos_fault(probe: Probe, photo: Path) -> None:
    sidecar = photo.with_name("a.jpg.json")
    sidecar.write_text('{"geoData": {"latitude": 38.7, "longitude": -9.1}}')

    found = probe.work([Beside((Lying(photo),), (sidecar,)), Beside((Lying(photo),), ())])

    assert isinstance(found[0], RetryLater)
    assert "No space left" in str(found[0])
    assert isinstance(found[1], Facts)


def test_sidecar_that_cannot_be_read_is_tried_again_and_all_else_counts_already(
    database: Database, probe: Probe, photo: Path
) -> None:
    sidecar = photo.with_name("a.jpg.json")
    sidecar.write_text('{"description": "at the lake"}')
    with database.write() as session:
        row = add_library(session, "photos", photo.parent, NOW)
        library = Library(row.id, row.name, photo.parent, Rules())

    def run(at: datetime) -> tuple[int | None, list[str], list[str | None]]:
        Runner(database, [Identify(), probe], clock=lambda: at).run(threading.Event())
        with database.read() as session:
            return (
                session.scalars(select(AssetRow.width_px)).one(),
                list(session.scalars(select(WordsRow.text))),
                list(session.scalars(select(JobRow.error))),
            )

    sweep(database, library, NOW, max_vanish_fraction=0.5)
    sidecar.rename(photo.parent / "away")

    assert run(NOW) == (64, [], ["a.jpg.json cannot be read: No such file or directory"])

    (photo.parent / "away").rename(sidecar)

    assert run(NOW + POSTPONE) == (64, ["at the lake"], [])


@pytest.mark.parametrize(
    ("error", "tried"),
    [
        (RetryLater("gone"), 2),
        (OSError(5, "Input/output error"), 2),
        (Unusable("cut off"), 1),
        (ChildDied("SIGSEGV"), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_next_copy_is_tried_only_where_it_may_do_better(error: Exception, tried: int) -> None:
    paths: list[Path] = []

    def fail(path: Path) -> None:
        paths.append(path)
        raise error

    found = on_any_file([Lying(Path("a")), Lying(Path("b"))], fail)

    assert len(paths) == tried
    assert found is error or isinstance(found, MediaIndexError)


def added(database: Database, path: Path, kind: str) -> None:
    """Store an asset as an older version knew it, decoded as a photo."""
    with database.write() as session:
        library = add_library(session, "photos", path.parent, NOW)
        folder_id, _ = files.known_folder(session, library.id, "")
        made = {"format": path.suffix[1:], "size_bytes": 1, "added_at": NOW}
        asset = AssetRow(sha256=path.name, kind=kind, **made)
        session.add(asset)
        session.flush()
        file = FileRow(name=path.name, folder_id=folder_id, asset_id=asset.id, kind=kind)
        seen = path.stat()
        file.size_bytes, file.mtime_ns = seen.st_size, seen.st_mtime_ns
        file.role, file.found_at = "media", NOW
        session.add(file)
        jobs.mark_done(session, asset.id, "decode", "768px", NOW, redo=())


def test_animation_that_an_older_version_took_for_a_photo_becomes_a_video(
    database: Database, probe: Probe, tmp_path: Path
) -> None:
    path = tmp_path / "a.gif"
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=1000)
    added(database, path, "photo")

    Runner(database, [probe], clock=lambda: NOW).run(threading.Event())

    with database.read() as session:
        asset = session.scalars(select(AssetRow)).one()
        assert (asset.kind, asset.duration_ms) == ("video", 3000)
        assert session.scalars(select(FileRow.kind)).all() == ["video"]
        assert set(session.scalars(select(ResultRow.stage))) == {"probe"}


def test_videos_wait_for_ffprobe_and_photos_do_not(
    database: Database, probe: Probe, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(photo.parent))
    added(database, photo, "photo")
    with database.write() as session:
        made = {"kind": "video", "format": "mp4", "size_bytes": 1, "added_at": NOW}
        session.add(AssetRow(sha256="film", **made))

    (progress,) = Runner(database, [probe], clock=lambda: NOW).run(threading.Event())

    assert (progress.done, progress.failed, progress.postponed) == (1, 0, 0)
    with database.read() as session:
        assert session.scalars(select(JobRow)).all() == []


def test_clock_that_woke_up_in_the_past_makes_no_date_unbelievable(
    database: Database, probe: Probe, photo: Path
) -> None:
    """It is later than the clock says: something was done already at a later time."""
    later = datetime.now(UTC).replace(microsecond=0) + timedelta(days=400)
    taken = later - timedelta(days=2)
    os.utime(photo, (taken.timestamp(), taken.timestamp()))
    (by_now,) = probe.work([Beside((Lying(photo),), ())])
    with database.write() as session:
        asset_id = insert_asset(session)
        jobs.mark_done(session, asset_id, "probe", "1", later, redo=())
        probe.load(session, asset_id)

    (by_then,) = probe.work([Beside((Lying(photo),), ())])

    assert isinstance(by_now, Facts)
    assert isinstance(by_then, Facts)
    assert by_now.metadata.taken is None
    assert by_then.metadata.taken is not None
    assert by_then.metadata.taken.utc == taken
