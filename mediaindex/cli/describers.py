"""The models that describe pictures: what is installed on the servers, and how one gets there."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from mediaindex import describers
from mediaindex.captioners import Captioner, OnPull
from mediaindex.cli.output import printable, put_table, size
from mediaindex.cli.waiting import Waiting
from mediaindex.config import Config
from mediaindex.errors import ConfigError, Faulty, RetryLater, ServerOff
from mediaindex.installed import Installed, same, survey

SEES = {True: "yes", False: "no", None: "not told"}


def put_describers(config: Config) -> None:
    """Write for people which models the configured servers have; a server that is off is told."""
    if config.settings.caption.use == "off":
        click.echo("\nDescriptions: nobody makes any (caption.use: off)")
        return
    for one in survey(config):
        click.echo(f"\nDescriptions, {printable(one.server)}:", nl=False)
        if one.trouble is not None:
            click.echo(f" {printable(one.trouble)}")
            continue
        click.echo()
        _put_server(one)


def describers_as_json(config: Config) -> dict[str, Any]:
    """Return the same in the documented shape."""
    return {
        "use": config.settings.caption.use,
        "servers": [
            {
                "server": one.server,
                "chosen": one.chosen,
                "trouble": one.trouble,
                "models": [
                    asdict(facts) | {"chosen": same(facts.name, one.chosen)} for facts in one.models
                ],
            }
            for one in survey(config)
        ],
    }


def pull_all(config: Config, name: str | None, told: Callable[[], OnPull]) -> None:
    """Have each Ollama of the settings download a model.

    Args:
        config: The settings in force.
        name: The model; None: the one that is chosen for each server.
        told: Gives what tells how a download goes, anew for each.

    Raises:
        ConfigError: Nobody describes pictures.
        ServerOff: A server is off, knows no such model, or none of them can download.
    """
    section = config.settings.caption
    if section.use == "off":
        raise ConfigError(f"caption.use is off ({config.place_of('caption', 'use')})")
    uses = [server.use or section.use for server in section.servers] or [section.use]
    captioners = [captioner for captioner, _ in describers.captioners(config, name)]
    can = "ollama" in uses
    failed: list[str] = []
    with Waiting() as waiting:
        for use, captioner in zip(uses, captioners, strict=True):
            trouble = _no_pull(captioner) if use == "openai" else _pulled(captioner, told())
            waiting.clear()
            if trouble is not None and use == "openai" and can:
                click.echo(trouble, err=True)  # the others can
            elif trouble is not None:
                failed.append(trouble)
            else:
                click.echo(f"{captioner.model} is on {captioner.server}", err=True)
    if failed:
        raise ServerOff("; ".join(failed))


def _pulled(captioner: Captioner, told: OnPull) -> str | None:
    """Have one server download its model; returns why it did not."""
    is_told = False

    def tell(what: str, done: int, total: int) -> None:
        nonlocal is_told
        if not is_told:  # it did answer
            click.echo(f"{captioner.model}: {captioner.server} downloads it", err=True)
            is_told = True
        told(what, done, total)

    try:
        captioner.pull(tell)
    except (RetryLater, Faulty) as error:
        return str(error)
    finally:
        captioner.close()
    return None


def _no_pull(captioner: Captioner) -> str:
    captioner.close()
    return (
        f"only Ollama can be asked to download a model; start your server ({captioner.server}) "
        f"with {captioner.model} yourself"
    )


def _put_server(one: Installed) -> None:
    rows: list[tuple[str, ...]] = [("", "model", "family", "size", "can see")]
    rows += [
        (
            "*" if same(facts.name, one.chosen) else "",
            printable(facts.name),
            printable(facts.family),
            size(facts.size_bytes) if facts.size_bytes else "",
            SEES[facts.can_see],
        )
        for facts in one.models
    ]
    put_table(rows, right=(3,))
    if one.find(one.chosen) is None:
        click.echo(f"{printable(one.chosen)}, chosen by caption.model, is not there")
