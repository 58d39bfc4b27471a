"""`mediaindex config show`: the settings in force."""

from collections.abc import Iterator, Mapping
from typing import Any

import click
import yaml

from mediaindex.cli.output import put_json, settings_of
from mediaindex.config import as_shown
from mediaindex.config_file import Keys, Places


@click.group()
def config() -> None:
    """Show the settings in force."""


@config.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def show(ctx: click.Context, as_json: bool) -> None:
    """Print every setting in force and where it was set; secrets are masked.

    A setting without a remark has its default.
    """
    found = settings_of(ctx)
    plain = as_shown(found)
    if as_json:
        put_json(plain)
        return
    click.echo(f"# {found.file or 'no config.yaml was found'}")
    for line in _lines(plain, found.places):
        click.echo(line)


def _lines(values: Mapping[str, Any], places: Places, at: Keys = ()) -> Iterator[str]:
    """Yield the lines of a YAML file with these values, each with a remark where it was set."""
    for key, value in values.items():
        here = (*at, key)
        indent = "  " * len(at)
        if isinstance(value, dict):
            yield f"{indent}{key}:"
            yield from _lines(value, places, here)
            continue
        text = yaml.safe_dump({key: value}, allow_unicode=True, width=10_000, sort_keys=False)
        first, *rest = text.splitlines()
        remark = f"  # {places[here]}" if here in places else ""
        yield f"{indent}{first}{remark}"
        yield from (f"{indent}{line}" for line in rest)
