"""One line on stderr that says what goes on, where a person looks on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from mediaindex.care import OnNote, unheard

CLEAR = "\r\x1b[K"


@contextmanager
def noting(*, quiet: bool = False) -> Iterator[OnNote]:
    """Give what writes a note over the one before; nothing in a pipe, and nothing at the end."""
    if quiet or not sys.stderr.isatty():
        yield unheard
        return
    try:
        yield lambda note: click.echo(f"{CLEAR}{note}", err=True, nl=False)
    finally:
        click.echo(CLEAR, err=True, nl=False)
