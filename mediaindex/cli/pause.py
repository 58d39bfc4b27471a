"""`mediaindex pause`: let a stage do nothing for a while."""

import click

from mediaindex import parts
from mediaindex.cli.output import put_json, settings_of
from mediaindex.pipeline.stage import STAGES
from mediaindex.store import pauses


@click.command()
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def pause(ctx: click.Context, stage: str, as_json: bool) -> int:
    """Let STAGE do nothing more, in this run and in later ones, until: mediaindex resume STAGE.

    What it has begun ends first. All other stages go on, and so does search.
    """
    database = parts.store(settings_of(ctx))
    try:
        with database.write() as session:
            pauses.pause(session, stage)
    finally:
        database.close()
    if as_json:
        put_json({"version": 1, "stage": stage, "paused": True})
    else:
        click.echo(f"{stage} is paused; to let it go on: mediaindex resume {stage}")
    return 0
