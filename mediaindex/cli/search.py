"""`mediaindex search`: find photos and moments of videos in plain words, or by a picture."""

import sys
from datetime import date
from pathlib import Path

import click

from mediaindex.cli.answers import answer_by
from mediaindex.cli.filters import Given, Words, as_typed, filter_options, given_operators
from mediaindex.cli.hits import clock, put_hits
from mediaindex.cli.output import printable, put_json, settings_of
from mediaindex.cli.reading import daemon_to_read
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.shown import Shown

NOTHING_FOUND, CANNOT_OPEN = 1, 1

EXAMPLES = """\b
Examples:
  mediaindex search dog on a beach after:2019 -people
  mediaindex search '"happy birthday" 2:cake' --in Parties
  mediaindex search --like photo.jpg at night
  mediaindex search first steps --open immich
"""

OPENERS = ("file", "immich")


class Question(Words):
    """Takes `--open` with the word that may follow it, and without."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Join `--open` with what it names, so that no other word is taken for that."""
        end = args.index("--") if "--" in args else len(args)
        joined: list[str] = []
        for word in args[:end]:
            if joined and joined[-1] == "--open":
                joined[-1] = f"--open={word if word in OPENERS else OPENERS[0]}"
                if word in OPENERS:
                    continue
            joined.append(word)
        if joined and joined[-1] == "--open":
            joined[-1] = f"--open={OPENERS[0]}"
        return super().parse_args(ctx, [*joined, *args[end:]])


@click.command(cls=Question, epilog=EXAMPLES)
@click.argument("words", nargs=-1)
@click.option(
    "--like",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Find pictures that look like this one.",
)
@filter_options
@click.option("-n", "--limit", type=click.IntRange(1, 10_000), help="Show at most this many hits.")
@click.option(
    "--moments", is_flag=True, help="Show every stretch of a video that matches, not just the best."
)
@click.option(
    "--literal", is_flag=True, help="Do not read dates or places in the words as filters."
)
@click.option(
    "--json", "form", flag_value="json", help="Print one JSON object; the README describes it."
)
@click.option("--paths", "form", flag_value="paths", help="Print only the paths, one on each line.")
@click.option(
    "--paths0",
    "form",
    flag_value="paths0",
    help="Print only the paths, each followed by NUL, for xargs -0.",
)
@click.option(
    "--open",
    "open_",
    type=click.Choice(OPENERS),
    metavar="[file|immich]",
    help="Open the first hit: the file (if nothing is named), a video at its second; or its page "
    "in Immich.",
)
@click.option(
    "--contact-sheet",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the hits to one picture (.jpg) or one page (.html). An older contact sheet is "
    "replaced, any other file is not.",
)
@click.pass_context
def search(
    ctx: click.Context,
    /,
    words: tuple[str, ...],
    like: Path | None,
    limit: int | None,
    moments: bool,
    literal: bool,
    form: str | None,
    open_: str | None,
    contact_sheet: Path | None,
    **operators: Given,
) -> int:
    """Find the photos and the moments of videos that WORDS describe.

    All filters can also be written among the words (after:2019, in:Parties). Exit codes: 0 found,
    1 nothing found, 2 a mistake in the question, 3 the model that --like needs is missing. A daemon
    that runs (mediaindex serve) is asked, and answers at once.
    """
    config = settings_of(ctx)
    given = given_operators(operators)
    if not words and not given and like is None:
        raise click.UsageError("say what to look for, in words or with --like FILE")
    if contact_sheet is not None:
        _check_sheet(config, contact_sheet)
    asked = Asked(
        words=as_typed(words),
        like=like,
        operators=given,
        limit=limit or config.settings.search.limit,
        moments=moments,
        understand=config.settings.search.understand and not literal,
    )
    daemon = daemon_to_read(config)
    answer = answer_by(config, daemon, asked, date.today())
    if contact_sheet is not None and answer.hits:
        _write_sheet(config, answer, contact_sheet, asked.text or f"like {like}", daemon)
    _put(answer, asked, form)
    if contact_sheet is not None and answer.hits and form is None:
        click.echo(f"contact sheet: {contact_sheet}", err=True)
    if open_ and answer.hits:
        return _open(answer.hits[0].shown, open_)
    return 0 if answer.hits else NOTHING_FOUND


# What only some questions need takes longer to load than the daemon takes to answer.


def _check_sheet(config: Config, target: Path) -> None:
    from mediaindex.cli.sheets import check_sheet

    check_sheet(config, target)


def _write_sheet(
    config: Config, answer: Answer, target: Path, title: str, daemon: Daemon | None
) -> None:
    from mediaindex.cli.sheets import write_sheet

    write_sheet(config, answer, target, title, daemon)


def _open(shown: Shown, where: str) -> int:
    from mediaindex.cli.opening import open_hit, open_in_immich

    try:
        if where == "immich":
            open_in_immich(shown)
            _tell_time(shown)
        else:
            open_hit(shown)
    except ConfigError as error:  # the question was right, and it was answered
        click.echo(f"mediaindex: {error}", err=True)
        return CANNOT_OPEN
    return 0


def _tell_time(shown: Shown) -> None:
    """Say where in a video to look: Immich's links cannot."""
    if shown.kind == "video":
        at = clock(shown.at_ms)
        click.echo(f"it is at {at}; Immich opens a video at its beginning", err=True)


def _put(answer: Answer, asked: Asked, form: str | None) -> None:
    if form == "json":
        from mediaindex.search.shape import as_json

        put_json(as_json(answer, asked))
    elif form is None:
        put_hits(answer)
    else:
        _put_paths(answer, b"\0" if form == "paths0" else b"\n")


def _put_paths(answer: Answer, end: bytes) -> None:
    import os

    if sys.stdout.isatty():
        for hit in answer.hits:
            click.echo(printable(hit.shown.paths[0]))
        return
    for hit in answer.hits:
        sys.stdout.buffer.write(os.fsencode(hit.shown.paths[0]) + end)
    sys.stdout.buffer.flush()
