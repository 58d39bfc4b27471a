"""Have a question answered: by the daemon, or here where none runs."""

import os
from datetime import date

import click

from mediaindex import remote
from mediaindex.cli.output import printable
from mediaindex.cli.reading import daemon_to_read
from mediaindex.clients.daemon import Daemon, OtherVersion, TooLarge
from mediaindex.config import Config
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer

RESTART = "restart it, so that it is of this version: systemctl restart mediaindex"


def answer(config: Config, asked: Asked, today: date) -> Answer:
    """Answer one question.

    Raises:
        QueryError: The question cannot be understood.
        RetryLater: A picture was given, and the model that would look at it is not there; or the
            daemon hangs.
        StoreError: There is no database, or it cannot be used.
        Unusable: The picture cannot be decoded.
    """
    return answer_by(config, daemon_to_read(config), asked, today)


def answer_by(config: Config, daemon: Daemon | None, asked: Asked, today: date) -> Answer:
    """Answer one question by this daemon; here if it is None, or of another version."""
    if daemon is not None:
        try:
            return remote.ask(daemon, asked, today)
        except (OtherVersion, TooLarge) as error:
            if not os.access(config.database_path, os.R_OK):
                raise
            if isinstance(error, OtherVersion):
                click.echo(f"{printable(str(error))}; {RESTART}", err=True)
    # What answers without a daemon takes a second to load.
    from mediaindex.asking import ask

    return ask(config, asked, today)
