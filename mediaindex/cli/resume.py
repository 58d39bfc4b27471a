"""`mediaindex resume`: let a paused stage go on."""

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
def resume(ctx: click.Context, stage: str | None, as_json: bool) -> int:
    """Let STAGE go on that was paused; a run that is at work notices within a second or two."""
    stage = stage_of(stage)
    config = settings_of(ctx)
    daemon = daemon_of(config)
    if daemon is not None:
        was_paused = stage in daemon.get("/api/v1/status", failures=0)["paused"]
        is_running = True
        daemon.post(f"/api/v1/stages/{stage}/resume")
    else:
        was_paused, is_running = _resume(config, stage)
    if as_json:
        put_json({"version": 1, "stage": stage, "paused": False, "running": is_running})
    elif not was_paused:
        click.echo(f"{stage} was not paused")
    elif is_running:
        click.echo(f"{stage} goes on")
    else:
        click.echo(f"{stage} will go on with the next mediaindex index; no run is at work now")
    return 0


def _resume(config: Config, stage: str) -> tuple[bool, bool]:
    """Let a stage go on; return whether it was paused, and whether a run is at work."""
    database = parts.store(config)
    try:
        with database.write() as session:
            was_paused = pauses.resume(session, stage)
    finally:
        database.close()
    return was_paused, is_held(config.state_dir)
