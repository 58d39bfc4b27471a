"""`mediaindex doctor`: is all in order on this machine? Changes nothing."""

import os
import shlex
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import click

from mediaindex import __version__
from mediaindex.cli.daemon_findings import examine_daemon
from mediaindex.cli.finding import Finding
from mediaindex.cli.immich_findings import examine_immich
from mediaindex.cli.output import counted, printable, put_json, settings_of, size
from mediaindex.config import Config
from mediaindex.errors import MediaIndexError
from mediaindex.media.ffmpeg import need
from mediaindex.store.checkup import Checkup, check_up
from mediaindex.store.database import SCHEMA
from mediaindex.store.libraries import roots_on_disk

LOW_BYTES = 2_000_000_000


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Check that everything is in order on this machine. Changes nothing.

    The exit code is 1 if something is bad.
    """
    findings = list(_examine(settings_of(ctx)))
    if as_json:
        put_json({"version": 1, "findings": [asdict(finding) for finding in findings]})
    else:
        colours = {"ok": "green", "note": "yellow", "bad": "red"}
        for finding in findings:
            click.echo(click.style(f"{finding.state:>4}", fg=colours[finding.state]), nl=False)
            click.echo(f"  {finding.what}: {finding.said}")
    return 1 if any(finding.state == "bad" for finding in findings) else 0


def _examine(config: Config) -> Iterator[Finding]:
    yield Finding("mediaindex", "ok", f"{__version__}, Python {sys.version.split()[0]}")
    yield Finding("settings", "ok", _settings(config))
    yield _folder("state folder", config.state_dir)
    yield _folder("cache folder", config.cache_dir)
    yield from _apart(config)
    yield from _database(config.database_path)
    yield from examine_daemon(config, datetime.now(UTC))
    yield _fulltext()
    yield from (_package("open-clip-torch"), _package("chromadb"), _package("onnxruntime"))
    yield _model(config)
    yield from _describers(config)
    yield from examine_immich(config, datetime.now(UTC))
    yield _ffmpeg()


def _settings(config: Config) -> str:
    variables = {place for place in config.places.values() if place in os.environ}
    said = str(config.file or "no config.yaml was found")
    if variables:
        return f"{said}; {counted(len(variables), 'environment variable')} set some"
    return said if config.file else f"all defaults; {said}"


def _folder(what: str, folder: Path) -> Finding:
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not there.is_dir():
        return Finding(what, "bad", f"{folder} cannot be made: {there} is not a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        return Finding(what, "bad", f"{folder} cannot be written")
    free = shutil.disk_usage(there).free
    state = "bad" if free < LOW_BYTES else "ok"
    return Finding(what, state, f"{folder}, {size(free)} free")


def _apart(config: Config) -> Iterator[Finding]:
    """Yield what of ours lies in libraries, and which libraries lie where none can or counts."""
    from mediaindex import apart

    roots = roots_on_disk(config.database_path)
    for trouble in apart.troubles(config, roots):
        yield Finding("places", "bad", printable(trouble))
    for said in apart.unheeded(config, roots):
        yield Finding("places", "note", printable(said))


def _database(path: Path) -> Iterator[Finding]:
    if not path.exists():
        yield Finding("database", "note", "none yet; the first mediaindex index makes it")
        return
    try:
        found = check_up(path)
    except MediaIndexError as error:
        yield Finding("database", "bad", str(error))
        return
    yield _state_of(path, found)
    for stage in found.paused:
        yield Finding(
            f"stage {stage}", "note", f"paused; to let it go on: mediaindex resume {stage}"
        )
    for name, root, reason in found.libraries:
        reason = reason or (None if Path(root).is_dir() else "not there")
        remedy = f"offline, {reason}; if it is gone for good: mediaindex forget {shlex.quote(name)}"
        said = printable(root) + (f": {remedy}" if reason else "")
        yield Finding(f"library {name}", "bad" if reason else "ok", said)


def _state_of(path: Path, found: Checkup) -> Finding:
    if found.integrity != "ok":
        return Finding("database", "bad", f"{path} is damaged: {found.integrity}")
    if not os.access(path, os.W_OK):
        return Finding("database", "bad", f"{path} cannot be written")
    if found.schema is not None and found.schema > SCHEMA:
        return Finding("database", "bad", f"{path} was made by a newer mediaindex")
    if found.schema != SCHEMA:
        return Finding(
            "database", "note", f"{path} is older; the next command brings it up to date"
        )
    return Finding("database", "ok", f"{path}, sound")


def _fulltext() -> Finding:
    with closing(sqlite3.connect(":memory:")) as connection:
        try:
            connection.execute("CREATE VIRTUAL TABLE words USING fts5(word)")
        except sqlite3.OperationalError as error:
            return Finding("SQLite", "bad", f"has no full text search (FTS5): {error}")
    return Finding("SQLite", "ok", f"{sqlite3.sqlite_version}, with full text search")


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, "bad", "not installed; run the set-up again (make setup)")


def _model(config: Config) -> Finding:
    from mediaindex import parts

    try:
        embedder = parts.embedder(config)
    except MediaIndexError as error:
        return Finding("model", "note", str(error))
    sees = "" if embedder.semantic else " (knows colours only, not what is in a picture)"
    return Finding("model", "ok", f"{embedder.model_id}{sees}")


def _describers(config: Config) -> Iterator[Finding]:
    """Yield whether each server that describes pictures is there with its model; loads none."""
    from mediaindex import describers
    from mediaindex.installed import survey

    if config.settings.caption.use == "off":
        yield Finding("captions", "ok", "off (caption.use)")
        return
    try:
        describers.check(config)
        found = survey(config)
    except MediaIndexError as error:
        yield Finding("captions", "bad", str(error))
        return
    yield from _hours(config)
    for one in found:
        facts = one.find(one.chosen)
        said = f"{one.chosen} on {one.server}"
        if one.trouble is not None:
            yield Finding("captions", "note", one.trouble)
        elif facts is None and one.models:
            remedy = "mediaindex model list shows what is; mediaindex model pull has Ollama get it"
            yield Finding("captions", "note", f"{said} is not installed; {remedy}")
        elif facts is not None and facts.can_see is False:
            yield Finding(
                "captions", "bad", f"{said} cannot see; set caption.model to one that can"
            )
        else:
            yield Finding("captions", "ok", said)


def _hours(config: Config) -> Iterator[Finding]:
    section = config.settings.caption
    if section.use != "off" and section.schedule is not None:
        yield Finding("hours", "note", f"captions only at {section.schedule} (caption.schedule)")


def _ffmpeg() -> Finding:
    try:
        need("ffmpeg", "ffprobe")
    except MediaIndexError as error:
        return Finding("ffmpeg", "note", str(error))
    return Finding("ffmpeg", "ok", f"{shutil.which('ffmpeg')}, {shutil.which('ffprobe')}")
