"""`mediaindex immich revert`: take our words out of Immich, and put back what was there."""

from collections import Counter
from pathlib import Path

import click

from mediaindex.cli import consent
from mediaindex.cli.immich_write import NOT_NOW, both_kinds, hindered
from mediaindex.cli.index import INTERRUPTED, stop_on_signals
from mediaindex.cli.output import counted, printable, put_json, put_wrapped, settings_of
from mediaindex.cli.progress import Display
from mediaindex.config import Config
from mediaindex.immich.reaching import Hindrance
from mediaindex.immich.reverting import NOT_SEEN, How
from mediaindex.immich.writing import EDITED
from mediaindex.publishing import (
    STILL_ON,
    UNKNOWN,
    TagsDeleted,
    Taken,
    reverts,
    unknown_versions,
)
from mediaindex.remote import daemon_of

LEFT = 1
"""Exit code: something of ours is left there."""

DAEMON_WRITES = (
    "the daemon still writes, so it would come back: set immich.write: [] in its settings, and "
    "have it read them again (systemctl reload mediaindex)"
)

TO_FORGET = "What was deleted there can be forgotten here: mediaindex immich revert --forget-gone"

TO_TAKE_OUT = (
    "To take out what somebody changed of ours, too, and lose that: mediaindex immich revert "
    "--edited"
)

QUESTION = "Take out of Immich what mediaindex wrote there, and put back what stood there before?"
QUESTION_UNKNOWN = (
    "Immich {} is newer than this program knows, so nobody knows what taking words out does there. "
    "Go on?"
)
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
@click.option(
    "--edited", is_flag=True, help="Also what somebody changed inside our block; it is lost."
)
@click.option(
    "--forget-gone",
    is_flag=True,
    help="Forget what Immich does not show any more; if it was locked, ours stays on it.",
)
@click.option(
    "--unknown-version",
    is_flag=True,
    help="Also from an Immich newer than this program knows.",
)
@click.option("--dry-run", is_flag=True, help="Only show what would be done; send nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_revert(
    ctx: click.Context,
    files: tuple[Path, ...],
    everything: bool,
    edited: bool,
    forget_gone: bool,
    unknown_version: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Put back what stood in Immich before mediaindex wrote there: for FILES, or for all.

    Where somebody changed words around ours, theirs stay and ours go. What somebody changed of ours
    is left, and named; --edited takes it out, too. It can be interrupted, and goes on when it is
    begun again. Writing has to be off (immich.write: []), also in the daemon.

    Exit codes: 0 nothing of ours is left; 1 something is; 2 a mistake, or writing is on; 3 Immich
    is being read or written to, or one does not answer; 130 interrupted.
    """
    config = settings_of(ctx)
    if everything and files:
        raise click.UsageError("--all looks through everything; name no files with it")
    if config.settings.immich.write and not dry_run:
        raise click.UsageError(STILL_ON)
    if not dry_run and _daemon_writes(config):
        raise click.UsageError(DAEMON_WRITES)
    if not dry_run:
        unknown_version = _ask(
            config, everything=everything, yes=yes, unknown_version=unknown_version
        )
    summary = _Summary(dry_run)
    with Display(quiet=as_json) as display:
        stop = stop_on_signals(display)
        how = How(dry_run, edited, forget_gone, is_over=stop.is_set)
        for one in reverts(
            config, files, how, everything=everything, unknown_version=unknown_version
        ):
            summary.add(one)
            display.events.on_note(f"{summary.verb} {summary.done:,}")
    summary.put(as_json=as_json, interrupted=stop.is_set())
    if stop.is_set():
        return INTERRUPTED
    if summary.hindrances:
        return NOT_NOW
    return LEFT if summary.left else 0


def _ask(config: Config, *, everything: bool, yes: bool, unknown_version: bool) -> bool:
    """Have it confirmed; returns whether an Immich of an unknown version may be written to.

    Raises:
        UsageError: Nobody may be asked of that.
    """
    if not unknown_version:
        for version in sorted({one.version for one in unknown_versions(config)}):
            if yes:
                raise click.UsageError(UNKNOWN.format(version))
            consent.ask(QUESTION_UNKNOWN.format(version))
            unknown_version = True
    if not yes:
        consent.ask(QUESTION_ALL if everything else QUESTION)
    return unknown_version


def _daemon_writes(config: Config) -> bool:
    """Return whether a daemon is running and writes, by the settings that it goes by."""
    daemon = daemon_of(config)
    return daemon is not None and bool(daemon.get("/api/v1/immich")["now"].get("writes"))


class _Summary:
    """Counts what was put back, and keeps what was left."""

    def __init__(self, dry_run: bool) -> None:
        self.verb = "would put back" if dry_run else "put back"
        self._out, self._in = set[str](), set[str]()
        self.deleted = self.tags_deleted = 0
        self.left: list[tuple[str, str]] = []
        self.hindrances: list[Hindrance] = []

    def add(self, one: Taken | TagsDeleted | Hindrance) -> None:
        if isinstance(one, Hindrance):
            self.hindrances.append(one)
        elif isinstance(one, TagsDeleted):
            self.tags_deleted += one.number
        elif one.reverted.done.left is not None:
            name = one.path or f"{one.account.web_url}/photos/{one.reverted.uuid}"
            self.left.append((name, one.reverted.done.left))
            self._in.add(one.reverted.uuid)
        elif one.reverted.is_deleted:
            self.deleted += 1
        else:
            self._out.add(one.reverted.uuid)

    @property
    def done(self) -> int:
        """How many have nothing of ours any more."""
        return len(self._out - self._in)

    def put(self, *, as_json: bool, interrupted: bool) -> None:
        if as_json:
            left = [{"path": printable(name), "reason": reason} for name, reason in self.left]
            found = {"put_back": self.done, "forgotten": self.deleted}
            found |= {"tags_deleted": self.tags_deleted}
            skipped = [
                {"account": one.account.user_name, "url": one.account.url, "reason": one.reason}
                for one in self.hindrances
            ]
            told = {**found, "left": left, "skipped": skipped, "interrupted": interrupted}
            put_json({"version": 1, **told})
            return
        click.echo(f"{self.verb} what stood on {both_kinds(self.done)}")
        if self.deleted:
            click.echo(f"  {counted(self.deleted, 'photo')} deleted in Immich, and forgotten here")
        if self.tags_deleted:
            click.echo(f"  deleted {counted(self.tags_deleted, 'tag')} that nothing has any more")
        self._put_left()
        for one in self.hindrances:
            put_wrapped(hindered(one))
        if interrupted:
            click.echo("Interrupted; begun again, it goes on from here.")

    def _put_left(self) -> None:
        reasons = Counter(reason for _, reason in self.left)
        for reason, number in reasons.most_common():
            put_wrapped(f"  {number:,} left: {printable(reason)}")
            for name, why in self.left:
                if why == reason:
                    click.echo(f"    {printable(name)}")
        for reason, remedy in ((NOT_SEEN, TO_FORGET), (EDITED, TO_TAKE_OUT)):
            if reason in reasons:
                put_wrapped(f"  {remedy}")
