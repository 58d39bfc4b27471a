"""Where an export may be written: nowhere in, on or around a folder of media."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from mediaindex import parts
from mediaindex.apart import check_not_around, check_outside, identities, media_folders
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.exporting.folder import Identity


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
    check_outside(to, place, [*roots, *others], linked)


def checked_place(
    to: Path, roots: Sequence[Path], linked: Sequence[Path], own: Sequence[Path]
) -> tuple[Path, frozenset[Identity]]:
    """Return the folder `to` without links, and what tells the libraries' folders from others.

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
    check_outside(to, place, roots, linked)
    check_not_around(to, place, roots)
    media = {*identities(root.resolve() for root in roots), *identities(linked)}
    for folder in own:
        if place.is_relative_to(folder.resolve()):
            raise ConfigError(f"{to} lies in {folder}, which mediaindex keeps for itself")
    return place, frozenset(media)
