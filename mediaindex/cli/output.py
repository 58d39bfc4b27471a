"""How the commands speak: settings, tables, JSON, sizes, and times."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mediaindex.config import Config, load_config
from mediaindex.logs import set_up_logs


def settings_of(ctx: click.Context) -> Config:
    """Return the settings in force and set logging up accordingly.

    Raises:
        ConfigError: A setting is wrong.
    """
    config = load_config(ctx.find_root().obj)
    set_up_logs(config.settings.log.level, config.settings.log.format)
    return config


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
