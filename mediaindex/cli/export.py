"""`mediaindex export`: what is known, in files that other programs read."""

import signal
import sys
from datetime import date
from pathlib import Path

import click

from mediaindex.cli.filters import Given, filter_options, given_operators
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.cli.progress import Display
from mediaindex.cli.state import check_is_ours
from mediaindex.exporting import format_names
from mediaindex.exporting.run import Report, Wish
from mediaindex.exporting.run import export as write

NOTHING_TO_EXPORT = 1

EXAMPLES = """\b
Examples:
  mediaindex export --format xmp --to ~/sidecars --library family
  mediaindex export --format csv --to ~/list --in Trips/Lisbon --after 2019
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "--format",
    "form",
    type=click.Choice(format_names()),
    required=True,
    help="jsonl and csv are one file; alt-text and xmp are a file for each photo or video, in a "
    "tree like that of its library.",
)
@click.option(
    "--to",
    type=click.Path(path_type=Path),
    required=True,
    help="The folder to write to: a new or an empty one, or that of an older export.",
)
@filter_options
@click.option("--missing", is_flag=True, help="Files that are gone as well.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def export(
    ctx: click.Context,
    /,
    form: str,
    to: Path,
    missing: bool,
    as_json: bool,
    **operators: Given,
) -> int:
    """Write what models and people said of your photos and videos to files for other programs.

    Your media folders are only read. Nothing is overwritten but what an export wrote itself, and
    nothing is deleted. Exit codes: 0 written, 1 there is nothing to export or the disk does not
    take it, 2 a mistake or something is in the way, 3 another export writes to that folder.
    """
    if str(to) == "-":
        raise click.UsageError("an export is written to a folder, not to standard output")
    config = settings_of(ctx)
    check_is_ours(config)
    # A process that is told to end clears away its half-written file as after Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with Display(quiet=not sys.stderr.isatty()) as display:
        tell = display.events.on_note
        report = write(
            config,
            Wish(form, to, given_operators(operators), missing),
            date.today(),
            lambda doing, done, of: tell(f"{doing}: {done:,} of {of:,}"),
        )
    _put(report, form, as_json)
    return 0 if report.files else NOTHING_TO_EXPORT


def _put(report: Report, form: str, as_json: bool) -> None:
    if as_json:
        put_json(
            {
                "version": 1,
                "format": form,
                "to": printable(str(report.to)),
                "assets": report.assets,
                "files": report.files,
                "unchanged": report.unchanged,
                "lines": report.lines,
                "altered": [printable(path) for path in report.altered],
                "notes": report.notes,
            }
        )
        return
    for note in report.notes:
        click.secho(note, err=True, dim=True)
    if not report.files:
        seen = "none of them has words to write" if report.assets else "nothing passes"
        click.echo(f"nothing to export: {seen}", err=True)
        return
    for path in report.altered:
        click.echo(f"under another name, for its own cannot be used: {printable(path)}", err=True)
    click.echo(f"{_what(report)} in {printable(str(report.file or report.to))}")


def _what(report: Report) -> str:
    if report.file is None:
        same = f" ({report.unchanged:,} of them unchanged)" if report.unchanged else ""
        return counted(report.files, "file") + same
    parts = [counted(report.moments, "moment")]
    whole = report.lines - report.moments
    parts += [f"{counted(whole, 'video')} as a whole"] if whole else []
    return f"{counted(report.lines, 'line')} ({', '.join(parts)})"
