"""`mediaindex status`: what is indexed, what waits and why, and what went wrong."""

import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from mediaindex import describers
from mediaindex.captioners.speed import slowed
from mediaindex.cli.output import (
    counted,
    duration,
    printable,
    put_json,
    put_table,
    settings_of,
    size,
)
from mediaindex.config import Config
from mediaindex.pipeline.serving import serving
from mediaindex.store import captions, counts, pauses
from mediaindex.store.database import open_database

SLOWED = (
    "the model answers {now:.0f} tokens a second, and used to answer {usual:.0f}: most often it "
    "has fallen back from the GPU to the processor; restart its server"
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.option("--failures", default=10, show_default=True, help="Show at most this many failures.")
@click.pass_context
def status(ctx: click.Context, as_json: bool, failures: int) -> int:
    """Show what is indexed, what is waiting and why, and what failed and why."""
    config = settings_of(ctx)
    if not config.database_path.exists():
        raise click.ClickException(
            f"nothing is indexed yet (no {config.database_path}); try: mediaindex index ~/Pictures"
        )
    found = _read(config, failures)
    if as_json:
        put_json(found)
    else:
        _tell(found)
    return 0


def _read(config: Config, failures: int) -> dict[str, Any]:
    database = open_database(config.database_path)
    try:
        with database.read() as session:
            model = serving(session)
            return {
                "version": 1,
                "libraries": [asdict(row) for row in counts.count_libraries(session)],
                "assets": counts.count_assets(session),
                "files": counts.count_files(session),
                "stages": {
                    name: asdict(work) | {"blocked": counts.blocked_reason(session, name)}
                    for name, work in counts.count_work(session).items()
                    if name != "caption" or config.settings.caption.use != "off" or work.done
                },
                "blocked": [
                    {"stage": row.stage, "reason": row.blocked_reason, "since": row.blocked_since}
                    for row in counts.count_stages(session)
                    if row.blocked_reason
                ],
                "paused": sorted(pauses.paused(session)),
                "captions": _captions(config, session),
                "troubles": [asdict(row) for row in counts.troubles(session, failures)],
                "trouble_count": counts.count_troubles(session),
                "model": None if model is None else model.model_id,
                "disk_bytes": {
                    "state": _disk(config.state_dir),
                    "previews": _disk(config.cache_dir / "previews"),
                    "index": _disk(config.cache_dir / "index"),
                    "models": _disk(config.models_dir),
                },
            }
    finally:
        database.close()


def _tell(found: dict[str, Any]) -> None:
    for library in found["libraries"]:
        gone = f", {library['missing_files']:,} missing" if library["missing_files"] else ""
        there = counted(library["files"], "file")
        click.echo(f"{library['name']}: {there}{gone}  ({printable(library['root'])})")
        if library["offline_reason"]:
            click.echo(f"  offline: {library['offline_reason']}")
    click.echo(f"Files: {_files(found)}")
    click.echo(f"Model: {found['model'] or 'none yet'}\n")
    columns = ("done", "waiting", "failed", "total")
    rows = [("stage", *columns)]
    rows += [
        (name, *(f"{work[column]:,}" for column in columns))
        for name, work in found["stages"].items()
    ]
    put_table(rows, right=(1, 2, 3, 4))
    for blocked in found["blocked"]:
        click.echo(f"{blocked['stage']} waits: {blocked['reason']}")
    for stage in found["paused"]:
        click.echo(f"{stage} is paused; to let it go on: mediaindex resume {stage}")
    if found["captions"] is not None:
        _tell_captions(found["captions"])
    _tell_troubles(found)
    used = ", ".join(f"{name} {size(number)}" for name, number in found["disk_bytes"].items())
    click.echo(f"\nDisk: {used}")


def _captions(config: Config, session: Session) -> dict[str, Any] | None:
    """Return how describing goes, None where nothing is to be described and nothing was."""
    section = config.settings.caption
    pace = captions.pace(session, describers.version(config))
    if section.use == "off" and not pace.described:
        return None
    at_once = sum(server.at_once for server in describers.servers(config))
    each_s = None if pace.duration_ms is None else pace.duration_ms / 1000
    slowdown = slowed(*captions.speeds(session, section.model))
    return {
        "model": section.model if section.use != "off" else None,
        "described": pace.described,
        "rejected": pace.rejected,
        "reasons": dict(pace.reasons),
        "lacking": pace.lacking,
        "seconds_each": each_s,
        "eta_s": None if each_s is None else pace.lacking * each_s / at_once,
        "slowed": None if slowdown is None else asdict(slowdown),
    }


def _tell_captions(found: dict[str, Any]) -> None:
    total = found["described"] + found["lacking"]
    line = f"Captions: {found['described']:,} of {counted(total, 'moment')} described"
    if found["eta_s"]:
        line += f"; about {duration(found['eta_s'])} left, {found['seconds_each']:.1f} s each"
    click.echo(line)
    if found["rejected"]:
        click.echo(
            f"  of {counted(found['rejected'], 'moment')} nothing worth keeping was said: "
            + ", ".join(f"{reason} ({number:,})" for reason, number in found["reasons"].items())
        )
    if found["slowed"]:
        click.echo(f"  {SLOWED.format(**found['slowed'])}")


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


def _tell_troubles(found: dict[str, Any]) -> None:
    if not found["troubles"]:
        return
    click.echo()
    for trouble in found["troubles"]:
        verb = "failed" if trouble["state"] == "failed" else "waits"
        click.echo(printable(trouble["path"]))
        click.echo(f"  {trouble['stage']} {verb}: {printable(trouble['reason'])}")
    more = found["trouble_count"] - len(found["troubles"])
    if more > 0:
        click.echo(f"... and {more:,} more (mediaindex status --failures {found['trouble_count']})")
    click.echo("To try them again: mediaindex retry --failed, then mediaindex index")


def _disk(folder: Path) -> int:
    total_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # a run that is at work makes and moves files
                total_bytes += Path(parent, name).lstat().st_size
    return total_bytes
