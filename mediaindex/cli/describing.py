"""How describing goes, as `status` shows it."""

from collections.abc import Sequence
from dataclasses import asdict
from statistics import fmean
from typing import Any

import click
from sqlalchemy.orm import Session

from mediaindex import describers
from mediaindex.captioners.speed import slowed
from mediaindex.cli.hits import clock
from mediaindex.cli.output import counted, duration, printable, put_wrapped
from mediaindex.cli.reasons import PLAIN, plain
from mediaindex.config import Config
from mediaindex.store import describing as store
from mediaindex.store.describing import Timing

RECENT, JUST_NOW = 50, 10
"""So many captions tell how long one takes, and how fast a server is now."""

SLOWED = (
    "{server}: the model answers {now:.0f} tokens a second, and used to answer {usual:.0f}: most "
    "often it has fallen back from the GPU to the processor; restart its server"
)


def describing(config: Config, session: Session, most: int) -> dict[str, Any] | None:
    """Return how describing goes, None where nothing is to be described and nothing was.

    Args:
        config: The settings in force.
        session: An open session; it is only read.
        most: How many moments without words are named at most.
    """
    section = config.settings.caption
    is_off = section.use == "off"
    version = describers.version(config)
    standing = store.standing(session, version)
    if is_off and not (standing.described or standing.older):
        return None
    servers = describers.servers(config)
    timings = store.timings(session, {server.model or section.model for server in servers})
    each_s = fmean(one.duration_ms for one in timings[:RECENT]) / 1000 if timings else None
    at_once = sum(server.at_once for server in servers)
    slow = slow_servers(timings)
    return {
        "model": None if is_off else section.model,
        "total": standing.total,
        "described": standing.described,
        "older": standing.older,
        "rejected": standing.rejected,
        "reasons": dict(standing.reasons),
        "rejections": [asdict(one) for one in store.rejections(session, version, most)],
        "lacking": standing.lacking,
        "seconds_each": each_s,
        "eta_s": None if each_s is None or is_off else standing.lacking * each_s / at_once,
        "slowed": slow[0] if slow else None,
        "slowed_servers": slow,
    }


def slow_servers(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """Return which servers have become much slower than they were, the slowest first."""
    speeds: dict[str, list[float]] = {}
    for one in timings:
        if one.tokens_per_s is not None:
            speeds.setdefault(one.server, []).append(one.tokens_per_s)
    found = {
        server: slowed(latest[:JUST_NOW], latest[JUST_NOW:]) for server, latest in speeds.items()
    }
    slow = [
        {"server": server, **asdict(slowdown)}
        for server, slowdown in found.items()
        if slowdown is not None
    ]
    return sorted(slow, key=lambda one: float(one["now"]))


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
