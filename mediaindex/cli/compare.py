"""`mediaindex caption --compare`: what several models say, their times, and a page of it all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from mediaindex.cli.captioned import figures, look_as_json
from mediaindex.cli.output import counted, duration, printable, put_json, put_table
from mediaindex.cli.waiting import Waiting
from mediaindex.comparing import Comparison, Trial, compare
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.looking import Look
from mediaindex.media.comparison import Model, Row, Words, write_comparison
from mediaindex.media.sheet import check_place
from mediaindex.types import Caption

NOTHING_KEPT = 1
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
        _check_target(to)
    with Waiting() as waiting:
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
        _write(to, folder, found)
    if wants_json:
        put_json(_as_json(found))
    else:
        _put(found)
        if to is not None:
            click.echo(f"comparison: {to}", err=True)
    return 0 if all(trial.described for trial in found.trials) else NOTHING_KEPT


def _check_target(to: Path) -> None:
    """Check it now: what took an hour should not be lost at its end."""
    if to.suffix.lower() not in PAGES:
        raise ConfigError(f"a comparison is written to a .html, not to {to.name}")
    check_place(to)


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


def _write(to: Path, folder: Path, found: Comparison) -> None:
    names = ["described: ", "mean: ", "median: ", "tokens/s: ", "whole library: "]
    models = [
        Model(trial.model, tuple(map("".join, _named(names, _figures(trial, found.moments)))))
        for trial in found.trials
    ]
    rows = [
        Row(
            view.jpeg,
            printable(view.path.name),
            view.path,
            tuple(_words(trial.looks[number]) for trial in found.trials),
        )
        for number, view in enumerate(found.views)
    ]
    title = f"{' · '.join(model.name for model in models)}: {printable(str(folder))}"
    write_comparison(to, title, models, rows)


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
        look.why_not,
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
