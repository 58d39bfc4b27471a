"""`mediaindex confirm-removal [LIBRARY]`: much is gone at once, and it is meant so."""

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from mediaindex import parts
from mediaindex.cli import consent
from mediaindex.cli.handing_over import confirm
from mediaindex.cli.libraries import libraries, named
from mediaindex.cli.output import counted, printable, put_json, settings_of
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.indexing import run_once
from mediaindex.remote import daemon_of
from mediaindex.store import files

NOTHING_TO_CONFIRM = "no library has lost so many files at once that it has to be confirmed"


@click.command("confirm-removal")
@click.argument("library", required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def confirm_removal(ctx: click.Context, library: str | None, yes: bool, as_json: bool) -> int:
    """Say that the files which are gone from LIBRARY (its name or its folder) are gone for good.

    When more of a library is gone at once than sweep.max_vanish_fraction, nothing is forgotten
    until you say so: its disk may only be missing. Without LIBRARY, all that wait for it are meant.
    What is gone is forgotten for good after sweep.retention_days.
    """
    config = settings_of(ctx)
    daemon = daemon_of(config)
    held = _held_by(daemon, library) if daemon is not None else _held_here(config, library)
    if not held:
        click.echo(NOTHING_TO_CONFIRM, err=True)
    elif not yes:
        _ask(held)
    for name, (_, root) in held.items():
        if daemon is not None:
            confirm(daemon, name)
        else:
            run_once(config, [root], confirmed=True, captions=False, stop=threading.Event())
    if as_json:
        counts = {name: count for name, (count, _) in held.items()}
        put_json({"version": 1, "confirmed": counts})
    elif held:
        names = ", ".join(printable(name) for name in held)
        then = "; the daemon looks at it now and believes it" if daemon is not None else ""
        click.echo(f"confirmed for {names}{then}")
    return 0


Held = Mapping[str, tuple[int, Path]]
"""By the names of libraries: how many files seem to be gone, and the library's folder."""


def _held_by(daemon: Daemon, wanted: str | None) -> Held:
    known = libraries(daemon) if wanted is None else [named(daemon, wanted)]
    return {one["name"]: (one["held_back"], Path(one["root"])) for one in known if one["held_back"]}


def _held_here(config: Config, wanted: str | None) -> Held:
    if not config.database_path.exists():
        raise ConfigError("nothing is indexed yet, so nothing can be gone from it")
    database = parts.store(config)
    try:
        with database.read() as session:
            known = [(row.name, row.held_back, Path(row.root)) for row in files.libraries(session)]
    finally:
        database.close()
    if wanted is not None:
        _check_known(wanted, known)
    return {
        name: (held_back, root)
        for name, held_back, root in known
        if held_back and wanted in (None, name, str(root))
    }


def _check_known(wanted: str, known: Sequence[tuple[str, int, Path]]) -> None:
    if not any(wanted in (name, str(root)) for name, _, root in known):
        names = ", ".join(name for name, _, _ in known) or "none"
        raise ConfigError(f"there is no library {wanted!r}; known: {names}")


def _ask(held: Held) -> None:
    for name, (count, root) in held.items():
        seem = "seems" if count == 1 else "seem"
        click.echo(
            f"{printable(name)}: {counted(count, 'file')} {seem} to be gone from "
            f"{printable(str(root))}",
            err=True,
        )
    consent.ask("Are they really gone?")
