"""`mediaindex config show`: the settings in force."""

import click
import yaml

from mediaindex.cli.output import put_json, settings_of
from mediaindex.config import as_shown


@click.group()
def config() -> None:
    """Show the settings in force."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """Print every setting as it is in force, secrets masked."""
    found = settings_of(ctx)
    plain = as_shown(found)
    if as_json:
        put_json(plain)
        return
    origin = found.file or "no file: these are the defaults"
    click.echo(f"# {origin}")
    click.echo(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), nl=False)
