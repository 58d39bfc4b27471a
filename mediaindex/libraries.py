"""Which libraries there are: those that are known, those of the settings, and folders by name."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.config import Config, LibrarySettings
from mediaindex.errors import ConfigError
from mediaindex.pipeline.sweep import Library
from mediaindex.sources.folder import Rules
from mediaindex.store import files
from mediaindex.store.database import Database
from mediaindex.store.libraries import add_library, widen_library
from mediaindex.store.tables import LibraryRow


def wanted_libraries(
    config: Config, database: Database, folders: Sequence[Path]
) -> list[tuple[Library, str]]:
    """Return what to sweep: libraries, each with the folder in it to begin at.

    Libraries of the settings, and folders that are named, are taken in if they are new.

    Raises:
        ConfigError: A folder is not there, or there is no library at all.
    """
    now = datetime.now(UTC)
    named = {parts.absolute(Path(library.path)): library for library in config.settings.libraries}
    with database.write() as session:
        for root, library in named.items():
            _place_of(session, root, library.name, now)
        wanted = [_place_of(session, _folder(folder), None, now) for folder in folders]
        if not folders:
            wanted = [(row, "") for row in files.libraries(session)]
        if not wanted:
            raise ConfigError(
                "there is no library yet: name a folder (mediaindex index ~/Pictures) "
                "or set libraries: in config.yaml"
            )
        return [
            (library_of(config, row, named.get(Path(row.root))), below) for row, below in wanted
        ]


def every_library(config: Config, database: Database) -> list[Library]:
    """Return all libraries: those of the settings are taken in, also while they are not there."""
    now = datetime.now(UTC)
    named = {parts.absolute(Path(library.path)): library for library in config.settings.libraries}
    with database.write() as session:
        for root, library in named.items():
            _place_of(session, root, library.name, now)
        return [
            library_of(config, row, named.get(Path(row.root))) for row in files.libraries(session)
        ]


def check_not_listed(config: Config, library: LibraryRow) -> None:
    """Check that the settings do not list a library that is to be forgotten.

    Raises:
        ConfigError: They do, and it would be added again.
    """
    for listed in config.settings.libraries:
        if parts.absolute(Path(listed.path)) == Path(library.root):
            raise ConfigError(
                f"{config.file} lists {listed.path} under libraries:, so it would be added again; "
                "remove it there first"
            )


def _place_of(
    session: Session, folder: Path, name: str | None, now: datetime
) -> tuple[LibraryRow, str]:
    """Return the library that `folder` is of, and where in it; made, or widened, if need be."""
    known = files.libraries(session)
    for row in known:
        if folder.is_relative_to(row.root):
            below = folder.relative_to(row.root).as_posix()
            return row, "" if below == "." else below
    inside = [row for row in known if Path(row.root).is_relative_to(folder)]
    if inside:
        return widen_library(session, inside, folder), ""
    return add_library(session, name or folder.name or "root", folder, now), ""


def library_of(config: Config, row: LibraryRow, wishes: LibrarySettings | None) -> Library:
    """Return a library as a sweep has to know it."""
    section = config.settings.sweep
    own = wishes.exclude if wishes else ()
    rules = Rules(
        exclude=(*section.exclude, *own),
        marker=section.exclude_marker,
        hidden=section.hidden,
        follow_links=section.follow_links,
    )
    sentinel = wishes.sentinel if wishes else None
    return Library(row.id, row.name, Path(row.root), rules, sentinel)


def _folder(folder: Path) -> Path:
    found = parts.absolute(folder)
    if not found.is_dir():
        raise ConfigError(f"{folder} is not a folder that is there")
    return found
