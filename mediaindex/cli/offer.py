"""The question of the first run: a model is missing; fetch it?"""

import sys

import click

from mediaindex import parts
from mediaindex.cli.model import fetch, missing
from mediaindex.config import Config
from mediaindex.embedders.clip.presets import ModelInfo, size_words
from mediaindex.errors import RetryLater
from mediaindex.store import settings

DECLINED = "declined_model"
"""Under this name the store remembers which model a person did not want to be asked about again."""


def offer_download(config: Config, *, wanted: bool | None, may_ask: bool) -> bool:
    """Fetch the chosen model if it is missing and wanted; False if it was wanted and did not come.

    Args:
        config: The settings.
        wanted: Fetch it, or do not; None: ask, once, if somebody is there to answer.
        may_ask: False where a question would be out of place.
    """
    info = missing(config)
    if info is None or wanted is False:
        return True
    if wanted is None and not (may_ask and _agrees(config, info)):
        return True
    try:
        fetch(config, info.name)
    except RetryLater as error:
        click.echo(f"{error}\nGoing on without the model.", err=True)
        return False
    return True


def _agrees(config: Config, info: ModelInfo) -> bool:
    somebody = sys.stdin.isatty() and sys.stderr.isatty()
    if not somebody or _declined(config) == info.name:
        return False
    size = f" ({size_words(info.download_bytes)})" if info.download_bytes else ""
    click.echo(
        f"The model {info.name!r} is not on this machine. Without it, search knows names, dates, "
        "places and written words, but not what is in a picture.",
        err=True,
    )
    if click.confirm(f"Download it now{size}?", default=False, err=True):
        return True
    _decline(config, info.name)
    click.echo(
        f"Not asked again; when you want it: mediaindex model download {info.name}", err=True
    )
    return False


def _declined(config: Config) -> str | None:
    if not config.database_path.exists():
        return None
    database = parts.store(config)
    try:
        with database.read() as session:
            name: str | None = settings.recall(session, DECLINED)
            return name
    finally:
        database.close()


def _decline(config: Config, name: str) -> None:
    database = parts.store(config)
    try:
        with database.write() as session:
            settings.remember(session, DECLINED, name)
    finally:
        database.close()
