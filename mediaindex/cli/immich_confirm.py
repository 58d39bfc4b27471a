"""`mediaindex immich confirm`: what it means that photos vanished from Immich."""

from datetime import UTC, datetime

import click

from mediaindex.cli import consent
from mediaindex.cli.immich_opened import have_noticed, opened
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.immich.deciding import confirm
from mediaindex.store import immich_accounts
from mediaindex.store.lock import immich_lock


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
                consent.ask(f"{many} of {who} were {means}, and will be {then}?")
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
