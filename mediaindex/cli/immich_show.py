"""`mediaindex immich show FILES`: show photos again that vanished from Immich."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex.cli import consent
from mediaindex.cli.immich_opened import have_noticed, opened
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.config import Config
from mediaindex.errors import QueryError
from mediaindex.immich.asked_locked import UPLOAD, is_locked_there
from mediaindex.immich.deciding import show
from mediaindex.pipeline.again import not_a_file
from mediaindex.store.database import Database
from mediaindex.store.files import find_file
from mediaindex.store.lock import immich_lock

STILL_HIDDEN = 1

CANNOT_KNOW = (
    "Whether {} locked in Immich or deleted there cannot be known now: that takes the permission "
    f"{UPLOAD}, and an Immich that answers. Show {{}} here?"
)


@dataclass
class _Done:
    """What became of the files."""

    shown: list[str] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list)


@click.command("show")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--even-if-locked", is_flag=True, help="Also what Immich says is locked there.")
@click.option("--yes", is_flag=True, help="Do not ask where Immich cannot tell.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_show(
    ctx: click.Context, files: tuple[Path, ...], even_if_locked: bool, yes: bool, as_json: bool
) -> int:
    """Show FILES again that vanished from Immich, and so count as locked.

    For photos that were deleted there and not locked; mediaindex immich status --vanished lists
    them. What Immich says is locked is not shown; where it cannot tell, you are asked. The exit
    code is 1 if one of them is not shown for another reason, or as it is locked.
    """
    config = settings_of(ctx)
    with opened(config) as database:
        with database.read() as session:
            ids = {file: _asset_of(session, file) for file in files}
        locked = set[Path]()
        if not even_if_locked:
            locked = _locked(config, database, ids, yes=yes)
        with immich_lock(config.state_dir):
            done = _show(database, ids, locked)
    if done.shown:
        have_noticed(config)
    if as_json:
        left = [*done.locked, *done.hidden]
        put_json({"version": 1, "shown": done.shown, "left": left, "locked": done.locked})
    else:
        _tell(done)
    return STILL_HIDDEN if done.locked or done.hidden else 0


def _locked(config: Config, database: Database, ids: Mapping[Path, int], *, yes: bool) -> set[Path]:
    """Return which are locked in Immich; of those that it cannot tell of the person is asked."""
    said = {file: is_locked_there(config, database, asset_id) for file, asset_id in ids.items()}
    unknown = [file for file, what in said.items() if what == "unknown"]
    if unknown and not yes:
        consent.ask(CANNOT_KNOW.format(*_named(unknown)))
    return {file for file, what in said.items() if what == "locked"}


def _named(files: Sequence[Path]) -> tuple[str, str]:
    if len(files) == 1:
        return f"{printable(str(files[0]))} was", "it"
    return f"{counted(len(files), 'file')} were", "them"


def _show(database: Database, ids: Mapping[Path, int], locked: set[Path]) -> _Done:
    done = _Done()
    for file, asset_id in ids.items():
        if file in locked:
            done.locked.append(str(file))
        elif show(database, asset_id):
            done.shown.append(str(file))
        else:
            done.hidden.append(str(file))
    return done


def _tell(done: _Done) -> None:
    for name in done.shown:
        click.echo(f"{printable(name)} is shown again")
    for name in done.locked:
        click.echo(f"{printable(name)}: it is locked in Immich; unlock it there", err=True)
    for name in done.hidden:
        click.echo(
            f"{printable(name)} did not vanish from Immich, or is locked there still", err=True
        )


def _asset_of(session: Session, file: Path) -> int:
    """Return the asset of a file.

    Raises:
        QueryError: It is not in the index.
    """
    path = file.expanduser()
    row = find_file(session, path.parent.resolve() / path.name)
    if row is None or row.asset_id is None:
        raise QueryError(not_a_file(file))
    return row.asset_id
