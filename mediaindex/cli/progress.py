"""Progress on stderr: a live table on a terminal, a line now and then in a pipe."""

import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType

import click
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mediaindex.cli.output import duration, printable
from mediaindex.indexing import Events
from mediaindex.pipeline.eta import Estimator, Pace
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.sweep import SweepReport
from mediaindex.store.counts import WorkCounts

LINE_EVERY_S = 10.0

SLOW = ("caption", "embed_text", "publish")
"""What goes on for hours or weeks after all pictures can be found."""

SEARCHABLE = "All pictures can be searched now; what they show is being described. Ctrl-C ends it."


class Display:
    """Shows what a run is doing, from the start of the block to its end."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._estimator = Estimator()
        self._live = Live(console=Console(stderr=True), transient=True, refresh_per_second=4)
        self._is_live = not quiet and sys.stderr.isatty()
        self._line_at = 0.0
        self._videos: dict[Path, float] = {}
        self._line = ""

    def __enter__(self) -> "Display":
        if self._is_live:
            self._live.start()
            _log_to_stderr()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the table off the screen; also from a signal handler, and more than once."""
        if self._is_live:
            self._live.stop()
            _log_to_stderr()

    def say(self, line: str) -> None:
        """Write a line at once, above the table if there is one."""
        if self._is_live:
            self._live.console.print(line, markup=False, highlight=False)
        else:
            click.echo(line, err=True)

    def show_videos(self, shares: Mapping[Path, float]) -> None:
        """Show these videos as looked through, and no others; the next look at the table does."""
        self._videos = dict(shares)

    @property
    def events(self) -> Events:
        """What a run tells this display."""
        return Events(self._on_sweep, self._on_progress, self._on_video, self._on_note)

    def _on_sweep(self, name: str, report: SweepReport) -> None:
        self._on_note(f"looking at {name}: {report.seen:,} files, {report.new:,} new")

    def _on_video(self, path: Path, share: float | None) -> None:
        # From a stage's thread; the next look at the table shows it.
        if share is None:
            self._videos.pop(path, None)
        else:
            self._videos[path] = share

    def _on_note(self, note: str) -> None:
        if self._is_live:
            self._live.update(Text(note, no_wrap=True, overflow="ellipsis"))
        else:
            self._say_seldom(note)

    def _on_progress(self, stages: Sequence[Progress], work: Mapping[str, WorkCounts]) -> None:
        able = [
            stage.stage for stage in stages if stage.blocked_reason is None and not stage.is_paused
        ]
        done = {name: work[name].done for name in able}
        aims = {name: work[name].total - work[name].failed for name in able}
        paces = self._estimator.paces(done, aims, time.monotonic())
        if self._is_live:
            self._live.update(table(paces, stages, dict(self._videos)))
        elif paces:
            slowest = max(paces, key=lambda pace: pace.eta_s if pace.eta_s is not None else -1)
            self._say_seldom(_line(slowest))

    def _say_seldom(self, line: str) -> None:
        if self._quiet or line == self._line or time.monotonic() < self._line_at:
            return
        self._line = line
        self._line_at = time.monotonic() + LINE_EVERY_S
        click.echo(line, err=True)


def _log_to_stderr() -> None:
    """Let logs go where stderr leads now: past the table, they would tear it."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(sys.stderr)


def table(paces: Sequence[Pace], stages: Sequence[Progress], videos: Mapping[Path, float]) -> Group:
    """Return what the terminal shows of a run: a line for each stage, and notes below them."""
    rows = Table(box=None, pad_edge=False)
    for heading in ("stage", "done", "of", "a second", "left", ""):
        rows.add_column(heading, justify="left" if heading in ("stage", "") else "right")
    for pace in paces:
        rate = "" if pace.rate is None else f"{pace.rate:.1f}"
        left = "" if pace.eta_s is None else duration(pace.eta_s)
        bar = _bar(pace)
        if not pace.total:  # nothing is known of it yet, and so not that it is done
            left = bar = ""
        rows.add_row(pace.stage, f"{pace.done:,}", f"{pace.total:,}", rate, left, bar)
    for path, share in videos.items():
        name = Text(printable(path.name), no_wrap=True, overflow="ellipsis")
        rows.add_row("", f"{share:.0%}", "", "", "", name)
    for stage in stages:
        if stage.is_paused or stage.blocked_reason is not None:
            rows.add_row(stage.stage, "", "", "", "paused" if stage.is_paused else "waits", "")
    return Group(rows, *map(Text, _notes(paces, stages)))


def _notes(paces: Sequence[Pace], stages: Sequence[Progress]) -> Iterator[str]:
    """Yield what stands below the table: in a column of it, it would crush the others."""
    for stage in stages:
        if stage.blocked_reason is not None and not stage.is_paused:
            yield f"{stage.stage} waits: {printable(stage.blocked_reason)}"
    if any(pace.stage == "caption" for pace in paces) and all(
        pace.done >= pace.total for pace in paces if pace.stage not in SLOW
    ):
        yield SEARCHABLE


def _bar(pace: Pace) -> str:
    share = min(1.0, pace.done / pace.total) if pace.total else 1.0
    return "█" * round(20 * share) + "░" * (20 - round(20 * share))


def _line(pace: Pace) -> str:
    rate = "" if pace.rate is None else f", {pace.rate:.1f} a second"
    left = "" if not pace.eta_s else f", {duration(pace.eta_s)} left"
    return f"{pace.stage}: {pace.done:,} of {pace.total:,}{rate}{left}"
