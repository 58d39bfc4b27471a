"""What tests share: a real database, a clock that stands, and assets made in one line."""

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from sqlalchemy.orm import Session

from mediaindex.store.database import Database, open_database
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow, MomentRow
from mediaindex.types import RGB, Origin
from tests.once import once, open_for_all

# How long an example takes says something of the machine and nothing of the code.
settings.register_profile("no clock", deadline=None)
settings.load_profile("no clock")

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

ORIGIN = Origin("vlm:4b", "sha256:1", "1", "http://127.0.0.1:11434", 2_500, 60, 24.0)
"""How a caption came about, where a test does not care."""

AddAsset = Callable[..., int]


def pytest_configure(config: pytest.Config) -> None:
    open_for_all()


@pytest.fixture(scope="session")
def migrated() -> Path:
    """A new database's file, made once: migrating takes a third of a second."""
    name = "mediaindex.db"
    return once("migrated", lambda folder: open_database(folder / name).close()) / name


@pytest.fixture
def database(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    """A new database in a real file."""
    path = tmp_path / "state" / "mediaindex.db"
    path.parent.mkdir()
    shutil.copy(migrated, path)
    opened = open_database(path)
    yield opened
    opened.close()


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    """A session that may write; committed at the end of the test."""
    with database.write() as opened:
        yield opened


@pytest.fixture
def add_asset(session: Session) -> AddAsset:
    """`insert_asset` with the session that may write."""
    return partial(insert_asset, session)


def insert_asset(
    session: Session, path: str = "a.jpg", library: str = "photos", **columns: object
) -> int:
    """Add a photo with one file and one moment; returns its id. Any column can be given."""
    folder_path, _, name = path.rpartition("/")
    root = session.query(LibraryRow).filter_by(name=library).one_or_none()
    if root is None:
        root = LibraryRow(name=library, root=f"/{library}", added_at=NOW)
        session.add(root)
        session.flush()
    known = {"library_id": root.id, "path": folder_path}
    folder = session.query(FolderRow).filter_by(**known).one_or_none()
    if folder is None:
        folder = FolderRow(**known, seen_sweep=0)
        session.add(folder)
        session.flush()
    made = {"sha256": path.rjust(64, "0"), "kind": "photo", "format": "jpeg", "size_bytes": 1}
    asset = AssetRow(**{**made, "added_at": NOW, **columns})
    session.add(asset)
    session.flush()
    file = FileRow(
        folder_id=folder.id,
        name=name,
        size_bytes=1,
        mtime_ns=1,
        role="media",
        kind="photo",
        asset_id=asset.id,
        found_at=NOW,
    )
    session.add_all([file, MomentRow(asset_id=asset.id, start_ms=0, end_ms=0, at_ms=0)])
    session.flush()
    return asset.id


def plain(red: int, green: int, blue: int, side_px: int = 64) -> RGB:
    """Return a square picture of one colour."""
    return np.full((side_px, side_px, 3), (red, green, blue), dtype=np.uint8)
