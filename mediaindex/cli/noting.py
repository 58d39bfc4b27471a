"""One line on stderr that says what goes on, where a person looks on."""

import logging
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
    handlers = logging.getLogger().handlers
    for handler in handlers:
        handler.addFilter(_make_way)
    try:
        yield lambda note: click.echo(f"{CLEAR}{note}", err=True, nl=False)
    finally:
        for handler in handlers:
            handler.removeFilter(_make_way)
        click.echo(CLEAR, err=True, nl=False)


def _make_way(record: logging.LogRecord) -> bool:
    """Have what is logged stand on a line of its own, and not behind the note."""
    del record
    click.echo(CLEAR, err=True, nl=False)
    return True
