"""The video of a live photo is its photo's, and never a video of its own."""

from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from mediaindex.pipeline.identify import identify
from mediaindex.pipeline.sweep import Library, sweep
from mediaindex.sources.folder import Rules
from mediaindex.store import assets
from mediaindex.store.assets import Identity
from mediaindex.store.database import Database
from mediaindex.store.due import Work, assets_due, at
from mediaindex.store.files import path_of
from mediaindex.store.libraries import add_library
from mediaindex.store.tables import AssetRow, FileRow
from tests.clips import make_clip
from tests.conftest import NOW

ANY = Work("decode", "1", kinds=("photo", "video"), after=())


def index(database: Database, root: Path) -> dict[str, str]:
    """Sweep a folder and identify its files; returns what is to be decoded, by name."""
    with database.write() as session:
        library = add_library(session, "family", root, NOW)
        wanted = Library(library.id, library.name, root, Rules(()))
    sweep(database, wanted, NOW, max_vanish_fraction=0.5)
    with database.write() as session:
        for file_id in session.scalars(select(FileRow.id).order_by(FileRow.name.desc())).all():
            found = identify(path_of(session, file_id))
            assert isinstance(found, Identity)
            assets.identify_file(session, file_id, found, NOW)
        due = session.scalars(assets_due(ANY), at(NOW)).all()
        query = select(FileRow.name, AssetRow.kind).join(AssetRow, AssetRow.id == FileRow.asset_id)
        rows = session.execute(query.where(AssetRow.id.in_(due))).all()
        return {row.name: row.kind for row in rows}


@pytest.mark.parametrize("video", ["IMG_0001.mov", "IMG_0001.mp4", "IMG_0001.MOV"])
def test_video_of_a_live_photo_is_no_video_of_its_own(
    tmp_path: Path, database: Database, video: str
) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    Image.new("RGB", (64, 48), "red").save(root / "IMG_0001.jpg")
    make_clip(root / video)

    assert index(database, root) == {"IMG_0001.jpg": "photo"}


def test_video_of_another_name_is_one(tmp_path: Path, database: Database) -> None:
    root = tmp_path / "photos"
    root.mkdir()
    Image.new("RGB", (64, 48), "red").save(root / "IMG_0001.jpg")
    make_clip(root / "IMG_0002.mov")

    assert index(database, root) == {"IMG_0001.jpg": "photo", "IMG_0002.mov": "video"}
