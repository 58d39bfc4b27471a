"""`mediaindex index`: look at folders and work until nothing is left to do."""

import os
import shlex
import signal
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType

import click

from mediaindex.cli.handing_over import hand_over
from mediaindex.cli.held_back import held_back_words
from mediaindex.cli.offer import offer_download
from mediaindex.cli.output import (
    counted,
    printable,
    put_json,
    put_wrapped,
    settings_of,
)
from mediaindex.cli.progress import Display
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.indexing import RunReport, check_folders, run_once
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.sweep import SweepReport
from mediaindex.remote import daemon_of

LOOK_AT_IT, NO_MODEL, INTERRUPTED = 1, 3, 130
"""Exit codes. A file that cannot be read, or a model that nobody asked for, fails no run: both may
stay so for good, and a timer would report them every night."""

FINISHING = "Finishing what was begun; press Ctrl-C again to stop at once."
GOES_ON = "Interrupted; the next run goes on from here."
NO_CAPTIONS = (
    "The daemon describes pictures as its settings say, and this does not wait for it; to have it "
    "leave that alone: mediaindex pause caption"
)


@dataclass(frozen=True)
class Ends:
    """How a run ends, for people."""

    interrupted: str
    #: Of what waits to be tried again: who does it.
    tries_again: str
    blocked: str


ALONE = Ends(
    GOES_ON,
    "the next mediaindex index does it",
    "This run has ended; what waits goes on with the next mediaindex index.",
)
BY_DAEMON = Ends(
    "The daemon goes on; to see how far it is: mediaindex status",
    "the daemon does it",
    "What waits goes on as soon as it can.",
)


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--confirm-removal",
    is_flag=True,
    help="Files that seem to be gone really are gone: let the index forget them.",
)
@click.option(
    "--download/--no-download",
    default=None,
    help="Download the model if it is missing, or do not even ask.",
)
@click.option(
    "--captions/--no-captions",
    default=True,
    help="Have a model describe the pictures, too, or leave that to a later run.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object at the end, for scripts."
)
@click.pass_context
def index(
    ctx: click.Context,
    folders: tuple[Path, ...],
    confirm_removal: bool,
    download: bool | None,
    captions: bool,
    as_json: bool,
) -> int:
    """Index what is new in FOLDERS, or in every library that is known.

    You can interrupt it with Ctrl-C at any time; the next run goes on from there. Your files are
    only read, never changed.

    If a daemon runs (mediaindex serve), it does the work and you look on: FOLDERS become libraries
    of its own, which it keeps up with from now on, and Ctrl-C ends the looking on only.

    Exit codes: 0 all was done that can be done; 1 a library or a folder could not be looked at, or
    so many files are gone that you have to confirm it; 2 a mistake in the command or the settings;
    3 another run is at work, or --download failed; 130 interrupted.
    """
    config = settings_of(ctx)
    daemon = daemon_of(config)
    has_model = _offer(config, daemon, download, may_ask=not as_json)
    with Display(quiet=as_json) as display:
        if daemon is not None:
            if not captions:
                display.say(NO_CAPTIONS)
            report = hand_over(
                daemon, folders, display, confirmed=confirm_removal, captions=captions
            )
        else:
            report = run_once(
                config,
                folders,
                confirmed=confirm_removal,
                captions=captions,
                stop=stop_on_signals(display),
                events=display.events,
            )
    if as_json:
        put_json(_as_json(report))
    else:
        _tell(report, BY_DAEMON if daemon is not None else ALONE)
    if report.interrupted:
        return INTERRUPTED
    if any(_needs_a_person(sweep) for sweep in report.sweeps.values()):
        return LOOK_AT_IT
    return NO_MODEL if download and not has_model else 0


def _offer(config: Config, daemon: Daemon | None, download: bool | None, *, may_ask: bool) -> bool:
    """Fetch the model if it is missing and wanted; False if it was wanted and did not come."""
    if daemon is None:
        check_folders(config)
    elif not _is_ours(config, daemon):
        if download:
            raise ConfigError(
                "the daemon is another user's, and its model is fetched by that user: sudo -u "
                "mediaindex mediaindex model download"
            )
        return True
    return offer_download(config, wanted=download, may_ask=may_ask)


def _is_ours(config: Config, daemon: Daemon) -> bool:
    """Return whether a daemon keeps its state and models where these settings do, and we may."""
    folders = (config.state_dir, config.cache_dir)
    return daemon.socket_path == config.socket_path and all(
        os.access(folder, os.W_OK) for folder in folders
    )


def _needs_a_person(sweep: SweepReport) -> bool:
    return bool(sweep.offline_reason or sweep.unreadable or sweep.held_back)


def stop_on_signals(display: Display) -> threading.Event:
    """Return an event that Ctrl-C or `kill` sets; the second one ends the program at once."""
    stop = threading.Event()

    def end() -> None:
        display.close()
        display.say(GOES_ON)
        os._exit(INTERRUPTED)

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        # Written by a thread of its own: the signal may have come in the middle of writing.
        write = end if stop.is_set() else partial(display.say, FINISHING)
        stop.set()
        threading.Thread(target=write).start()

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
                "paused": stage.is_paused,
            }
            for stage in report.stages
        },
        "failures": report.failures,
        "waiting": report.waiting,
        "purged": report.purged,
        "index_trouble": report.index_trouble,
        "interrupted": report.interrupted,
    }


def _tell(report: RunReport, ends: Ends) -> None:
    for name, sweep in report.sweeps.items():
        _tell_sweep(name, sweep)
    for stage in report.stages:
        _tell_stage(stage)
    if report.purged:
        click.echo(f"  forgot {counted(report.purged, 'photo')} that had long been gone")
    if report.index_trouble:
        put_wrapped(f"  index: {report.index_trouble}; it will be built again")
    if report.failures:
        click.echo(f"{report.failures:,} failed so far; for the reasons: mediaindex status")
    if report.waiting:
        wait = "waits" if report.waiting == 1 else "wait"
        put_wrapped(f"{report.waiting:,} {wait} to be tried again; {ends.tries_again}")
    if report.interrupted:
        click.echo(ends.interrupted)
    elif any(stage.blocked_reason and not stage.is_paused for stage in report.stages):
        put_wrapped(ends.blocked)


def _tell_stage(stage: Progress) -> None:
    if stage.done or stage.failed or stage.postponed:
        extra = f", {stage.failed:,} failed" if stage.failed else ""
        extra += f", {stage.postponed:,} put off" if stage.postponed else ""
        click.echo(f"  {stage.stage}: {stage.done:,} done{extra}")
    if stage.is_paused:
        click.echo(f"  {stage.stage} is paused; mediaindex resume {stage.stage}")
    elif stage.blocked_reason:
        put_wrapped(f"  {stage.stage} waits: {stage.blocked_reason}")


def _tell_sweep(name: str, sweep: SweepReport) -> None:
    if sweep.offline_reason:
        click.echo(f"{name}: offline, left as it is: {sweep.offline_reason}")
        click.echo(f"  If it is gone for good: mediaindex forget {shlex.quote(name)}")
        return
    changes = [
        f"{number:,} {what}"
        for what in ("new", "changed", "moved", "back", "gone")
        if (number := getattr(sweep, what))
    ]
    click.echo(f"{name}: {counted(sweep.seen, 'file')}, {', '.join(changes) or 'nothing new'}")
    if sweep.held_back:
        put_wrapped(f"  {held_back_words(sweep.held_back, name)}")
    for folder, reason in sweep.unreadable.items():
        click.echo(f"  cannot look into {printable(folder or '.')}: {reason}")
