"""Where an export may be written: nowhere in, on or around a folder of media."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.exporting.folder import Identity
from mediaindex.store import exports, files


def media_folders(config: Config, session: Session | None) -> tuple[list[Path], list[Path]]:
    """Return the folders of all libraries, and those that links in them may lead to.

    Args:
        config: The settings in force; their libraries count before they are indexed, too.
        session: Of the database; None if there is none yet.
    """
    roots = {parts.absolute(Path(library.path)) for library in config.settings.libraries}
    linked: list[Path] = []
    if session is not None:
        roots |= {Path(library.root) for library in files.libraries(session)}
        linked = list(exports.folders(session)) if config.settings.sweep.follow_links else []
    return sorted(roots), linked


def check_file(config: Config, to: Path, others: Sequence[Path] = ()) -> None:
    """Check that a single file may be written: not in a folder of media.

    Args:
        config: The settings in force.
        to: As the user names it; a link is followed.
        others: More folders of media.

    Raises:
        ConfigError: It lies in one of these.
    """
    if config.database_path.exists():
        with closing(parts.store(config)) as database, database.read() as session:
            roots, linked = media_folders(config, session)
    else:
        roots, linked = media_folders(config, None)
    try:
        place = to.resolve().parent
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"{to} cannot be written: {error}") from error
    _check_outside(to, place, [*roots, *others], linked)


def checked_place(
    to: Path, roots: Sequence[Path], linked: Sequence[Path], own: Sequence[Path]
) -> tuple[Path, frozenset[Identity]]:
    """Return the folder `to` without links, and what tells the libraries' folders from others.

    By name and by identity: a folder may be reached by another name (a bind mount, capitals on a
    file system that does not tell them apart).

    Args:
        to: As the user names it; it need not exist.
        roots: The folders of all libraries.
        linked: Folders in libraries that may lie elsewhere, behind links that are followed.
        own: Folders of the program, which are emptied at times.

    Raises:
        ConfigError: It is, holds, or lies in one of these.
    """
    try:
        place = to.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"{to} is no folder that can be written to: {error}") from error
    _check_outside(to, place, roots, linked)
    media: set[Identity] = set()
    for root in roots:
        real = root.resolve()
        if real.is_relative_to(place) or _of(place) in set(_identities(real.parents)):
            raise ConfigError(f"{to} holds the library {root}; choose a folder beside it")
        media.update(_identities([real]))
    media.update(_identities(linked))
    for folder in own:
        if place.is_relative_to(folder.resolve()):
            raise ConfigError(f"{to} lies in {folder}, which mediaindex keeps for itself")
    return place, frozenset(media)


def _check_outside(to: Path, place: Path, roots: Iterable[Path], linked: Iterable[Path]) -> None:
    around = set(_identities((place, *place.parents)))
    for root in roots:
        real = root.resolve()
        if place.is_relative_to(real) or _of(real) in around:
            raise _inside(to, f"the library {root}")
    for folder in linked:
        if _of(folder) in around:
            raise _inside(to, f"{folder}, a folder of a library")


def _inside(to: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{to} lies in {what}; media folders are never written to, choose a folder elsewhere"
    )


def _identities(paths: Iterable[Path]) -> Iterator[Identity]:
    """Yield what tells these folders from all others, of those that are there."""
    for path in paths:
        identity = _of(path)
        if identity is not None:
            yield identity


def _of(path: Path) -> Identity | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
