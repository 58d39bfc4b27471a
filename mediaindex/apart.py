"""Where media lie, and where we write: neither ever lies in the other."""

import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import permutations
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.store import exports, files
from mediaindex.store.libraries import roots_on_disk

Identity = tuple[int, int]
"""Device and inode of a folder."""

SYSTEM = {
    "/proc": "what runs now",
    "/sys": "what the kernel tells",
    "/dev": "devices",
    "/run": "what programs need until the next start",
    "/boot": "what the machine starts from",
    "/etc": "settings of the machine",
}
"""Folders that hold no media, and what they hold."""

MOUNTED = (Path("/run/media"), Path("/run/user"))
"""Where desktops mount disks and shares."""


def listed(config: Config) -> list[Path]:
    """Return the roots of the libraries that the settings list."""
    return [parts.absolute(Path(library.path)) for library in config.settings.libraries]


def own_folders(config: Config) -> dict[str, Path]:
    """Return the folders that we write into, by the settings that name them."""
    named = {
        "state_dir": config.state_dir,
        "cache_dir": config.cache_dir,
        "backup.folder": config.backup_dir,
    }
    return {key: parts.absolute(folder) for key, folder in named.items()}


def media_folders(config: Config, session: Session | None) -> tuple[list[Path], list[Path]]:
    """Return the folders of all libraries, and those that links in them may lead to.

    Args:
        config: The settings in force; their libraries count before they are indexed, too.
        session: Of the database; None if there is none yet.
    """
    roots = set(listed(config))
    linked: list[Path] = []
    if session is not None:
        roots |= {Path(library.root) for library in files.libraries(session)}
        linked = list(exports.folders(session)) if config.settings.sweep.follow_links else []
    return sorted(roots), linked


def check(config: Config, roots: Collection[Path] | None = None) -> None:
    """Check that libraries and our own folders lie beside each other; see `troubles`.

    Args:
        config: The settings in force.
        roots: Of the libraries that are known, or to be; None: of those in the database, which
            need not be there and is not changed.

    Raises:
        ConfigError: They do not.
    """
    known = roots_on_disk(config.database_path) if roots is None else roots
    for trouble in troubles(config, known):
        raise ConfigError(trouble)


def troubles(config: Config, roots: Iterable[Path]) -> Iterator[str]:
    """Yield what is wrong with where libraries and our own folders lie, for people.

    By their names alone: a look at a share that hangs would hang, too.
    """
    wanted = listed(config)
    for inner, outer in permutations(dict.fromkeys(wanted), 2):
        if inner.is_relative_to(outer):
            yield (
                f"libraries: {inner} lies in {outer}, which is listed, too; list one of them, or "
                "the other folders one by one"
            )
    own = own_folders(config)
    socket = parts.absolute(config.socket_path)
    for root in sorted({*wanted, *roots}):
        yield from _unfit(root)
        for key, folder in own.items():
            if folder.is_relative_to(root) and not _is_passed_by(folder, root, config):
                yield _written_inside(key, folder, root)
            elif root.is_relative_to(folder):
                yield (
                    f"{root} lies in {folder} ({key}), which mediaindex keeps for itself and is no "
                    f"library; {_otherwise(root)}"
                )
        if socket.is_relative_to(root) and not _is_passed_by(socket, root, config):
            yield _written_inside("serve.socket", socket, root)


def unheeded(config: Config, roots: Iterable[Path]) -> Iterator[str]:
    """Yield which libraries of the settings are part of one that is known, for people.

    Args:
        config: The settings in force.
        roots: Of the libraries that are known.
    """
    known = set(roots)
    for inner in listed(config):
        for outer in sorted(known - {inner}):
            if inner.is_relative_to(outer):
                yield (
                    f"{inner} is listed, and is part of the library {outer}, so what the settings "
                    f"say of it (name, exclude, sentinel, watch) is not heeded; list {outer} in "
                    f"its place, or: mediaindex forget {shlex.quote(str(outer))}"
                )


