"""`mediaindex doctor`: is all in order on this machine? Changes nothing."""

import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import click

from mediaindex import __version__
from mediaindex.cli.output import put_json, settings_of, size
from mediaindex.config import Config
from mediaindex.errors import MediaIndexError
from mediaindex.store import files
from mediaindex.store.database import open_database

LOW_BYTES = 2_000_000_000


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    #: `ok`, `note` (works, with less), `bad`.
    state: str
    said: str


@click.command()
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.pass_context
def doctor(ctx: click.Context, as_json: bool) -> int:
    """Check this machine and this set-up; ends with 1 if something is bad."""
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
    yield Finding("settings", "ok", str(config.file or "defaults; no file"))
    yield from (_folder("state", config.state_dir), _folder("cache", config.cache_dir))
    yield from _database(config)
    yield _fulltext()
    yield from (_package("open-clip-torch"), _package("chromadb"), _package("onnxruntime"))
    yield _model(config)
    yield _ffmpeg()


def _folder(what: str, folder: Path) -> Finding:
    there = next((part for part in (folder, *folder.parents) if part.exists()), Path("/"))
    if not os.access(there, os.W_OK):
        return Finding(f"{what} folder", "bad", f"{folder} cannot be written")
    free = shutil.disk_usage(there).free
    state = "bad" if free < LOW_BYTES else "ok"
    return Finding(f"{what} folder", state, f"{folder}, {size(free)} free")


def _database(config: Config) -> Iterator[Finding]:
    if not config.database_path.exists():
        yield Finding("database", "note", "none yet; mediaindex index FOLDER makes it")
        return
    try:
        database = open_database(config.database_path)
    except MediaIndexError as error:
        yield Finding("database", "bad", str(error))
        return
    with closing(sqlite3.connect(config.database_path)) as connection:
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    yield Finding("database", "ok" if said == "ok" else "bad", f"{config.database_path}: {said}")
    with database.read() as session:
        for library in files.libraries(session):
            reason = library.offline_reason or (
                None if Path(library.root).is_dir() else "not there"
            )
            said = f"{library.root}" + (f": offline, {reason}" if reason else "")
            yield Finding(f"library {library.name}", "bad" if reason else "ok", said)
    database.close()


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


def _ffmpeg() -> Finding:
    found = shutil.which("ffmpeg")
    if found is None:
        return Finding("ffmpeg", "note", "not found; photos do not need it, videos will")
    return Finding("ffmpeg", "ok", found)
