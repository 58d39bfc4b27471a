"""How the commands speak: settings, tables, JSON, names, sizes, and times."""

import json
import os
import re
import shutil
import sys
import textwrap
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mediaindex.config import Config, EmbedderSettings, load_config
from mediaindex.errors import ConfigError
from mediaindex.logs import set_up_logs

# What would move the cursor, break the line or turn its direction.
_HALVES = re.compile("[\ud800-\udc7f\udd00-\udfff]")
"""Lone surrogates that stand for no byte of a file's name, as a model's JSON may hold."""

_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def settings_of(ctx: click.Context) -> Config:
    """Return the settings in force and set logging up accordingly.

    Raises:
        ConfigError: A setting is wrong.
    """
    config = load_config(ctx.find_root().obj)
    _check_model(config)
    set_up_logs(config.settings.log.level, config.settings.log.format)
    return config


def _check_model(config: Config) -> None:
    """Raise ConfigError if `embedder:` names nothing; whether it is here is another question."""
    # Ours is right, and looking at a name takes longer than a daemon takes to answer.
    is_ours = config.settings.embedder.model == EmbedderSettings().model
    if config.settings.embedder.use != "open_clip" or is_ours:
        return
    from mediaindex.embedders.clip.names import parse_name

    try:
        parse_name(config.settings.embedder.model)
    except ConfigError as error:
        raise ConfigError(f"{config.place_of('embedder', 'model')}: {error}") from error


def put_json(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Write one JSON document to stdout; times as ISO 8601, paths as text."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def put_table(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
    """Write rows as aligned columns; those numbered in `right` are flush right."""
    if not rows:
        return
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        click.echo("  ".join(cells).rstrip())


def put_wrapped(text: str) -> None:
    """Write a line; at a terminal it is broken between words, and what follows set in like it."""
    if sys.stdout.isatty():
        text = wrapped(text, shutil.get_terminal_size().columns)
    click.echo(text)


def wrapped(text: str, width: int) -> str:
    """Return a line broken between words, and set in by two more from the second on."""
    indent = text[: len(text) - len(text.lstrip())]
    return "\n".join(
        textwrap.wrap(
            text.strip(),
            width=max(30, width - 1),
            initial_indent=indent,
            subsequent_indent=indent + "  ",
            # What somebody may want to copy, such as a path, stays whole.
            break_long_words=False,
            break_on_hyphens=False,
        )
    )


def printable(name: str) -> str:
    r"""Return a path or a text on one line that cannot meddle with the terminal.

    Control characters are written as in Python (`\n`, `\x1b`); bad bytes and lone surrogates
    become U+FFFD.
    """
    decoded = os.fsencode(_HALVES.sub("\ufffd", name)).decode(errors="replace")
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), decoded)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 file`, `2,000 files`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def size(number_bytes: int) -> str:
    """Return a size as people read it (`605 MB`), in powers of ten."""
    value = float(number_bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def duration(seconds: float) -> str:
    """Return a duration as people read it (`3 min 20 s`)."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
