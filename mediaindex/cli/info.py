"""`mediaindex info FILE`: all that is known of a file."""

import os
from dataclasses import asdict
from pathlib import Path

import click

from mediaindex.cli.output import put_json, put_table, settings_of, size
from mediaindex.store.about import About, about
from mediaindex.store.database import open_database
from mediaindex.store.files import find_file


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.pass_context
def info(ctx: click.Context, file: Path, as_json: bool) -> int:
    """Show all that is known of FILE."""
    config = settings_of(ctx)
    path = file.expanduser()
    path = path.parent.resolve() / path.name
    if not config.database_path.exists():
        raise click.ClickException("nothing is indexed yet; try: mediaindex index ~/Pictures")
    database = open_database(config.database_path)
    try:
        with database.read() as session:
            row = find_file(session, path)
            known = None if row is None else about(session, row)
    finally:
        database.close()
    if known is None:
        raise click.ClickException(
            f"{file} is not known; it is in no library, is excluded, or has come since the last "
            "mediaindex index"
        )
    if as_json:
        put_json({"version": 1, "path": _shown(str(path)), **asdict(known)})
    else:
        _tell(_shown(str(path)), known)
    return 0


def _tell(path: str, known: About) -> None:
    click.secho(path, bold=True)
    kind = known.kind or ("sidecar" if known.role == "sidecar" else "not looked into yet")
    rows = [("kind", kind), ("size", size(known.size_bytes))]
    if known.missing_since:
        rows.append(("missing since", f"{known.missing_since:%Y-%m-%d %H:%M} UTC"))
    rows += [(name.replace("_", " "), str(value)) for name, value in known.facts.items()]
    if known.place:
        rows.append(("place", known.place))
    rows += [(f"{kind} ({source})", text) for kind, text, source in known.words]
    rows += [("same bytes at", _shown(other)) for other in known.paths if _shown(other) != path]
    rows += [("sidecar", _shown(sidecar)) for sidecar in known.sidecars]
    rows += [
        (f"{stage} done", f"{at:%Y-%m-%d %H:%M} UTC, {version}")
        for stage, version, at in known.done
    ]
    rows += [(f"{stage} {state}", reason) for stage, state, reason in known.unfinished]
    rows += [("vectors", f"{count} of {space}") for space, count in known.vectors.items()]
    put_table(rows)


def _shown(path: str) -> str:
    return os.fsencode(path).decode(errors="replace")
