"""`mediaindex resume`: let a paused stage go on."""

import click

from mediaindex import parts
from mediaindex.cli.output import put_json, settings_of
from mediaindex.pipeline.stage import STAGES
from mediaindex.store import pauses


@click.command()
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def resume(ctx: click.Context, stage: str, as_json: bool) -> int:
    """Let STAGE go on that was paused; a run that is at work notices within a second or two."""
    database = parts.store(settings_of(ctx))
    try:
        with database.write() as session:
            was_paused = pauses.resume(session, stage)
    finally:
        database.close()
    if as_json:
        put_json({"version": 1, "stage": stage, "paused": False})
    else:
        click.echo(f"{stage} goes on" if was_paused else f"{stage} was not paused")
    return 0
