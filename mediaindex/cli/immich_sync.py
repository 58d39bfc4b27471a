"""`mediaindex immich sync`: read now what changed in Immich."""

import click

from mediaindex.cli.immich_opened import NOBODY
from mediaindex.cli.immich_reading import put_done, read_now
from mediaindex.cli.immich_status import found_accounts
from mediaindex.cli.output import put_json, settings_of
from mediaindex.errors import ConfigError
from mediaindex.remote import daemon_of

HELD_BACK, NOT_READ, INTERRUPTED = 1, 3, 130


@click.command("sync")
@click.option("--full", is_flag=True, help="Read all of it, not only what changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_sync(ctx: click.Context, full: bool, as_json: bool) -> int:
    """Read now what changed in Immich since the last time.

    The daemon does so by itself (immich.read_cron), and reads all of it every night: new faces and
    tags show only then, or with --full.

    Exit codes: 0 it was read; 1 it was, and you have to say why so much is gone (immich
    confirm); 2 none is connected; 3 it cannot be read now; 130 interrupted.
    """
    config = settings_of(ctx)
    daemon = daemon_of(config)
    if not found_accounts(config, daemon)["accounts"]:
        raise ConfigError(NOBODY)
    done = read_now(config, daemon, full=full, quiet=as_json)
    if as_json:
        reads = list(done.reads)
        put_json({"version": 1, "reads": reads, "trouble": done.trouble})
    else:
        put_done(done, by_daemon=daemon is not None)
    if done.interrupted:
        return INTERRUPTED
    if done.trouble:
        return NOT_READ
    return HELD_BACK if any(read["held_back"] for read in done.reads) else 0
