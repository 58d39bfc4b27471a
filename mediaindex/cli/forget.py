"""`mediaindex forget LIBRARY`: take a library out of the index."""

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.config import Config
from mediaindex.errors import ConfigError
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
    if not config.database_path.exists():
        raise ConfigError("nothing is indexed yet, so there is no library to forget")
    with worker_lock(config.state_dir):
        database = parts.store(config)
        try:
            with database.read() as session:
                found = _find(session, library)
                count = count_files(session, found.id)
            _check_not_listed(config, found)
            if not yes:
                _ask(found, count)
            with database.write() as session:
                gone = forget_library(session, found.id, datetime.now(UTC))
        finally:
            database.close()
        previews = parts.previews(config)
        for sha256 in gone:
            previews.remove(sha256)
    if as_json:
        put_json({"version": 1, "library": found.name, "files": count, "assets": len(gone)})
    else:
        click.echo(f"forgot {found.name}: {counted(count, 'file')}; the files themselves stay")
    return 0


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


def _ask(library: LibraryRow, count: int) -> None:
    where = printable(library.root)
    click.confirm(
        f"Forget the library {library.name} ({where}, {counted(count, 'file')})? "
        "The files themselves stay.",
        abort=True,
        err=True,
    )
