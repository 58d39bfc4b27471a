"""Have a question answered: by the daemon, or here where none runs."""

import os
from datetime import date

import click

from mediaindex import remote
from mediaindex.cli.output import printable
from mediaindex.cli.reading import daemon_to_read
from mediaindex.clients.daemon import Daemon, OtherVersion, TooLarge
from mediaindex.config import Config
from mediaindex.errors import QueryError, Unusable
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer

RESTART = "restart it, so that it is of this version: systemctl restart mediaindex"


def answer(config: Config, asked: Asked, today: date) -> Answer:
    """Answer one question.

    Raises:
        QueryError: The question cannot be understood, or the picture not be decoded.
        RetryLater: A picture was given, and the model that would look at it is not there; or the
            daemon hangs.
        StoreError: There is no database, or it cannot be used.
    """
    return answer_by(config, daemon_to_read(config), asked, today)


def answer_by(config: Config, daemon: Daemon | None, asked: Asked, today: date) -> Answer:
    """Answer one question by this daemon; here if it is None, or of another version.

    Raises:
        QueryError: As `answer`, and where the picture that was given is none.
        RetryLater, StoreError: As `answer`.
    """
    try:
        return _answer(config, daemon, asked, today)
    except Unusable as error:
        if asked.like is None:
            raise
        path = printable(str(asked.like))
        raise QueryError(f"--like takes a photo, no video; {path}: {error}") from error


def _answer(config: Config, daemon: Daemon | None, asked: Asked, today: date) -> Answer:
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
