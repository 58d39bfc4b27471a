"""`mediaindex immich revert`: take our words out of Immich, and put back what was there."""

from collections import Counter
from pathlib import Path

import click

from mediaindex.cli import consent
from mediaindex.cli.immich_write import both_kinds
from mediaindex.cli.index import INTERRUPTED, stop_on_signals
from mediaindex.cli.output import counted, printable, put_json, put_wrapped, settings_of
from mediaindex.cli.progress import Display
from mediaindex.config import Config
from mediaindex.publishing import STILL_ON, TagsDeleted, Taken, reverts
from mediaindex.remote import daemon_of

LEFT = 1
"""Exit code: something of ours is left there."""

DAEMON_WRITES = (
    "the daemon still writes, so it would come back: set immich.write: [] in its settings, and "
    "have it read them again (systemctl reload mediaindex)"
)

QUESTION = "Take out of Immich what mediaindex wrote there, and put back what stood there before?"
QUESTION_ALL = (
    "Take everything out of Immich that is marked as mediaindex's, also what this database knows "
    "nothing of?"
)


@click.command("revert")
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, readable=False))
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Also what this database knows nothing of; looks through the whole archive.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be done; send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_revert(
    ctx: click.Context,
    files: tuple[Path, ...],
    everything: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Put back what stood in Immich before mediaindex wrote there: for FILES, or for all.

    Where somebody changed words around ours, theirs stay and ours go. What somebody changed of ours
    is left, and named. It can be interrupted, and goes on when it is begun again. Writing has to be
    off (immich.write: []), also in the daemon.

    Exit codes: 0 nothing of ours is left; 1 something is; 2 a mistake, or writing is on; 3 Immich
    is being read or written to, or does not answer; 130 interrupted.
    """
    config = settings_of(ctx)
    if everything and files:
        raise click.UsageError("--all looks through everything; name no files with it")
    if config.settings.immich.write and not dry_run:
        raise click.UsageError(STILL_ON)
    if not dry_run and _daemon_writes(config):
        raise click.UsageError(DAEMON_WRITES)
    if not (yes or dry_run):
        consent.ask(QUESTION_ALL if everything else QUESTION)
    summary = _Summary(dry_run)
    with Display(quiet=as_json) as display:
        stop = stop_on_signals(display)
        for one in reverts(
            config, files, everything=everything, dry_run=dry_run, is_over=stop.is_set
        ):
            summary.add(one)
            display.events.on_note(f"{summary.verb} {summary.done:,}")
    summary.put(as_json=as_json, interrupted=stop.is_set())
    if stop.is_set():
        return INTERRUPTED
    return LEFT if summary.left else 0


def _daemon_writes(config: Config) -> bool:
    """Return whether a daemon is running and writes, by the settings that it goes by."""
    daemon = daemon_of(config)
    return daemon is not None and bool(daemon.get("/api/v1/immich")["now"].get("writes"))


class _Summary:
    """Counts what was put back, and keeps what was left."""

    def __init__(self, dry_run: bool) -> None:
        self.verb = "would put back" if dry_run else "put back"
        self.done = self.tags_deleted = 0
        self.left: list[tuple[str, str]] = []

    def add(self, one: Taken | TagsDeleted) -> None:
        if isinstance(one, TagsDeleted):
            self.tags_deleted += one.number
        elif one.reverted.done.left is None:
            self.done += 1
        else:
            name = one.path or f"{one.account.web_url}/photos/{one.reverted.uuid}"
            self.left.append((name, one.reverted.done.left))

    def put(self, *, as_json: bool, interrupted: bool) -> None:
        if as_json:
            left = [{"path": printable(name), "reason": reason} for name, reason in self.left]
            found = {"put_back": self.done, "tags_deleted": self.tags_deleted, "left": left}
            put_json({"version": 1, **found, "interrupted": interrupted})
            return
        click.echo(f"{self.verb} what stood on {both_kinds(self.done)}")
        if self.tags_deleted:
            click.echo(f"  deleted {counted(self.tags_deleted, 'tag')} that nothing has any more")
        for reason, number in Counter(reason for _, reason in self.left).most_common():
            put_wrapped(f"  {number:,} left: {reason}")
            for name, why in self.left:
                if why == reason:
                    click.echo(f"    {printable(name)}")
        if interrupted:
            click.echo("Interrupted; begun again, it goes on from here.")
