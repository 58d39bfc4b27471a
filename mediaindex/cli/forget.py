"""`mediaindex forget LIBRARY`: take a library out of the index."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.cli import consent
from mediaindex.cli.libraries import named
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.clients.daemon import Daemon, quoted
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.remote import daemon_of
from mediaindex.store import files
from mediaindex.store.forget import count_files, forget_library
from mediaindex.store.lock import worker_lock
from mediaindex.store.tables import LibraryRow


@click.command()
@click.argument("library")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def forget(ctx: click.Context, library: str, yes: bool, as_json: bool) -> int:
    """Take LIBRARY (its name or its folder) out of the index.

    Your files are not touched. What the index knows of them is deleted, unless the same photo also
    lies in another library. To have it back, index the folder again.
    """
    config = settings_of(ctx)
    daemon = daemon_of(config)
    if daemon is not None:
        done = _have_forgotten(daemon, library, yes=yes)
    else:
        done = _forget(config, library, yes=yes)
    if as_json:
        put_json({"version": 1, **vars(done)})
    else:
        files = counted(done.files, "file")
        click.echo(f"forgot {done.library}: {files}; the files themselves stay")
    return 0


@dataclass(frozen=True)
class Forgotten:
    """What was forgotten: a library, and how much of it."""

    library: str
    files: int
    #: Photos and videos that lay nowhere else.
    assets: int


def _have_forgotten(daemon: Daemon, wanted: str, *, yes: bool) -> Forgotten:
    found = named(daemon, wanted)
    count = found["files"] + found["missing_files"]
    if not yes:
        _ask(found["name"], found["root"], count)
    told = daemon.delete(f"/api/v1/libraries/{quoted(found['name'])}")
    return Forgotten(found["name"], count, told["assets"])


def _forget(config: Config, wanted: str, *, yes: bool) -> Forgotten:
    if not config.database_path.exists():
        raise ConfigError("nothing is indexed yet, so there is no library to forget")
    with worker_lock(config.state_dir):
        database = parts.store(config)
        try:
            with database.read() as session:
                found = _find(session, wanted)
                count = count_files(session, found.id)
            _check_not_listed(config, found)
            if not yes:
                _ask(found.name, found.root, count)
            with database.write() as session:
                gone = forget_library(session, found.id, datetime.now(UTC))
        finally:
            database.close()
        previews = parts.previews(config)
        for sha256 in gone:
            previews.remove(sha256)
    return Forgotten(found.name, count, len(gone))


def _find(session: Session, wanted: str) -> LibraryRow:
    known = files.libraries(session)
    for library in known:
        if wanted == library.name or parts.absolute(Path(wanted)) == Path(library.root):
            return library
    names = ", ".join(library.name for library in known) or "none"
    raise ConfigError(f"there is no library {wanted!r}; known: {names}")


def _check_not_listed(config: Config, library: LibraryRow) -> None:
    """Raise ConfigError if the settings list the library: the next run would add it again."""
    for listed in config.settings.libraries:
        if parts.absolute(Path(listed.path)) == Path(library.root):
            raise ConfigError(
                f"{config.file} lists {listed.path} under libraries:, so the next run would add "
                "it again; remove it there first"
            )


def _ask(name: str, root: str, count: int) -> None:
    consent.ask(
        f"Forget the library {name} ({printable(root)}, {counted(count, 'file')})? "
        "The files themselves stay."
    )
