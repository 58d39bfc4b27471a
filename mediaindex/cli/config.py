"""`mediaindex config`: the settings in force, and the prompts to begin one's own with."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from mediaindex.apart import check_written
from mediaindex.captioners.prompting import PLACEHOLDERS, write_prompts
from mediaindex.cli.output import counted, printable, put_json, put_table, settings_of
from mediaindex.config import as_shown
from mediaindex.config_file import Keys, Places


@click.group()
def config() -> None:
    """Show the settings in force, or write the prompts to change them."""


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
    # The first line has named its folder.
    name = found.file.name if found.file else ""
    places = {keys: at.replace(f"{found.file} ", f"{name} ") for keys, at in found.places.items()}
    for line in _lines(plain, places):
        click.echo(line)


@config.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.pass_context
def prompts(ctx: click.Context, folder: Path) -> None:
    """Write the prompts that captions are asked for with into FOLDER, to be changed there.

    Nothing is overwritten. Files that you leave as they are may be removed: ours are used then,
    and get better with a new version.
    """
    check_written(settings_of(ctx), folder, is_folder=True)
    written = write_prompts(folder.expanduser())
    click.echo(f"Wrote {counted(len(written), 'prompt')} into {printable(str(folder))}")
    filled = [(f"{name}.txt", _placeholders(name)) for name in PLACEHOLDERS]
    put_table([(f"  {name}", used) for name, used in filled])
    click.echo("Set caption.prompts to this folder; what a change concerns is described anew.")


def _placeholders(name: str) -> str:
    return " ".join(f"${placeholder}" for placeholder in sorted(PLACEHOLDERS[name])) or "-"


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
