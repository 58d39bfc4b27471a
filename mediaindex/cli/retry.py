"""`mediaindex retry`: make due again what failed or was put off."""

from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex.cli.output import put_json, settings_of
from mediaindex.pipeline.again import try_again
from mediaindex.pipeline.stage import STAGES
from mediaindex.store.database import open_database
from mediaindex.store.files import find_file
from mediaindex.store.tables import FileRow


@click.command()
@click.option("--failed", is_flag=True, help="Everything that failed or was put off.")
@click.option("--stage", type=click.Choice(STAGES), help="Only what failed in this stage.")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def retry(
    ctx: click.Context, failed: bool, stage: str | None, files: tuple[Path, ...], as_json: bool
) -> int:
    """Try again what failed: everything, only one stage, or only FILES.

    With --stage caption, moments of which the model said nothing worth keeping are described again,
    too; FILES are, whatever was said of them.

    This only marks the work; the next run of mediaindex index does it.
    """
    if not (failed or stage or files):
        raise click.UsageError("say what to try again: --failed, --stage NAME, or files")
    config = settings_of(ctx)
    if not config.database_path.exists():
        raise click.ClickException("nothing is indexed yet; try: mediaindex index ~/Pictures")
    database = open_database(config.database_path)
    try:
        with database.write() as session:
            ids = [_known(session, path).id for path in files] if files else None
            count, again = try_again(session, stage, ids)
    finally:
        database.close()
    if as_json:
        put_json({"version": 1, "retried": count})
        return 0
    click.echo(f"{count:,} will be tried again by the next run of: mediaindex index")
    if again and files:
        click.echo(
            f"{again:,} of them will be described again; what is said of them now serves until then"
        )
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