def check_outside(
    to: Path, place: Path, roots: Iterable[Path], linked: Iterable[Path] = ()
) -> None:
    """Check that what is written to `place` is not written into a folder of media.

    By name and by identity: a folder may be reached by another name (a bind mount, capitals on a
    file system that does not tell them apart).

    Args:
        to: As the user names it.
        place: The folder, without links; it need not exist.
        roots: The folders of all libraries.
        linked: Folders in libraries that may lie elsewhere, behind links that are followed.

    Raises:
        ConfigError: It lies in one of these.
    """
    around = set(identities((place, *place.parents)))
    for root in roots:
        real = root.resolve()
        if place.is_relative_to(real) or identity(real) in around:
            raise _inside(to, f"the library {root}")
    for folder in linked:
        if identity(folder) in around:
            raise _inside(to, f"{folder}, a folder of a library")


def check_not_around(to: Path, place: Path, roots: Iterable[Path]) -> None:
    """Check that no library lies in `place`, by name and by identity; args as `check_outside`.

    Raises:
        ConfigError: One does.
    """
    itself = identity(place)
    for root in roots:
        real = root.resolve()
        if real.is_relative_to(place) or (itself and itself in set(identities(real.parents))):
            raise ConfigError(f"{to} holds the library {root}; choose a folder beside it")


def check_written(config: Config, to: Path, *, is_folder: bool) -> None:
    """Check that a file or folder which a command is about to write has nothing to do with media.

    Args:
        config: The settings in force.
        to: As the user names it; a link is followed.
        is_folder: It is a folder for us alone, and may hold no library either.

    Raises:
        ConfigError: It lies in a library, or holds one.
    """
    roots = sorted({*listed(config), *roots_on_disk(config.database_path)})
    try:
        place = to.expanduser().resolve()
    except (OSError, RuntimeError) as error:
        raise ConfigError(f"{to} cannot be written: {error}") from error
    check_outside(to, place if is_folder else place.parent, roots)
    if is_folder:
        check_not_around(to, place, roots)


def own_in(root: Path, config: Config) -> Sequence[str]:
    """Return the paths in a library of folders of ours that lie there all the same."""
    return sorted(
        {
            folder.relative_to(root).as_posix()
            for folder in own_folders(config).values()
            if folder != root and folder.is_relative_to(root)
        }
    )


def identities(paths: Iterable[Path]) -> Iterator[Identity]:
    """Yield what tells these folders from all others, of those that are there."""
    for path in paths:
        found = identity(path)
        if found is not None:
            yield found


def identity(path: Path) -> Identity | None:
    """Return what tells a folder from all others; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_passed_by(ours: Path, root: Path, config: Config) -> bool:
    """Return whether it is no part of the library: ~/.local in a home folder that is one."""
    inside = ours.relative_to(root).parts
    return not config.settings.sweep.hidden and any(name.startswith(".") for name in inside)


def _unfit(root: Path) -> Iterator[str]:
    if root == Path("/"):
        yield "/ is the whole machine and no library; name the folders with photos one by one"
    if any(root.is_relative_to(place) and root != place for place in MOUNTED):
        return
    for folder, held in SYSTEM.items():
        if root.is_relative_to(folder):
            yield f"{root} cannot be a library: {folder} holds {held}"


def _written_inside(key: str, written: Path, root: Path) -> str:
    return (
        f"{key}: {written} lies in the library {root}, and media folders are never written to; "
        f"set {key} to a place elsewhere, or {_otherwise(root)}"
    )


def _otherwise(root: Path) -> str:
    return (
        "index the folders with photos one by one (if this is a library already, mediaindex "
        f"status tells its name, and mediaindex forget takes {root} out of the index)"
    )


def _inside(to: Path, what: str) -> ConfigError:
    return ConfigError(
        f"{to} lies in {what}; media folders are never written to, choose a folder elsewhere"
    )
