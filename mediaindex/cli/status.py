"""`mediaindex status`: what is indexed, what waits and why, and what went wrong."""

from typing import Any

import click

from mediaindex.cli.describing import put_describing
from mediaindex.cli.held_back import held_back_words
from mediaindex.cli.output import (
    counted,
    printable,
    put_json,
    put_table,
    put_wrapped,
    settings_of,
    size,
)
from mediaindex.cli.reading import daemon_to_read
from mediaindex.cli.running import put_daemon
from mediaindex.config import Config

MOST_FAILURES = 10_000
"""So many failures does a daemon name at most."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.option(
    "--failures",
    default=10,
    show_default=True,
    help="Show at most this many failures, and this many pictures without a description.",
)
@click.pass_context
def status(ctx: click.Context, as_json: bool, failures: int) -> int:
    """Show what is indexed, what is waiting and why, and what failed and why.

    If a daemon runs (mediaindex serve), also what it does, and how it notices changes.
    """
    config = settings_of(ctx)
    daemon = daemon_to_read(config)
    if daemon is not None:
        found = daemon.get("/api/v1/status", failures=min(max(0, failures), MOST_FAILURES))
    else:
        found = _look(config, failures)
    if as_json:
        put_json(found)
    else:
        _tell(found)
    return 0


def _look(config: Config, failures: int) -> dict[str, Any]:
    if not config.database_path.exists():
        raise click.ClickException(
            f"nothing is indexed yet (no {config.database_path}); try: mediaindex index ~/Pictures"
        )
    # It takes longer to load than a daemon takes to answer.
    from mediaindex.overview import overview
    from mediaindex.store.database import open_database

    database = open_database(config.database_path)
    try:
        return {**overview(config, database, failures), "daemon": None}
    finally:
        database.close()


def _tell(found: dict[str, Any]) -> None:
    for library in found["libraries"]:
        gone = f", {library['missing_files']:,} missing" if library["missing_files"] else ""
        there = counted(library["files"], "file")
        click.echo(f"{library['name']}: {there}{gone}  ({printable(library['root'])})")
        if library["offline_reason"]:
            put_wrapped(f"  offline: {library['offline_reason']}")
        if library["held_back"]:
            put_wrapped(f"  {held_back_words(library['held_back'], library['name'])}")
    put_wrapped(f"Files: {_files(found)}")
    if found.get("withheld"):  # a daemon of an older version does not tell
        put_wrapped(f"Not shown: {_withheld(found['withheld'])}")
    click.echo(f"Model: {found['model'] or 'none yet'}\n")
    columns = ("done", "waiting", "failed", "total")
    rows = [("stage", *columns)]
    rows += [
        (name, *(f"{work[column]:,}" for column in columns))
        for name, work in found["stages"].items()
    ]
    put_table(rows, right=(1, 2, 3, 4))
    for blocked in found["blocked"]:
        put_wrapped(f"{blocked['stage']} waits: {blocked['reason']}")
    for stage in found["paused"]:
        click.echo(f"{stage} is paused; to let it go on: mediaindex resume {stage}")
    if found["captions"] is not None:
        put_describing(found["captions"])
    if found["daemon"] is not None:
        click.echo()
        put_daemon(found)
    _tell_troubles(found)
    used = ", ".join(f"{name} {size(number)}" for name, number in found["disk_bytes"].items())
    click.echo()
    put_wrapped(f"Disk: {used}")


def _files(found: dict[str, Any]) -> str:
    """Return which files there are; the numbers add up to those of the libraries."""
    files, identify = found["files"], found["stages"]["identify"]
    photos = counted(files.get("photo", 0), "photo")
    different = found["assets"]["photo"]
    if different != files.get("photo", 0):
        photos += f" ({different:,} different)"
    parts = {
        counted(files.get("video", 0), "video"): files.get("video"),
        counted(files.get("sidecar", 0), "sidecar"): files.get("sidecar"),
        f"{files.get('other', 0):,} of other kinds": files.get("other"),
        f"{identify['failed']:,} unreadable": identify["failed"],
        f"{identify['waiting']:,} not looked into yet": identify["waiting"],
    }
    return ", ".join([photos, *(part for part, number in parts.items() if number)])


def _withheld(found: dict[str, int]) -> str:
    reasons = ", ".join(f"{number:,} {reason}" for reason, number in sorted(found.items()))
    return f"{sum(found.values()):,} ({reasons})"


def _tell_troubles(found: dict[str, Any]) -> None:
    if not found["troubles"]:
        return
    click.echo()
    for trouble in found["troubles"]:
        verb = "failed" if trouble["state"] == "failed" else "waits"
        click.echo(printable(trouble["path"]))
        put_wrapped(f"  {trouble['stage']} {verb}: {printable(trouble['reason'])}")
    more = found["trouble_count"] - len(found["troubles"])
    if more > 0:
        click.echo(f"... and {more:,} more (mediaindex status --failures {found['trouble_count']})")
    then = "" if found["daemon"] else ", then mediaindex index"
    click.echo(f"To try them again: mediaindex retry --failed{then}")
