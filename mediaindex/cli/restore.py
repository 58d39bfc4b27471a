"""`mediaindex restore`: bring a backup of the database back."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from mediaindex.care.backup import all_backups
from mediaindex.care.restore import Restored, check_restorable
from mediaindex.care.restore import restore as bring_back
from mediaindex.cli import consent
from mediaindex.cli.noting import noting
from mediaindex.cli.output import printable, put_json, put_table, put_wrapped, settings_of, size
from mediaindex.config import Config


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--list", "lists", is_flag=True, help="Show the backups, and do nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def restore(ctx: click.Context, file: Path | None, lists: bool, yes: bool, as_json: bool) -> int:
    """Put a backup, FILE or the newest, in the place of the database.

    The daemon has to be stopped (systemctl stop mediaindex). The database that is there is set
    aside, not deleted. The search index is built again at the next start, and what changed in your
    folders since the backup is found by the next run.
    """
    config = settings_of(ctx)
    if lists:
        _list(config, as_json=as_json)
        return 0
    path = check_restorable(config, file)
    if not yes:
        consent.ask(
            f"Put {printable(str(path))} in the place of {config.database_path}? "
            "What is there is set aside."
        )
    with noting(quiet=as_json) as on_note:
        report = bring_back(config, path, datetime.now(UTC), on_note)
    if as_json:
        put_json({"version": 1, **asdict(report)})
    else:
        _tell(report)
    return 0


def _list(config: Config, *, as_json: bool) -> None:
    known = all_backups(config)
    if as_json:
        put_json({"version": 1, "backups": [asdict(backup) for backup in known]})
    elif not known:
        click.echo(f"there is no backup in {config.backup_dir}; mediaindex backup makes one")
    else:
        put_table(
            [
                (f"{one.made_at.astimezone():%Y-%m-%d %H:%M}", size(one.size_bytes), str(one.path))
                for one in known
            ],
            right=(1,),
        )


def _tell(report: Restored) -> None:
    click.echo(f"restored {printable(str(report.file))}")
    if report.set_aside is not None:
        click.echo(f"  what was there is now {printable(str(report.set_aside))}")
    put_wrapped("  Start the daemon again (systemctl start mediaindex), or run mediaindex index.")
