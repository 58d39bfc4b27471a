"""Which libraries there are: those that are known, those of the settings, and folders by name."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex import apart, parts
from mediaindex.config import Config, LibrarySettings
from mediaindex.errors import ConfigError
from mediaindex.pipeline.sweep import Library
from mediaindex.sources.folder import Rules, literal
from mediaindex.store import files
from mediaindex.store.database import Database
from mediaindex.store.libraries import add_library, widen_library
from mediaindex.store.tables import LibraryRow


def wanted_libraries(
    config: Config, database: Database, folders: Sequence[Path], *, may_widen: bool = True
) -> list[tuple[Library, str]]:
    """Return what to sweep: libraries, each with the folder in it to begin at.

    Libraries of the settings, and folders that are named, are taken in if they are new.

    Args:
        config: The settings in force.
        database: The store.
        folders: What to sweep; none: every library.
        may_widen: Whether a folder around libraries that the settings do not list becomes one with
            them.

    Raises:
        ConfigError: A folder is not there, holds a library and may not, or cannot be one; or there
            is no library at all.
    """
    with database.write() as session:
        named = _take_in(config, session)
        wanted = []
        for folder in folders:
            root = _folder(folder)
            if not _is_known(session, root):
                apart.check(config, [*_roots(session), root])
                _check_widens(session, root, named if may_widen else None)
            wanted.append(_place_of(session, root, None, datetime.now(UTC)))
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
    """Return all libraries: those of the settings are taken in, also while they are not there.

    Raises:
        ConfigError: They do not lie beside each other and beside our own folders.
    """
    with database.write() as session:
        named = _take_in(config, session)
        return [
            library_of(config, row, named.get(Path(row.root))) for row in files.libraries(session)
        ]


def check(config: Config, database: Database) -> None:
    """Check that settings fit the libraries that are known; see `apart.troubles`.

    Raises:
        ConfigError: They do not.
    """
    with database.read() as session:
        apart.check(config, _roots(session))


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


def _take_in(config: Config, session: Session) -> dict[Path, LibrarySettings]:
    """Take in the libraries of the settings; returns these by their roots.

    Raises:
        ConfigError: Libraries do not lie beside each other and beside our own folders.
    """
    apart.check(config, _roots(session))
    named = dict(zip(apart.listed(config), config.settings.libraries, strict=True))
    for root, library in named.items():
        _place_of(session, root, library.name, datetime.now(UTC))
    return named


def _roots(session: Session) -> list[Path]:
    return [Path(row.root) for row in files.libraries(session)]


def _is_known(session: Session, folder: Path) -> bool:
    return any(folder.is_relative_to(root) for root in _roots(session))


def _check_widens(session: Session, folder: Path, named: Collection[Path] | None) -> None:
    """Check that a folder may become one with the libraries in it.

    What the settings say of a library (its sentinel, what is excluded) holds for its root alone,
    and so does what tells a share that is not mounted from one whose files are gone.

    Args:
        session: Of the database.
        folder: A folder that is of no library.
        named: Roots that have to stay; None: all have to.

    Raises:
        ConfigError: It may not; the text tells what to do.
    """
    for row in files.libraries(session):
        root = Path(row.root)
        if not root.is_relative_to(folder):
            continue
        if named is None:
            raise ConfigError(
                f"{folder} holds the library {row.name} ({root}); add the other folders in it one "
                f"by one, or list {folder} under libraries: in the settings and reload"
            )
        if root in named:
            raise ConfigError(
                f"{folder} holds {root}, which the settings list as a library; list {folder} there "
                "in its place, or index the other folders in it one by one"
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
        # Our own folders would be indexed over and over: each preview makes a preview.
        exclude=(*section.exclude, *own, *map(literal, apart.own_in(Path(row.root), config))),
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
