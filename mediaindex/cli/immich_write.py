"""`mediaindex immich write`: tell Immich now what models say, or show first what that would be."""

import difflib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from mediaindex.cli.index import INTERRUPTED, stop_on_signals
from mediaindex.cli.output import printable, put_json, put_wrapped, settings_of
from mediaindex.cli.progress import Display
from mediaindex.config import Config
from mediaindex.immich.publishing import Draft
from mediaindex.immich.reaching import Hindrance
from mediaindex.pipeline.lane import Progress
from mediaindex.publishing import (
    EVERYTHING,
    NOT_ON,
    Sketch,
    have_written_again,
    left_alone,
    sketches,
    write_now,
)
from mediaindex.remote import daemon_of

NOT_NOW = 3

BY_DAEMON = (
    "The daemon writes to Immich by itself, as its settings say (immich.write); to see how far it "
    "is: mediaindex status"
)


@click.command("write")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option("--dry-run", is_flag=True, help="Only show what would be written; send nothing.")
@click.option("-n", "--limit", type=click.IntRange(1), help="At most so many photos and videos.")
@click.option(
    "--again",
    is_flag=True,
    help="Also what was left alone, for Immich or somebody took it out; what a person changed in "
    "our words is theirs and stays.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print JSON, for scripts; of --dry-run one a line."
)
@click.pass_context
def immich_write(
    ctx: click.Context,
    files: tuple[Path, ...],
    dry_run: bool,
    limit: int | None,
    again: bool,
    as_json: bool,
) -> int:
    """Write what models say of photos and videos to Immich: of FILES, or of all.

    What is written says immich.write in the settings; by default nothing is. Our words stand in a
    marked block at the end of the description, and what a person wrote stays as it is. To have it
    all out again: mediaindex immich revert.

    Exit codes: 0 nothing is left to write; 2 a mistake, or writing is off; 3 it cannot be done now;
    130 interrupted.
    """
    config = settings_of(ctx)
    if dry_run:
        return _show(config, files, limit, as_json=as_json)
    if not config.settings.immich.write:
        raise click.UsageError(NOT_ON)
    daemon = daemon_of(config)
    if daemon is not None:
        if again:
            number = have_written_again(config)
            daemon.post("/api/v1/immich/sync")  # that wakes it
            click.echo(f"{both_kinds(number)} will be written again")
        click.echo(BY_DAEMON, err=True)
        return 0
    with Display(quiet=as_json) as display:
        stop = stop_on_signals(display)
        done = write_now(
            config,
            files,
            limit,
            stop,
            again=again,
            on_progress=lambda stages: _note(display, stages),
        )
    _tell(config, done, interrupted=stop.is_set(), as_json=as_json)
    if stop.is_set():
        return INTERRUPTED
    return NOT_NOW if done.blocked_reason or done.is_paused else 0


def _note(display: Display, stages: Sequence[Progress]) -> None:
    [stage] = stages
    if stage.blocked_reason:
        display.events.on_note(f"waiting: {printable(stage.blocked_reason)}")
    elif stage.done:
        display.events.on_note(f"telling Immich: {stage.done:,} done")


def both_kinds(number: int) -> str:
    """Return a number of what may be either: `1 photo or video`, `2,000 photos and videos`."""
    return "1 photo or video" if number == 1 else f"{number:,} photos and videos"


def _tell(config: Config, done: Progress, *, interrupted: bool, as_json: bool) -> None:
    left = left_alone(config)
    if as_json:
        found = {"done": done.done, "failed": done.failed, "postponed": done.postponed}
        found |= {"paused": done.is_paused}
        why = {"blocked": done.blocked_reason, "left_alone": left}
        put_json({"version": 1, **found, **why, "interrupted": interrupted})
        return
    is_idle = not (done.done or done.failed or done.postponed or done.blocked_reason)
    click.echo("nothing to write" if is_idle else f"told Immich of {both_kinds(done.done)}")
    if done.failed or done.postponed:
        click.echo(f"  {done.failed:,} failed, {done.postponed:,} put off; mediaindex status")
    for reason, number in left.most_common():
        put_wrapped(f"  {number:,} left alone: {reason}")
    if done.is_paused:
        click.echo("  publish is paused; mediaindex resume publish")
    elif done.blocked_reason:
        put_wrapped(f"  it waits: {printable(done.blocked_reason)}")


def _show(config: Config, files: Sequence[Path], limit: int | None, *, as_json: bool) -> int:
    number = 0
    is_any_off = False
    for sketch in sketches(config, files, limit):
        if isinstance(sketch, Hindrance):
            is_any_off = True
            click.echo(hindered(sketch), err=True)
            continue
        number += isinstance(sketch.draft, Draft) and not sketch.draft.plan.is_idle
        if as_json:
            click.echo(json.dumps(_as_json(sketch), ensure_ascii=False))
        else:
            for line in _lines(sketch):
                click.echo(line)
    if not as_json:
        click.echo(f"{number:,} would be written; nothing was sent")
        if not config.settings.immich.write:
            put_wrapped(f"Writing is off; to switch it on: immich.write: [{', '.join(EVERYTHING)}]")
    return NOT_NOW if is_any_off else 0


def hindered(one: Hindrance) -> str:
    """Return why nothing can be done with an account, for people."""
    who, where = printable(one.account.user_name), printable(one.account.url)
    return f"{who} at {where}: {printable(one.reason)}"


def _lines(sketch: Sketch) -> Iterator[str]:
    """Yield what would be written, for people; without a terminal `click.echo` drops the colour."""
    name = sketch.path or f"{sketch.account.web_url}/photos/{sketch.target.uuid}"
    yield click.style(f"{printable(name)} ({printable(sketch.account.user_name)})", bold=True)
    if sketch.draft is None:
        yield f"  {printable(sketch.trouble or '')}"
        return
    if not isinstance(sketch.draft, Draft):
        yield f"  {sketch.draft} in Immich; nothing is written"
        return
    plan = sketch.draft.plan
    if plan.description is not None:
        yield from _difference(sketch.draft.asset.description, plan.description)
    for tag in plan.tags_on:
        yield click.style(f"  + tag {printable(tag)}", fg="green")
    for taken in plan.tags_off:
        yield click.style(f"  - tag {printable(taken.name)}", fg="red")
    if plan.record is not None:
        record = plan.record
        told = f"model {record['model']}, prompt {record['prompt_version']}"
        yield click.style(f"  + record: {printable(told)}", fg="green")
    if plan.trouble is not None:
        yield f"  the description is left alone: {plan.trouble}"


def _difference(before: str, after: str) -> Iterator[str]:
    lines = before.splitlines(), after.splitlines()
    names = "in Immich now", "as it would be"
    for line in difflib.unified_diff(*lines, *names, lineterm=""):
        colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
        yield click.style(f"  {printable(line)}", fg=colour)


def _as_json(sketch: Sketch) -> dict[str, Any]:
    account, uuid = sketch.account, sketch.target.uuid
    found: dict[str, Any] = {
        "version": 1,
        "path": printable(sketch.path),
        "account": account.user_name,
        "uuid": uuid,
        "url": f"{account.web_url}/photos/{uuid}",
    }
    if sketch.draft is None:
        return {**found, "not_written": sketch.trouble}
    if not isinstance(sketch.draft, Draft):
        return {**found, "not_written": sketch.draft}
    plan = sketch.draft.plan
    return {
        **found,
        "description_now": sketch.draft.asset.description,
        "description": plan.description,
        "tags_on": plan.tags_on,
        "tags_off": [tag.name for tag in plan.tags_off],
        "record": plan.record,
        "left_alone": plan.trouble,
    }
