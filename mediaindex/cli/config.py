"""`mediaindex config`: the settings in force, and the prompts to begin one's own with."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click
import yaml

from mediaindex.cli.output import put_json, settings_of
from mediaindex.config import as_shown
from mediaindex.config_file import Keys, Places
from mediaindex.errors import ConfigError


@click.group()
def config() -> None:
    """Show the settings in force, or write our prompts where you can change them."""


@config.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def prompts(folder: Path) -> int:
    """Write the prompts for captions into FOLDER, for you to change.

    They are used once caption.prompts in config.yaml names the folder. Files that are there already
    stay as they are.
    """
    from mediaindex.captioners.prompting import our_texts

    kept = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in our_texts().items():
            try:
                with (folder / f"{name}.txt").open("x", encoding="utf-8") as file:
                    file.write(text + "\n")
            except FileExistsError:
                kept.append(f"{name}.txt")
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written: {error.strerror}") from error
    if kept:
        click.echo(f"left as they are: {', '.join(kept)}", err=True)
    click.echo(f"the prompts are in {folder}; to use them, set in config.yaml:")
    click.echo(f"caption:\n  prompts: {folder.absolute()}")
    return 0


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
