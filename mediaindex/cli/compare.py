"""`mediaindex caption --compare`: what several models say, their times, and a page of it all."""

import shlex
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click

from mediaindex import parts
from mediaindex.cli.captioned import figures, look_as_json, why_not
from mediaindex.cli.output import counted, duration, printable, put_json, put_table
from mediaindex.cli.waiting import Waiting
from mediaindex.comparing import Comparison, Trial, compare
from mediaindex.config import Config
from mediaindex.errors import ConfigError, ServerOff
from mediaindex.exporting.place import check_file
from mediaindex.looking import Look
from mediaindex.media.comparison import (
    COMPARISON,
    Heading,
    Model,
    Row,
    Words,
    write_comparison,
)
from mediaindex.media.sheet import check_place
from mediaindex.types import Caption

NOTHING_KEPT, NOT_NOW = 1, 3
PAGES = (".html", ".htm")


def compare_models(
    config: Config, models: str, folder: Path, number: int, to: Path | None, *, wants_json: bool
) -> int:
    """Show several models the same photos of a folder; 1 if one of them described none.

    Raises:
        ConfigError: What was asked for cannot be done.
        RetryLater: A server or a model is not there.
    """
    names = list(dict.fromkeys(name.strip() for name in models.split(",") if name.strip()))
    if len(names) < 2:
        raise click.UsageError("--compare takes two models or more: A,B")
    if not folder.expanduser().is_dir():
        raise click.UsageError(f"{printable(str(folder))} is not a folder that is there")
    if to is not None:
        _check_target(config, to, folder)
    with _advising(config, names), Waiting() as waiting:
        found = compare(
            config,
            names,
            folder,
            number,
            waiting.stop,
            lambda model, at, of: waiting.say(
                f"{model}: picture {at} of {of}" if at else f"{model}: it is being loaded"
            ),
        )
    if to is not None:
        _write(config, to, folder, found)
    if wants_json:
        put_json(_as_json(found))
    else:
        _put(found)
        if to is not None:
            click.echo(f"comparison: {to}", err=True)
    return max(map(_code, found.trials))


@contextmanager
def _advising(config: Config, names: Sequence[str]) -> Iterator[None]:
    """Say of a model that is missing how it gets there."""
    try:
        yield
    except ServerOff as error:
        section = config.settings.caption
        can_pull = "ollama" in [server.use or section.use for server in section.servers] or (
            section.use == "ollama" and not section.servers
        )
        missing = next((name for name in names if f"no model {name!r}" in str(error)), None)
        if missing is None or not can_pull:
            raise
        pull = f"mediaindex model pull {shlex.quote(missing)}"
        raise ServerOff(f"{error}. To have it: {pull}") from error


def _code(trial: Trial) -> int:
    if trial.described:
        return 0
    return NOT_NOW if all(look.has_failed for look in trial.looks) else NOTHING_KEPT


def _check_target(config: Config, to: Path, folder: Path) -> None:
    """Check it now: what took an hour should not be lost at its end."""
    if to.suffix.lower() not in PAGES:
        raise ConfigError(f"a comparison is written to a .html, not to {to.name}")
    check_file(config, to, [parts.absolute(folder)])
    check_place(to, COMPARISON)


def _put(found: Comparison) -> None:
    head = ["model", "described", "mean", "median", "tokens/s"]
    rows = [[*head, "whole library"] if found.moments else head]
    rows += [[printable(trial.model), *_figures(trial, found.moments)] for trial in found.trials]
    put_table(rows, right=(1, 2, 3, 4, 5))
    if found.moments:
        click.echo(f"\nwhole library: {counted(found.moments, 'moment')} at the mean time")


def _figures(trial: Trial, moments: int) -> list[str]:
    speed = trial.tokens_per_s
    whole_s = trial.whole_s(moments)
    told = [
        f"{trial.described} of {len(trial.looks)}",
        _seconds(trial.mean_s),
        _seconds(trial.median_s),
        "" if speed is None else f"{speed:.0f}",
    ]
    return [*told, "" if whole_s is None else duration(whole_s)] if moments else told


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f} s"


def _write(config: Config, to: Path, folder: Path, found: Comparison) -> None:
    names = ["described: ", "mean: ", "median: ", "tokens/s: ", "whole library: "]
    models = [
        Model(trial.model, tuple(map("".join, _named(names, _figures(trial, found.moments)))))
        for trial in found.trials
    ]
    rows = [
        Row(
            view.jpeg,
            printable(_within(folder, view.path)),
            view.path,
            tuple(_words(trial.looks[number]) for trial in found.trials),
        )
        for number, view in enumerate(found.views)
    ]
    title = f"{' · '.join(model.name for model in models)}: {printable(str(folder))}"
    write_comparison(to, Heading(title, tuple(_notes(config, found))), models, rows)


def _within(folder: Path, path: Path) -> str:
    root = parts.absolute(folder)
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def _notes(config: Config, found: Comparison) -> Iterator[str]:
    """Yield what one needs to know to compare this page with another."""
    described = [look.described for trial in found.trials for look in trial.looks]
    prompts = sorted({one.origin.prompt_version for one in described if one})
    told = [f"{date.today():%Y-%m-%d}", counted(len(found.views), "picture")]
    told.append(f"language: {config.settings.caption.language}")
    told += [f"prompts: {', '.join(prompts)}"] if prompts else []
    yield " · ".join(told)
    if found.moments:
        yield (
            f"Whole library: {counted(found.moments, 'moment')} at the mean time, as many at once "
            "as the servers take."
        )


def _named(names: Iterable[str], values: Iterable[str]) -> list[tuple[str, str]]:
    return [(name, value or "not known") for name, value in zip(names, values, strict=False)]


def _words(look: Look) -> Words:
    found = look.caption or Caption("")
    return Words(
        found.description,
        found.tags,
        found.text_in_image,
        found.setting,
        figures(look.described) if look.described else "",
        why_not(look) if look.why_not else "",
    )


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        "version": 1,
        "moments": found.moments,
        "models": [
            {
                "model": trial.model,
                "pictures": len(trial.looks),
                "described": trial.described,
                "mean_s": trial.mean_s,
                "median_s": trial.median_s,
                "tokens_per_s": trial.tokens_per_s,
                "library_s": trial.whole_s(found.moments) if found.moments else None,
                "files": [
                    {"path": printable(str(look.view.path)), **look_as_json(look)}
                    for look in trial.looks
                ],
            }
            for trial in found.trials
        ],
    }
