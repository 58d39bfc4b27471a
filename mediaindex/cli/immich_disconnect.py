"""`mediaindex immich disconnect NAME`: forget an account, and all that was read of it."""

import click

from mediaindex.cli import consent
from mediaindex.cli.immich_opened import have_noticed, opened
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.errors import ConfigError
from mediaindex.immich.accounts import named
from mediaindex.immich.deciding import disconnect
from mediaindex.store import immich
from mediaindex.store.lock import immich_lock


@click.command("disconnect")
@click.argument("account")
@click.option(
    "--keep-words",
    is_flag=True,
    help="Leave in Immich what we wrote there; connected again, immich revert --all takes it out.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_disconnect(
    ctx: click.Context, account: str, keep_words: bool, yes: bool, as_json: bool
) -> int:
    """Forget ACCOUNT (a person's name, or Immich's address), and all that was read of it.

    Its people, albums and tags are not found any more, and what was not shown for being archived,
    trashed or locked there is shown again. Nothing is changed in Immich.
    """
    config = settings_of(ctx)
    with opened(config) as database:
        with database.read() as session:
            found = named(session, account)
            counts = immich.counts(session, found.id)
        who = f"{printable(found.user_name)} at {printable(found.url)}"
        if counts.written and not keep_words:
            raise ConfigError(
                f"{counted(counts.written, 'photo')} of {who} have words of ours in Immich: take "
                "them out first with mediaindex immich revert, or leave them there with "
                "--keep-words (connected again, mediaindex immich revert --all takes them out)"
            )
        if not yes:
            hidden = counts.withheld.get("locked", 0)
            if hidden:
                words = f"{counted(hidden, 'photo')} locked there will be shown here again."
                click.echo(words, err=True)
            consent.ask(f"Forget what was read of {who}?")
        with immich_lock(config.state_dir):
            disconnect(database, found.id)
    have_noticed(config)
    if as_json:
        put_json({"version": 1, "disconnected": found.user_name, "url": found.url})
    else:
        click.echo(f"disconnected {who}; the key in {printable(found.key_file)} is yours to delete")
    return 0
