"""What the daemon does now, as `status` shows it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from mediaindex.cli.output import printable, put_wrapped

PHASES = {
    "starting": "starting",
    "working": "at work",
    "idle": "nothing is left to do",
    "resting": "at rest, in the quiet hours",
    "stuck": "stuck",
    "stopping": "stopping",
}

TO_ADD = "to add one: mediaindex index ~/Pictures, or libraries: in the settings"

WATCHED = {
    "inotify": "watched",
    "poll": "looked through from time to time",
    "off": "not watched",
}


def put_daemon(found: Mapping[str, Any]) -> None:
    """Write for people what the daemon does.

    Args:
        found: All of the status; its `daemon` is as `/api/v1/status` tells it.
    """
    for line in _lines(found):
        put_wrapped(line)


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    daemon = found["daemon"]
    phase = PHASES.get(daemon["phase"], daemon["phase"])
    trouble = f": {printable(daemon['trouble'])}" if daemon["trouble"] else ""
    yield f"Daemon: {phase}{trouble} (running since {_minute(daemon['started_at'])})"
    if daemon["config_trouble"]:
        yield f"  settings: {printable(daemon['config_trouble'])}"
    if daemon["index_trouble"]:
        yield f"  index: {printable(daemon['index_trouble'])}; it will be built again"
    for trouble in daemon["chore_troubles"]:
        yield f"  {printable(trouble)}"
    immich = daemon.get("immich") or {}  # a daemon of an older version does not tell
    if immich.get("trouble"):
        yield f"  immich: {printable(immich['trouble'])}"
    if immich.get("yield_trouble"):
        yield f"  {printable(immich['yield_trouble'])}"
    if not daemon["libraries"]:
        yield f"  there is no library yet; {TO_ADD}"
    looked_at = {library["name"]: library["swept_at"] for library in found["libraries"]}
    for library in daemon["libraries"]:
        yield from _library(library, looked_at.get(library["name"]))
    for path, share in daemon["videos"].items():
        yield f"  {share:.0%} of {printable(path)}"


def _library(library: Mapping[str, Any], looked_at: str | None) -> Iterator[str]:
    name = printable(library["name"])
    if library["offline_reason"]:
        if looked_at:
            last = f"last looked at {_minute(looked_at)}"
            yield f"  {name}: offline, {last}; what is known of it can be found all the same"
        else:
            yield f"  {name}: offline, never looked at; it will be as soon as it is there"
        return
    doing = ", looked through now" if library["is_sweeping"] else ""
    yield f"  {name}: {WATCHED.get(library['watching'], library['watching'])}{doing}"
    if library.get("sweep_trouble"):  # a daemon of an older version does not tell
        yield f"    cannot be looked at now: {printable(library['sweep_trouble'])}"
    if library["watch_trouble"]:
        yield f"    {printable(library['watch_trouble'])}"


def _minute(at: str) -> str:
    return f"{datetime.fromisoformat(at):%Y-%m-%d %H:%M} UTC"
