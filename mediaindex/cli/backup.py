"""`mediaindex backup`: copy the database, also while the daemon is at work."""

from datetime import UTC, datetime
from pathlib import Path

import click

from mediaindex.care.backup import BackedUp, back_up
from mediaindex.cli.noting import noting
from mediaindex.cli.output import printable, put_json, settings_of, size


@click.command()
@click.argument("target", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def backup(ctx: click.Context, target: Path | None, as_json: bool) -> int:
    """Copy the database into the folder of backups, or to TARGET, a new file or a folder.

    All that mediaindex knows and cannot make again is in it: settings, previews and models are not.
    The daemon, or a run, may go on meanwhile. Of the copies in the folder of backups the newest are
    kept (backup.keep); for the way back: mediaindex restore.
    """
    config = settings_of(ctx)
    where = None if target is None else target.expanduser().absolute()
    with noting(quiet=as_json) as on_note:
        report = back_up(config, datetime.now(UTC), on_note, where)
    if as_json:
        put_json(_as_json(report))
    else:
        made = report.made
        click.echo(f"backed up to {printable(str(made.path))} ({size(made.size_bytes)})")
        for path in report.removed:
            click.echo(f"  removed {printable(str(path))}, the oldest")
    return 0


def _as_json(report: BackedUp) -> dict[str, object]:
    return {
        "version": 1,
        "path": report.made.path,
        "made_at": report.made.made_at,
        "size_bytes": report.made.size_bytes,
        "removed": list(report.removed),
    }
