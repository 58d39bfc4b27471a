"""`mediaindex pause`: let a stage do nothing for a while."""

import click

from mediaindex import parts
from mediaindex.cli.output import put_json, settings_of
from mediaindex.cli.stages import stage_of
from mediaindex.config import Config
from mediaindex.pipeline.stage import STAGES
from mediaindex.remote import daemon_of
from mediaindex.store import pauses
from mediaindex.store.lock import is_held


@click.command()
@click.argument("stage", type=click.Choice(STAGES), required=False)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def pause(ctx: click.Context, stage: str | None, as_json: bool) -> int:
    """Let STAGE do nothing more, in this run and in later ones, until: mediaindex resume STAGE.

    What it has begun ends first. All other stages go on, and so does search.
    """
    stage = stage_of(stage)
    config = settings_of(ctx)
    daemon = daemon_of(config)
    if daemon is not None:
        daemon.post(f"/api/v1/stages/{stage}/pause")
        is_running = True
    else:
        is_running = _pause(config, stage)
    if as_json:
        put_json({"version": 1, "stage": stage, "paused": True, "running": is_running})
        return 0
    if is_running:
        click.echo(f"{stage} is paused: the run that is at work ends what it has begun")
    else:
        click.echo(f"{stage} is paused; no run is at work now, and the next leaves it out")
    click.echo(f"To let it go on: mediaindex resume {stage}")
    return 0


def _pause(config: Config, stage: str) -> bool:
    """Pause a stage and return whether a run is at work."""
    database = parts.store(config)
    try:
        with database.write() as session:
            pauses.pause(session, stage)
    finally:
        database.close()
    return is_held(config.state_dir)
