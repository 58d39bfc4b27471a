"""Libraries of small files for tests of sweeps, and what is known of them."""

from pathlib import Path

from sqlalchemy import select

from mediaindex.pipeline.sweep import Library, SweepReport, sweep
from mediaindex.sources.folder import Rules
from mediaindex.store import assets, jobs
from mediaindex.store.assets import Identity
from mediaindex.store.database import Database
from mediaindex.store.due import at, files_due
from mediaindex.store.libraries import add_library
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, JobRow, ResultRow
from tests.conftest import NOW


def added(database: Database, root: Path) -> Library:
    """Return a new library at `root`, which is made."""
    root.mkdir(parents=True)
    with database.write() as session:
        row = add_library(session, "family", root, NOW)
        return Library(row.id, row.name, root, Rules(("@eaDir",)))


def look(database: Database, library: Library, **options: object) -> SweepReport:
    """Sweep a library; believes that up to half of it may be gone."""
    wanted = {"max_vanish_fraction": 0.5, **options}
    return sweep(database, library, NOW, **wanted)  # type: ignore[arg-type] # options of each test


def identify_all(database: Database) -> None:
    """Link every file to an asset of its own, as `identify` does, and read its facts."""
    with database.write() as session:
        for file in session.scalars(select(FileRow).where(FileRow.kind.is_(None))).all():
            if file.role == "media":
                sha256 = f"{file.id:064}"
                assets.identify_file(session, file.id, Identity(sha256, 1, "photo", "jpeg"), NOW)
        for asset_id in session.scalars(select(AssetRow.id)).all():
            jobs.mark_done(session, asset_id, "probe", "1", NOW, redo=())


def present(database: Database) -> set[str]:
    """Return the paths of the files that are there, as far as is known."""
    return set(known(database))


def known(database: Database) -> dict[str, int | None]:
    """Return the asset of each file that is there by its path."""
    with database.read() as session:
        query = select(FolderRow.path, FileRow.name, FileRow.asset_id).join(FileRow)
        return {
            f"{folder}/{name}".lstrip("/"): asset_id
            for folder, name, asset_id in session.execute(
                query.where(FileRow.missing_since.is_(None))
            )
        }


def unread(database: Database) -> int:
    """Return how many files nobody has looked into, and assets whose facts nobody has read."""
    with database.read() as session:
        unlooked = session.scalars(files_due("identify"), at(NOW)).all()
        read = select(ResultRow.asset_id).where(ResultRow.stage == "probe")
        query = select(AssetRow.id).where(AssetRow.id.not_in(read))
        return len(unlooked) + len(session.scalars(query).all())


def jobs_of(database: Database) -> list[str]:
    """Return the stages of all jobs."""
    with database.read() as session:
        return list(session.scalars(select(JobRow.stage).order_by(JobRow.stage)))


def fill(library: Library, *names: str) -> None:
    """Write files that differ."""
    for name in names:
        path = library.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))
