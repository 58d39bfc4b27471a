"""How captions are shown: lines and JSON."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from mediaindex.captioners.describe import Described
from mediaindex.cli.hits import clock
from mediaindex.cli.output import printable
from mediaindex.cli.reasons import plain
from mediaindex.looking import Look
from mediaindex.types import Caption


def put_looks(looks: Sequence[Look], *, is_verbose: bool) -> None:
    """Write for people what was said of a file's pictures.

    Args:
        looks: The pictures.
        is_verbose: With the raw answer, where it was rejected.
    """
    for look in looks:
        _put_look(look, is_verbose=is_verbose)


def _put_look(look: Look, *, is_verbose: bool) -> None:
    at = "" if look.view.at_ms is None else f"  at {clock(look.view.at_ms)}"
    click.secho(printable(str(look.view.path)) + at, bold=True)
    for line in _lines(look, is_verbose=is_verbose):
        click.echo(f"  {line}")
    if look.described is not None:
        origin = look.described.origin
        told = [origin.model, origin.server, figures(look.described)]
        click.secho("  " + "  ·  ".join(map(printable, told)), dim=True)


def put_trouble(path: Path, trouble: str) -> None:
    """Write for people why a file cannot be shown to a model."""
    click.secho(printable(str(path)), bold=True)
    click.echo(f"  cannot be used: {printable(trouble)}")


def why_not(look: Look) -> str:
    """Return why there is no caption, for people: the server's fault, or the model's words."""
    said = printable(plain(look.why_not))
    return f"the server gave no answer: {said}" if look.has_failed else said


def figures(described: Described) -> str:
    """Return how long it took and how fast it was: `2.3 s, 41 tokens/s`."""
    origin = described.origin
    speed = "" if origin.tokens_per_s is None else f", {origin.tokens_per_s:.0f} tokens/s"
    return f"{origin.duration_ms / 1000:.1f} s{speed}"


def as_json(path: Path, looks: Sequence[Look], trouble: str | None) -> dict[str, Any]:
    """Return one file's captions in the documented shape, version 1."""
    return {
        "path": printable(str(path)),
        "trouble": trouble,
        "captions": [look_as_json(look) for look in looks],
    }


def look_as_json(look: Look) -> dict[str, Any]:
    """Return what was said of one picture in the documented shape, version 1."""
    found, described = look.caption or Caption(""), look.described
    origin = described.origin if described else None
    return {
        "at_ms": look.view.at_ms,
        "description": found.description or None,
        "tags": list(found.tags),
        "text": found.text_in_image,
        "setting": found.setting,
        "rejected": None if look.has_failed else look.why_not or None,
        "trouble": look.trouble or None,
        "raw": described.raw if described else None,
        "model": origin.model if origin else None,
        "server": origin.server if origin else None,
        "duration_ms": origin.duration_ms if origin else None,
        "tokens": origin.tokens if origin else None,
        "tokens_per_s": origin.tokens_per_s if origin else None,
    }


def _lines(look: Look, *, is_verbose: bool) -> Iterator[str]:
    found = look.caption
    if found is None:
        yield why_not(look) if look.has_failed else f"nothing worth keeping: {why_not(look)}"
        raw = look.described.raw if look.described else ""
        if is_verbose and raw:
            yield "the raw answer:"
            yield from (f"  {printable(line)}" for line in raw.splitlines())
        return
    yield printable(found.description)
    if found.tags:
        yield f"tags: {printable(', '.join(found.tags))}"
    if found.text_in_image:
        yield f"text: {printable(' / '.join(found.text_in_image.splitlines()))}"
    if found.setting:
        yield f"setting: {printable(found.setting)}"
