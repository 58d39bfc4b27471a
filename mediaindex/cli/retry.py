"""`mediaindex retry`: make due again what failed or was put off."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex.cli.output import put_json, settings_of
from mediaindex.store import jobs
from mediaindex.store.database import open_database
from mediaindex.store.files import find_file
from mediaindex.store.tables import FileRow


@click.command()
@click.option("--failed", is_flag=True, help="All that failed or was put off.")
@click.option("--stage", help="Only of this stage (identify, probe, decode, embed, ...).")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for scripts.")
@click.pass_context
def retry(
    ctx: click.Context, failed: bool, stage: str | None, files: tuple[Path, ...], as_json: bool
) -> int:
    """Try again what failed: everything with --failed, one stage's, or that of FILES.

    The work itself is done by the next `mediaindex index`.
    """
    if not (failed or stage or files):
        raise click.UsageError("say what: --failed, --stage NAME, or files")
    database = open_database(settings_of(ctx).database_path)
    try:
        with database.write() as session:
            ids = [_known(session, path).id for path in files] if files else None
            count = jobs.retry(session, stage=stage, file_ids=ids)
    finally:
        database.close()
    if as_json:
        put_json({"version": 1, "retried": count})
    else:
        click.echo(f"{count:,} to be tried again by the next: mediaindex index")
    return 0


def _known(session: Session, path: Path) -> FileRow:
    path = path.expanduser()
    # As it is named, for files behind a link in the library; else where it really lies.
    found = find_file(session, path.absolute()) or find_file(
        session, path.parent.resolve() / path.name
    )
    if found is None:
        raise click.ClickException(f"{path} is in no library that is known")
    return found
