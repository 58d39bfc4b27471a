"""`mediaindex index`: look at folders and work until nothing is left to do."""

import shlex
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import click

from mediaindex.cli.model import fetch, missing
from mediaindex.cli.output import put_json, settings_of
from mediaindex.cli.progress import Display
from mediaindex.config import Config
from mediaindex.embedders.clip.presets import ModelInfo, size_words
from mediaindex.indexing import RunReport, run_once
from mediaindex.pipeline.sweep import SweepReport

FAILED = 1


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--confirm-removal",
    is_flag=True,
    help="What seems to be gone is gone: forget it after the time that retention_days gives.",
)
@click.option(
    "--download/--no-download", default=None, help="Fetch missing weights, or do not ask."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object at the end, for scripts.")
@click.pass_context
def index(
    ctx: click.Context,
    folders: tuple[Path, ...],
    confirm_removal: bool,
    download: bool | None,
    as_json: bool,
) -> int:
    """Look at FOLDERS (or at every known library) and index what is new.

    Safe to interrupt (Ctrl-C) and to run again: it goes on where it was. Files are only read.
    """
    config = settings_of(ctx)
    _offer_download(config, download)
    stop = _stop_on_signals()
    with Display(quiet=as_json) as display:
        report = run_once(
            config, folders, confirmed=confirm_removal, stop=stop, events=display.events
        )
    if as_json:
        put_json(_as_json(report))
    else:
        _tell(report)
    if report.interrupted:
        return 130
    return FAILED if any(sweep.offline_reason for sweep in report.sweeps.values()) else 0


def _offer_download(config: Config, download: bool | None) -> None:
    """Fetch the weights if they are missing and the person says so; say what and how much first."""
    info = missing(config)
    if info is None or download is False:
        return
    if download or (sys.stdin.isatty() and sys.stderr.isatty() and _agrees(info)):
        fetch(config, info.name)


def _agrees(info: ModelInfo) -> bool:
    size = size_words(info.download_bytes) if info.download_bytes else "it (size not known)"
    return click.confirm(
        f"The model {info.name!r} is not on this machine; without it, search knows names, dates, "
        f"places and written words, and not what is in a picture.\nDownload {size} now?",
        default=False,
        err=True,
    )


def _stop_on_signals() -> threading.Event:
    """Return an event that Ctrl-C or `kill` sets; the second Ctrl-C ends the program at once."""
    stop = threading.Event()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, signal.SIG_DFL)
        click.echo("\nfinishing what was begun; once more to stop at once", err=True)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop


def _as_json(report: RunReport) -> dict[str, object]:
    return {
        "version": 1,
        "libraries": {name: vars(sweep) for name, sweep in report.sweeps.items()},
        "stages": {
            stage.stage: {
                "done": stage.done,
                "failed": stage.failed,
                "postponed": stage.postponed,
                "blocked": stage.blocked_reason,
            }
            for stage in report.stages
        },
        "purged": report.purged,
        "index_trouble": report.index_trouble,
        "interrupted": report.interrupted,
    }


def _tell(report: RunReport) -> None:
    for name, sweep in report.sweeps.items():
        _tell_sweep(name, sweep)
    for stage in report.stages:
        if stage.done or stage.failed or stage.postponed:
            extra = f", {stage.failed:,} failed" if stage.failed else ""
            extra += f", {stage.postponed:,} put off" if stage.postponed else ""
            click.echo(f"  {stage.stage}: {stage.done:,}{extra}")
        if stage.blocked_reason:
            click.echo(f"  {stage.stage} waits: {stage.blocked_reason}")
    if report.index_trouble:
        click.echo(f"  index: {report.index_trouble}; it will be built again")
    if any(stage.failed for stage in report.stages):
        click.echo("Reasons: mediaindex status")
    if report.interrupted:
        click.echo("Interrupted; the next run goes on from here.")


def _tell_sweep(name: str, sweep: SweepReport) -> None:
    if sweep.offline_reason:
        click.echo(f"{name}: offline, left as it is: {sweep.offline_reason}")
        click.echo(f"  If it is gone for good: mediaindex forget {shlex.quote(name)}")
        return
    click.echo(
        f"{name}: {sweep.seen:,} files; {sweep.new:,} new, {sweep.changed:,} changed, "
        f"{sweep.back:,} back, {sweep.gone:,} gone"
    )
    if sweep.held_back:
        click.echo(
            f"  {sweep.held_back:,} files seem to be gone, which is much at once; nothing was "
            "forgotten. If it is so: mediaindex index --confirm-removal"
        )
    for folder, reason in sweep.unreadable.items():
        click.echo(f"  cannot look into {folder or '.'}: {reason}")
