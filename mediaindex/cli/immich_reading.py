"""Have Immich read now, by the daemon or here, and look on until that has ended."""

import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from types import FrameType
from typing import Any

import click

from mediaindex import parts
from mediaindex.cli.noting import noting
from mediaindex.cli.output import counted, printable, put_wrapped
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.daemon.beside import progress
from mediaindex.immich.reading import read_all
from mediaindex.immich.standing import standing
from mediaindex.store.database import Database

LOOK_S = 0.3


@dataclass(frozen=True)
class Done:
    """What came of it."""

    #: An account each, as `immich.reading.Read` has it.
    reads: Sequence[Mapping[str, Any]]
    #: Why it could not be read, for people; None: it could.
    trouble: str | None = None
    #: Ctrl-C ended it, or the looking on.
    interrupted: bool = False


def read_now(config: Config, daemon: Daemon | None, *, full: bool, quiet: bool) -> Done:
    """Read what changed, or all of it; whoever looks on sees how far it is.

    Raises:
        AlreadyRunning: Another process reads it.
        RetryLater: The daemon went away.
    """
    with noting(quiet=quiet) as on_note:
        if daemon is None:
            return _read_here(config, on_note, full=full)
        try:
            return _look_on(daemon, on_note, full=full)
        except KeyboardInterrupt:
            return Done([], interrupted=True)


def _look_on(daemon: Daemon, on_note: Any, *, full: bool) -> Done:  # noqa: ANN401 - OnNote
    query = "?full=true" if full else ""
    number = daemon.post(f"/api/v1/immich/sync{query}")["reading"]
    while True:
        now = daemon.get("/api/v1/immich")["now"]
        if now["ended"] >= number:
            return Done(now["reads"], now["trouble"])
        on_note(printable(now["doing"] or "waiting for the daemon to read Immich"))
        time.sleep(LOOK_S)


def _read_here(config: Config, on_note: Any, *, full: bool) -> Done:  # noqa: ANN401 - OnNote
    database = parts.store(config)
    try:
        with _stopped_by_person() as stop:
            reads = read_all(
                config,
                database,
                partial(datetime.now, UTC),
                full=full,
                stop=stop,
                on_progress=lambda met, matched: on_note(progress(met, matched)),
            )
        trouble = "; ".join(one["trouble"] for one in _accounts(database) if one["trouble"])
        return Done([asdict(read) for read in reads], trouble or None, interrupted=stop.is_set())
    finally:
        database.close()


def _accounts(database: Database) -> Sequence[Mapping[str, Any]]:
    accounts: Sequence[Mapping[str, Any]] = standing(database)["accounts"]
    return accounts


@contextmanager
def _stopped_by_person() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C sets; a second one ends the program."""
    stop = threading.Event()

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()

    before = signal.signal(signal.SIGINT, on_signal)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def put_done(done: Done, *, by_daemon: bool) -> None:
    """Write for people what came of it."""
    for read in done.reads:
        put_wrapped(_told(read))
        if read["held_back"]:
            click.echo("  to decide what that means: mediaindex immich confirm (see its --help)")
    if done.trouble:
        put_wrapped(f"Immich cannot be read now: {printable(done.trouble)}")
    if done.interrupted:
        goes_on = "the daemon goes on with it" if by_daemon else "the next reading goes on"
        click.echo(f"interrupted; {goes_on}", err=True)


def _told(read: Mapping[str, Any]) -> str:
    what = "all of it was read" if read["is_full"] else "what changed was read"
    facts = [f"{read['met']:,} photos and videos", f"{read['matched']:,} of them here"]
    for number, said in (
        (read["changed"], "with something new"),
        (read["vanished"], "not to be seen there any more"),
        (read["held_back"], "seem to be gone from there"),
    ):
        if number:
            facts.append(f"{number:,} {said}")
    requests = counted(read["requests"], "request")
    return f"{printable(read['name'])}: {what}: {', '.join(facts)} ({requests})"
