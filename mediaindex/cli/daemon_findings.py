"""What `mediaindex doctor` finds of the daemon: who answers, what it opens, what it has kept."""

import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from mediaindex import __version__
from mediaindex.care.backup import last_backup
from mediaindex.cli.finding import Finding
from mediaindex.cli.output import counted
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.errors import MediaIndexError
from mediaindex.listening import check_listening
from mediaindex.remote import daemon_of

STALE = timedelta(days=30)


def examine_daemon(config: Config, now: datetime) -> Iterator[Finding]:
    """Yield what is found of the daemon that these settings mean, and of its copies."""
    yield _running(config)
    if config.settings.serve.listen is not None:
        yield _listening(config)
    if config.database_path.exists():
        yield _backup(config, now)


def _running(config: Config) -> Finding:
    try:
        daemon = daemon_of(config)
        if daemon is None:
            said = f"none runs (nobody listens at {config.socket_path}); commands do the work"
            return Finding("daemon", "ok", said)
        daemon.get("/health")
        version = _version(daemon)
    except MediaIndexError as error:
        return Finding("daemon", "bad", str(error))
    said = f"{version}, answers at {daemon.socket_path}"
    if version != __version__:
        return Finding("daemon", "note", f"{said}; restart it, so that it is of this version")
    return Finding("daemon", "ok", said)


def _version(daemon: Daemon) -> str:
    numbers = daemon.get_bytes("/metrics")
    told = re.search(rb'mediaindex_build_info\{version="([^"]*)"', numbers)
    return told[1].decode() if told else "of a version that it does not tell"


def _listening(config: Config) -> Finding:
    try:
        check_listening(config)
    except MediaIndexError as error:
        return Finding("TCP", "bad", f"mediaindex serve would not start: {error}")
    return Finding("TCP", "ok", f"{config.settings.serve.listen}, with a token")


def _backup(config: Config, now: datetime) -> Finding:
    folder = config.backup_dir
    last = last_backup(folder)
    if last is not None:
        age = now.astimezone(UTC) - last.made_at
        said = f"the last is {_age(age)} old: {last.path}"
        return Finding("backup", "note" if age > STALE else "ok", said)
    if folder.exists() and not os.access(folder, os.R_OK | os.X_OK):
        return Finding("backup", "note", f"{folder} may not be looked into by you")
    return Finding("backup", "note", f"none in {folder} yet; mediaindex backup makes one")


def _age(age: timedelta) -> str:
    minutes = max(0, int(age.total_seconds()) // 60)  # clocks were wrong before
    if minutes < 60:
        return counted(minutes, "minute")
    return counted(minutes // 60, "hour") if minutes < 24 * 60 else counted(age.days, "day")
