"""How describing goes, as `status` shows it."""

from typing import Any

import click

from mediaindex.cli.hits import clock
from mediaindex.cli.output import counted, duration, printable, put_wrapped
from mediaindex.cli.reasons import PLAIN, plain

SLOWED = (
    "{server}: the model answers {now:.0f} tokens a second, and used to answer {usual:.0f}: most "
    "often it has fallen back from the GPU to the processor; restart its server"
)


def put_describing(found: dict[str, Any]) -> None:
    """Write for people what `describing` returns."""
    line = f"Captions: {found['described']:,} of {counted(found['total'], 'moment')} described"
    if found["older"]:
        line += f"; {found['older']:,} more by an older model or prompt"
        line += ", until theirs are made anew" if found["model"] else ""
    if found["eta_s"]:
        line += f"; about {duration(found['eta_s'])} left, {found['seconds_each']:.1f} s each"
    put_wrapped(line)
    for slow in found["slowed_servers"]:
        put_wrapped(f"  {SLOWED.format(**slow)}")
    if found["rejected"]:
        _put_rejections(found)


def _put_rejections(found: dict[str, Any]) -> None:
    reasons = ", ".join(
        f"{PLAIN.get(reason, reason)} ({number:,})" for reason, number in found["reasons"].items()
    )
    of = counted(found["rejected"], "moment")
    put_wrapped(f"  of {of} nothing worth keeping was said: {reasons}")
    for one in found["rejections"]:
        at = "" if one["at_ms"] is None else f" at {clock(one['at_ms'])}"
        click.echo(f"  {printable(one['path'])}{at}")
        put_wrapped(f"    {printable(plain(one['reason']))}")
    more = found["rejected"] - len(found["rejections"])
    if more > 0:
        click.echo(f"  ... and {more:,} more (mediaindex status --failures {found['rejected']})")
    click.echo("  To have them described again: mediaindex retry --stage caption")
