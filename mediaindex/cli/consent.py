"""Ask a person before something is done that they may not want."""

import sys

import click

NOBODY_THERE = "nobody can answer that here; say --yes to go on without being asked"


def ask(question: str) -> None:
    """Return if the person says yes.

    Raises:
        Abort: They say no, or Ctrl-C.
        UsageError: The answer cannot come: there is no terminal, and nothing stands in the pipe.
    """
    try:
        is_wanted = click.confirm(question, err=True)
    except click.Abort as error:
        if sys.stdin.isatty() or not isinstance(error.__context__, EOFError):
            raise
        click.echo(err=True)  # the question stands there without an end of its line
        raise click.UsageError(NOBODY_THERE) from error
    if not is_wanted:
        raise click.Abort
