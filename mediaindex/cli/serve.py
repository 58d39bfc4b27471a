"""`mediaindex serve`: the daemon, in the foreground."""

import logging
import os
import queue
import shutil
import signal
import sys
import tempfile
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from mediaindex.cli.output import settings_of
from mediaindex.cli.running import TO_ADD
from mediaindex.config import Config
from mediaindex.logs import set_up_logs

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
"""So often it looks whether all of it is alive, and tells whoever started it."""

START_S = 3600.0
"""A large database may have to be looked through and migrated first."""

TEMPORARY = "mediaindex-tmp"
"""What is thrown away again, in the folders of cache and state; a name that nobody has for anything
else."""

SWITCH_S = 0.0005
"""So soon a thread that computes lets another have the interpreter. A question gives it up with
every row that SQLite is asked for, and where something is indexed gets it back only after so long.
Of 50 searches a second beside a backlog half were answered within 122 ms with Python's own 5 ms,
and within 28 ms with this (benchmarks/hardship.py load)."""

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@click.command()
@click.pass_context
def serve(ctx: click.Context) -> NoReturn:
    """Watch the libraries, index what is new, and answer searches, until it is stopped.

    Made to be run by systemd (deploy/install.sh sets that up), and by hand just as well: Ctrl-C
    ends it. SIGHUP has it read the settings again. The other commands find it by themselves.

    Exit codes: 0 it was stopped; 1 the store cannot be used; 2 a mistake in the settings; 3 another
    mediaindex works on the same state.
    """
    told = _listen()
    config = settings_of(ctx)
    _throw_away_in(config.cache_dir / TEMPORARY, config.state_dir / TEMPORARY)
    if ("log", "level") not in config.places:
        set_up_logs("info", config.settings.log.format)
    # What a program needs that stays for years takes a second to load; no other command needs it.
    from mediaindex.indexing import check_folders
    from mediaindex.store.lock import worker_lock

    check_folders(config)
    with worker_lock(config.state_dir):
        _run(config, ctx.find_root().obj, told)
    # Whatever still runs (a backup, a thread that hangs in a dead share) would keep the process.
    logging.shutdown()
    os._exit(0)


def _run(config: Config, file: Path | None, told: "queue.SimpleQueue[int]") -> None:
    """Serve until a signal ends it.

    Raises:
        ConfigError: A setting does not fit.
        StoreError: The database cannot be used.
    """
    from mediaindex.api.server import serve as open_doors
    from mediaindex.care.integrity import check_at_start, note_sound
    from mediaindex.daemon import systemd
    from mediaindex.daemon.daemon import Daemon
    from mediaindex.listening import check_listening

    sys.setswitchinterval(SWITCH_S)
    check_listening(config)
    _seal(config)
    systemd.extend(START_S)
    now = datetime.now(UTC)
    verdict = check_at_start(config, now, log.info)
    if verdict.note:
        log.warning("%s", verdict.note)
    daemon = Daemon(config, file)
    if verdict.looked_because:
        note_sound(daemon.database, now)
    # The doors are closed first: nobody is answered from a store that is being closed.
    with daemon, open_doors(daemon, is_alive=lambda: not daemon.is_hung) as doors:
        log.info("ready: %s", config.socket_path)
        if not daemon.state().libraries:
            log.warning("there is no library yet; %s", TO_ADD)
        systemd.ready()
        while (number := _next(told, systemd.watchdog_s())) not in (signal.SIGTERM, signal.SIGINT):
            if number == signal.SIGHUP:
                systemd.reloading()
                daemon.reload()
                systemd.ready()
            if doors.are_open and not daemon.is_hung:
                systemd.alive()
        systemd.stopping()
        log.info("stopping")
        daemon.stop()


def _seal(config: Config) -> None:
    """Have the kernel refuse to write anywhere but into our own folders: photos are only read."""
    from mediaindex.daemon.landlock import write_only_below

    ours = [config.state_dir, config.cache_dir, config.socket_path.parent, config.backup_dir]
    for folder in ours:
        with suppress(OSError):  # whoever needs it says what is wrong with it
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for temporary in (config.cache_dir / TEMPORARY, config.state_dir / TEMPORARY):
        shutil.rmtree(temporary, ignore_errors=True)
        with suppress(OSError):
            temporary.mkdir(mode=0o700)
    if write_only_below(ours):
        told = ", ".join(sorted({str(folder) for folder in ours}))
        log.info("the kernel lets nothing be written but in %s", told)


def _throw_away_in(folder: Path, of_sqlite: Path) -> None:
    """Have us and our children keep what is thrown away again in folders of our own.

    Into that of all nothing is written, as libraries may lie there. SQLite reads this when it is
    loaded; and takes the first folder that the permissions let it write to, whatever the kernel
    forbids besides.

    Args:
        folder: For all but SQLite.
        of_sqlite: Beside the database: without room for its temporary files SQLite writes nothing,
            and a disk full of previews shall not keep it from that.
    """
    os.environ["TMPDIR"] = str(folder)
    os.environ["SQLITE_TMPDIR"] = str(of_sqlite)
    tempfile.tempdir = None  # what was found before counts no more


def _listen() -> "queue.SimpleQueue[int]":
    """Return a queue that gets every signal; its `put` may be called by a handler."""
    told: queue.SimpleQueue[int] = queue.SimpleQueue()

    def tell(number: int, _frame: FrameType | None) -> None:
        told.put(number)

    for number in SIGNALS:
        signal.signal(number, tell)
    return told


def _next(told: "queue.SimpleQueue[int]", watchdog_s: float | None) -> int | None:
    """Wait for a signal, and no longer than whoever watches over us would."""
    limit_s = LOOK_EVERY_S if watchdog_s is None else min(LOOK_EVERY_S, watchdog_s / 3)
    try:
        return told.get(timeout=limit_s)
    except queue.Empty:
        return None
