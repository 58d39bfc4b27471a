"""`mediaindex model`: which models there are, which are here, and how one gets here.

Those that look at pictures run in this program, those that describe them on a server.
"""

import sys
from contextlib import suppress
from dataclasses import asdict

import click

from mediaindex.cli.describers import describers_as_json, pull_all, put_describers
from mediaindex.cli.output import put_json, put_table, settings_of, size
from mediaindex.config import Config
from mediaindex.embedders.clip.presets import PRESETS, SOURCE, ModelInfo, describe, size_words
from mediaindex.embedders.clip.weights import download as bring
from mediaindex.embedders.clip.weights import find, installed
from mediaindex.errors import RetryLater


@click.group()
def model() -> None:
    """List the models that look at or describe pictures, or download one."""


@model.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> int:
    """List the recommended models with their figures, and those on this machine.

    Then the models on the servers that describe pictures, and which of them can see.
    """
    config = settings_of(ctx)
    here = {found.manifest.name: found.manifest for found in installed(config.models_dir)}
    others = [name for name in here if name not in {info.model for info in PRESETS.values()}]
    infos = [*PRESETS.values(), *(describe(name) for name in others)]
    if as_json:
        put_json(
            {
                "version": 1,
                "source": SOURCE,
                "chosen": config.settings.embedder.model,
                "models": [asdict(info) | {"installed": info.model in here} for info in infos],
                "captions": describers_as_json(config),
            }
        )
        return 0
    rows: list[tuple[str, ...]] = [
        ("", "name", "model", "download", "English", "Arabic", "ms", "memory", "here")
    ]
    rows += [_row(info, config.settings.embedder.model, info.model in here) for info in infos]
    put_table(rows, right=(3, 4, 5, 6, 7))
    click.echo(
        "\n*: chosen by embedder.model. English, Arabic: recall in %. ms: time for one picture.\n"
        "memory: while it works; to prepare it, once, takes 3.5 times the size of the download.\n"
        f"Figures: {SOURCE}.\n"
    )
    for info in PRESETS.values():
        click.echo(f"{info.name}: {info.note} Licence: {info.licence}.")
    put_describers(config)
    return 0


@model.command()
@click.argument("name", required=False)
@click.pass_context
def download(ctx: click.Context, name: str | None) -> int:
    """Download the model NAME, or else the one chosen by embedder.model.

    NAME is a preset (see: mediaindex model list), any open_clip model as ARCHITECTURE/WEIGHTS,
    hf-hub:OWNER/NAME, or a path. Apart from this command, only "mediaindex index" goes to the
    internet, with --download or after you said yes, and Ollama does for "mediaindex model pull".
    Pictures are sent to nobody but the servers that you configured to describe them.
    """
    config = settings_of(ctx)
    fetch(config, name or config.settings.embedder.model)
    return 0


@model.command()
@click.argument("name", required=False)
@click.pass_context
def pull(ctx: click.Context, name: str | None) -> int:
    """Have Ollama download the model NAME, or else the one chosen by caption.model.

    NAME is as in Ollama's library (gemma3:4b). All Ollama servers in the settings download it.
    """
    pull_all(settings_of(ctx), name, _Told)
    return 0


def missing(config: Config) -> ModelInfo | None:
    """Return what is known of the chosen model if it is not on this machine; None if it is."""
    section = config.settings.embedder
    if section.use != "open_clip":
        return None
    try:
        find(section.model, config.models_dir)
    except RetryLater:
        return describe(section.model)
    return None


def fetch(config: Config, name: str) -> None:
    """Bring a model here, with progress on stderr.

    Raises:
        ConfigError: The name means nothing.
        RetryLater: No network, no room, or a hub that refuses; the text says what to do.
    """
    size = describe(name).download_bytes
    click.echo(f"{name}: {size_words(size) if size else 'size not known'}", err=True)
    told = _Told()
    with suppress(OSError):  # told below
        config.cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    manifest = bring(name, config.models_dir, told, config.settings.embedder.hub_token)
    told.end()
    click.echo(f"{manifest.model_id} is here ({size_words(manifest.size_bytes)} on disk)", err=True)


class _Told:
    """Says how far a download is: in place on a terminal, each step once in a pipe."""

    def __init__(self) -> None:
        self._what = ""
        self._live = sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        if self._live:
            far = f" {size_words(done)} of {size_words(total)}" if total else ""
            click.echo(f"\r\033[K{what}{far}", nl=False, err=True)
        elif what != self._what:
            click.echo(what, err=True)
        self._what = what

    def end(self) -> None:
        if self._live:
            click.echo("\r\033[K", nl=False, err=True)


def _row(info: ModelInfo, chosen: str, here: bool) -> tuple[str, ...]:
    def known(value: float | None) -> str:
        return "" if value is None else f"{value:g}"

    return (
        "*" if chosen in (info.name, info.model) else "",
        info.name if info.name != info.model else "",
        info.model,
        size_words(info.download_bytes) if info.download_bytes else "",
        known(info.recall_english),
        known(info.recall_arabic),
        known(info.picture_ms),
        size(info.memory_mib * 1024 * 1024) if info.memory_mib else "",
        "yes" if here else "",
    )
