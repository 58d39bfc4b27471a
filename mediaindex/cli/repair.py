"""`mediaindex repair`: find what is out of order, and put it right."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import click

from mediaindex.care.repair import Finding
from mediaindex.care.repair import repair as mend
from mediaindex.cli.noting import noting
from mediaindex.cli.output import printable, put_json, put_wrapped, settings_of

COLOURS = {"ok": "green", "mended": "cyan", "to mend": "yellow", "left": None, "bad": "red"}


@click.command()
@click.option("--dry-run", "is_dry", is_flag=True, help="Only look, and change nothing.")
@click.option(
    "--leftovers",
    "is_thorough",
    is_flag=True,
    help="Also remove indexes of other databases, and damaged ones that were set aside lately.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def repair(ctx: click.Context, is_dry: bool, is_thorough: bool, as_json: bool) -> int:
    """Find what is damaged, behind or left over, and put it right.

    The search index, full text and previews are made again from the database. A database that is
    damaged itself is left as it is: it is said how to bring a backup back. The daemon has to be
    stopped (systemctl stop mediaindex). Your photos and videos are never touched.

    The exit code is 1 if something is bad that only you can put right.
    """
    config = settings_of(ctx)
    with noting(quiet=as_json) as on_note:
        now = datetime.now(UTC)
        found = list(mend(config, now, is_dry=is_dry, is_thorough=is_thorough, on_note=on_note))
    if as_json:
        findings = [asdict(finding) for finding in found]
        put_json({"version": 1, "dry_run": is_dry, "findings": findings})
    else:
        _tell(found)
    return 1 if any(finding.state == "bad" for finding in found) else 0


def _tell(found: Sequence[Finding]) -> None:
    for finding in found:
        click.echo(click.style(f"{finding.state:>7}  ", fg=COLOURS[finding.state]), nl=False)
        put_wrapped(f"{finding.what}: {printable(finding.said)}")
    if any(finding.state == "to mend" for finding in found):
        click.echo("Without --dry-run, mediaindex repair puts this right.")
