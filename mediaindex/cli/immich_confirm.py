"""`mediaindex immich confirm` and `show`: what it means that photos vanished from Immich."""

from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex.cli.immich_opened import have_noticed, opened
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.errors import QueryError
from mediaindex.immich.deciding import confirm, show
from mediaindex.pipeline.again import not_a_file
from mediaindex.store import immich_accounts
from mediaindex.store.files import find_file
from mediaindex.store.lock import immich_lock

STILL_HIDDEN = 1


@click.command("confirm")
@click.option(
    "--deleted",
    "means",
    flag_value="deleted",
    help="They were deleted from Immich: forget what it knew of them, and show them here.",
)
@click.option(
    "--locked",
    "means",
    flag_value="locked",
    help="They were locked there: do not show them here either.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_confirm(ctx: click.Context, means: str | None, yes: bool, as_json: bool) -> int:
    """Say what it means that many photos vanished from Immich at once.

    A photo that somebody locks in Immich looks to us just like one that was deleted: it is not
    listed any more. A few are taken for locked; when it is most of them, a library was removed more
    likely, or the key changed, and nothing is done until you say so.
    """
    if means is None:
        raise click.UsageError("say what happened to them: --deleted or --locked")
    config = settings_of(ctx)
    done: dict[str, int] = {}
    with opened(config) as database:
        with database.read() as session:
            held = [row for row in immich_accounts.accounts(session) if row.held_back]
            session.expunge_all()
        for row in held:
            who = f"{printable(row.user_name)} at {printable(row.url)}"
            if not yes:
                many = counted(row.held_back, "photo")
                then = "shown here" if means == "deleted" else "not shown here any more"
                question = f"{many} of {who} were {means}, and will be {then}?"
                click.confirm(question, abort=True, err=True)
            with immich_lock(config.state_dir):
                number = confirm(database, row.id, datetime.now(UTC), deleted=means == "deleted")
            done[row.user_name] = done.get(row.user_name, 0) + number
    if done:
        have_noticed(config)
    if as_json:
        put_json({"version": 1, "means": means, "confirmed": done})
    elif not done:
        click.echo("nothing has vanished from Immich that has to be confirmed", err=True)
    else:
        click.echo(f"{counted(sum(done.values()), 'photo')} confirmed as {means}")
    return 0


@click.command("show")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_show(ctx: click.Context, files: tuple[Path, ...], as_json: bool) -> int:
    """Show FILES again that vanished from Immich, and so count as locked.

    For photos that were deleted there and not locked; mediaindex immich status --vanished lists
    them. The exit code is 1 if one of them is not shown for another reason.
    """
    config = settings_of(ctx)
    shown: list[str] = []
    hidden: list[str] = []
    with opened(config) as database:
        with database.read() as session:
            ids = {file: _asset_of(session, file) for file in files}
        with immich_lock(config.state_dir):
            for file, asset_id in ids.items():
                (shown if show(database, asset_id) else hidden).append(str(file))
    if shown:
        have_noticed(config)
    if as_json:
        put_json({"version": 1, "shown": shown, "left": hidden})
        return STILL_HIDDEN if hidden else 0
    for name in shown:
        click.echo(f"{printable(name)} is shown again")
    for name in hidden:
        click.echo(
            f"{printable(name)} did not vanish from Immich, or is locked there still", err=True
        )
    return STILL_HIDDEN if hidden else 0


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
