"""`mediaindex ask`: a question about what was photographed or filmed, answered with evidence."""

from datetime import date
from typing import Any

import click

from mediaindex.answering import Evidence, Found, Question, find_out
from mediaindex.cli.answers import answer
from mediaindex.cli.filters import Given, Words, as_typed, filter_options, given_operators
from mediaindex.cli.hits import clock
from mediaindex.cli.output import printable, put_json, settings_of
from mediaindex.cli.state import check_is_ours
from mediaindex.cli.waiting import Waiting
from mediaindex.store import columns

NOT_KNOWN = 1

EXAMPLES = """\b
Examples:
  mediaindex ask is the garage door closed --in Garage --latest
  mediaindex ask what was on the birthday cake --after 2024
"""


@click.command(cls=Words, epilog=EXAMPLES)
@click.argument("question", nargs=-1, required=True)
@click.option(
    "--latest",
    is_flag=True,
    help="The newest pictures answer: of all that pass the filters, or else of the good hits.",
)
@filter_options
@click.option(
    "-n",
    "--looks",
    type=click.IntRange(1, 100),
    default=4,
    show_default=True,
    help="Show the model at most this many pictures.",
)
@click.option(
    "--literal", is_flag=True, help="Do not read dates or places in the words as filters."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def ask(
    ctx: click.Context,
    /,
    question: tuple[str, ...],
    latest: bool,
    looks: int,
    literal: bool,
    as_json: bool,
    **operators: Given,
) -> int:
    """Answer QUESTION from your pictures, and show which of them says so.

    The pictures that fit are found as by "search", and the model that describes pictures is asked
    about the best. Exit codes: 0 answered, 1 not known, 2 a mistake, 3 no server or no model.
    """
    config = settings_of(ctx)
    check_is_ours(config)
    asked = Question(
        words=as_typed(question),
        operators=given_operators(operators),
        latest=latest,
        looks=looks,
        understand=config.settings.search.understand and not literal,
    )
    with Waiting() as waiting:
        found = find_out(config, asked, date.today(), waiting.stop, waiting.say, answer)
    if as_json:
        put_json(_as_json(asked, found))
    else:
        _put(found)
    return 0 if found.best else NOT_KNOWN


def _put(found: Found) -> None:
    for note in found.notes:
        click.secho(printable(note), err=True, dim=True)
    best = found.best
    if best is not None and best.verdict is not None:
        click.secho(printable(best.verdict.said), bold=True)
    else:
        click.echo(f"I do not know: {printable(found.why_not)}")
    for number, one in enumerate(found.evidence, start=1):
        mark = "*" if one is best else " "
        click.echo(f"{number:>3}{mark} {printable(one.hit.shown.paths[0])}{_when(one)}")
        click.secho(f"       {_said(one)}", dim=not one.can_tell)


def _said(one: Evidence) -> str:
    if one.verdict is None:
        return f"no answer: {printable(one.trouble)}"
    if one.can_tell:
        return printable(one.verdict.said)
    return "does not tell" + (f": {printable(one.verdict.said)}" if one.verdict.said else "")


def _when(one: Evidence) -> str:
    shown = one.hit.shown
    at = f"  at {clock(shown.at_ms)}" if shown.kind == "video" else ""
    return at + (f"  ({shown.taken_local:%Y-%m-%d %H:%M})" if shown.taken_local else "")


def _as_json(asked: Question, found: Found) -> dict[str, Any]:
    best = found.best
    return {
        "version": 1,
        "question": asked.words,
        "searched": found.searched,
        "latest": asked.latest,
        "notes": found.notes,
        "model": found.model,
        "answer": best.verdict.said if best and best.verdict else None,
        "why_not": found.why_not or None,
        "evidence": [_evidence(one, is_best=one is best) for one in found.evidence],
    }


def _evidence(one: Evidence, *, is_best: bool) -> dict[str, Any]:
    shown = one.hit.shown
    return {
        "path": printable(columns.shown(shown.paths[0])),
        "kind": shown.kind,
        "at_ms": shown.at_ms,
        "taken_at": shown.taken_at,
        "taken_local": shown.taken_local,
        "asset_id": shown.asset_id,
        "moment_id": shown.moment_id,
        "score": round(one.hit.score, 4),
        "weak": one.hit.weak,
        "can_tell": one.can_tell,
        "said": one.verdict.said if one.verdict else None,
        "is_answer": is_best,
        "trouble": one.trouble or None,
        "duration_ms": None if one.took_s is None else round(one.took_s * 1000),
    }
