"""The daemon, for commands that only read and so can do without one."""

import os

import click

from mediaindex import remote
from mediaindex.cli.output import printable
from mediaindex.clients.daemon import Daemon, Silent
from mediaindex.config import Config


def daemon_to_read(config: Config) -> Daemon | None:
    """Return the running daemon; None if there is none, or it hangs and its database can be read.

    Raises:
        NotAllowed: It may not be asked by this person.
        Silent: It hangs, and its database is another user's.
    """
    try:
        return remote.daemon_of(config)
    except Silent as error:
        if not os.access(config.database_path, os.R_OK):
            raise
        click.echo(f"{printable(str(error))}; the index is read without it", err=True)
        return None
