"""`mediaindex retry`: make due again what failed or was put off."""

from collections.abc import Sequence
from pathlib import Path

import click
from sqlalchemy.orm import Session

from mediaindex.cli.output import put_json, settings_of
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.pipeline.again import not_a_file, try_again
from mediaindex.pipeline.stage import STAGES
from mediaindex.remote import daemon_of
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

    A daemon that runs does it at once. Without one this only marks the work, and the next run of
    mediaindex index does it.
    """
    if not (failed or stage or files):
        raise click.UsageError("say what to try again: --failed, --stage NAME, or files")
    config = settings_of(ctx)
    daemon = daemon_of(config)
    is_off = stage == "caption" and _are_captions_off(config, daemon)
    if daemon is not None:
        count, again = _have_retried(daemon, failed, stage, files)
    else:
        count, again = _retry(config, stage, files)
    if as_json:
        put_json({"version": 1, "retried": count})
        return 0
    when = "now, by the daemon" if daemon else "by the next run of: mediaindex index"
    if is_off:
        when = "when captions are on again: they are off in the settings (caption.use)"
    click.echo(f"{count:,} will be tried again {when}")
    if again and files:
        click.echo(
            f"{again:,} of them will be described again; what is said of them now serves until then"
        )
    return 0


def _are_captions_off(config: Config, daemon: Daemon | None) -> bool:
    if daemon is None:
        return config.settings.caption.use == "off"
    captions = daemon.get("/api/v1/status", failures=0)["captions"]
    return captions is None or captions["model"] is None


def _have_retried(
    daemon: Daemon, failed: bool, stage: str | None, files: Sequence[Path]
) -> tuple[int, int]:
    # From / on: the daemon stands elsewhere. Links are for it to follow, which knows its files.
    names = [str(file.expanduser().absolute()) for file in files] or None
    told = daemon.post("/api/v1/retry", {"failed": failed, "stage": stage, "files": names})
    return told["retried"], told.get("described_again", 0)


def _retry(config: Config, stage: str | None, files: Sequence[Path]) -> tuple[int, int]:
    """Return how many are tried again, and how many of them though nothing went wrong."""
    if not config.database_path.exists():
        raise click.ClickException("nothing is indexed yet; try: mediaindex index ~/Pictures")
    database = open_database(config.database_path)
    try:
        with database.write() as session:
            ids = [_known(session, path).id for path in files] if files else None
            return try_again(session, stage, ids)
    finally:
        database.close()


def _known(session: Session, path: Path) -> FileRow:
    path = path.expanduser()
    # As it is named, for files behind a link in the library; else where it really lies.
    found = find_file(session, path.absolute()) or find_file(
        session, path.parent.resolve() / path.name
    )
    if found is None:
        raise click.ClickException(not_a_file(path))
    return found
