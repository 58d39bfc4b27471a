"""A page that lays side by side what several models say of the same pictures."""

import base64
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from mediaindex.media.sheet import Sort, one_line, put_sheet

COMPARISON = Sort("comparison of models")


@dataclass(frozen=True)
class Model:
    """One column."""

    name: str
    #: What was measured, a line each.
    figures: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """What one model says of one picture."""

    description: str = ""
    tags: tuple[str, ...] = ()
    #: What can be read in the picture; may have several lines.
    text: str = ""
    setting: str = ""
    #: How long it took, and such.
    figures: str = ""
    #: Why there is nothing of the others; "" if there is.
    why_not: str = ""


@dataclass(frozen=True)
class Row:
    """One picture with what each model says of it, in the order of the columns."""

    #: As the models were shown it.
    jpeg: bytes
    name: str
    #: What a click opens.
    target: Path
    words: tuple[Words, ...]


@dataclass(frozen=True)
class Heading:
    """What stands above all of it."""

    title: str
    #: How it came about: lines below the title.
    notes: tuple[str, ...] = ()


def write_comparison(
    path: Path, heading: Heading, models: Sequence[Model], rows: Sequence[Row]
) -> None:
    """Write a page that needs nothing else: the pictures are inside, a click opens the file.

    Raises:
        ConfigError: `path` is a file that is no comparison, or cannot be written.
    """
    put_sheet(path, comparison_html(heading, models, rows).encode(), COMPARISON)


def comparison_html(heading: Heading, models: Sequence[Model], rows: Sequence[Row]) -> str:
    """Return the page; a column a model, below each other where the screen is narrow."""
    heads = "".join(
        f"<div><h2>{_said(model.name)}</h2>{'<br>'.join(map(_said, model.figures))}</div>"
        for model in models
    )
    put = {
        "columns": str(len(models)),
        "title": _said(heading.title),
        "notes": "<br>".join(map(_said, heading.notes)),
        "figures": f"<section class=head><div></div>{heads}</section>",
        "rows": "\n".join(_row(models, row) for row in rows),
    }
    # In one pass: what a model says is not looked through again.
    return re.sub(r"\{(columns|title|notes|figures|rows)\}", lambda place: put[place[1]], PAGE)


def _row(models: Sequence[Model], row: Row) -> str:
    link = html.escape("file://" + quote(bytes(row.target)))
    data = base64.b64encode(row.jpeg).decode("ascii")
    cells = "".join(
        f"<div class=words><h2>{_said(model.name)}</h2>{''.join(_parts(words))}</div>"
        for model, words in zip(models, row.words, strict=True)
    )
    return (
        f'<section><figure><a href="{link}"><img alt="" src="data:image/jpeg;base64,{data}"></a>'
        f"<figcaption>{_said(row.name)}</figcaption></figure>{cells}</section>"
    )


def _parts(words: Words) -> Iterator[str]:
    if words.why_not:
        yield f"<p class=not dir=auto>{_said(words.why_not)}</p>"
    if words.description:
        yield f"<p dir=auto>{_said(words.description)}</p>"
    if words.tags:
        yield f"<p class=tags dir=auto>{_said(', '.join(words.tags))}</p>"
    if words.text:
        lines = "<br>".join(map(_said, words.text.splitlines()))
        yield f"<blockquote dir=auto>{lines}</blockquote>"
    if words.setting:
        yield f"<p class=pale dir=auto>{_said(words.setting)}</p>"
    if words.figures:
        yield f"<p class=pale>{_said(words.figures)}</p>"


def _said(line: str) -> str:
    return html.escape(one_line(line))


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="generator" content="comparison of models by mediaindex">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; overflow-wrap: anywhere; }
  h1 { font-size: 1.2rem; font-weight: 600; margin: 0 0 1rem; }
  h2 { font-size: 1em; font-weight: 600; margin: 0 0 .3rem; }
  section { display: grid; gap: .75rem 1.5rem; padding: 1.25rem 0; border-top: 1px solid
    color-mix(in srgb, currentColor 15%, transparent);
    grid-template-columns: minmax(200px, 1fr) repeat({columns}, minmax(0, 1fr)); }
  figure, p { margin: 0; min-width: 0; }
  p, blockquote { margin: 0 0 .5rem; }
  img { width: 100%; max-height: 60vh; object-fit: contain; border-radius: 6px;
    background: color-mix(in srgb, currentColor 8%, transparent); }
  blockquote { padding-left: .7rem; border-left: 3px solid
    color-mix(in srgb, currentColor 25%, transparent); }
  figcaption, .pale { opacity: .65; }
  .tags { opacity: .8; }
  .head { border-top: 0; padding-top: 0; }
  .not { font-weight: 600; }
  @media (max-width: 820px) {
    body { margin: 1rem; }
    section { grid-template-columns: minmax(0, 1fr); }
  }
</style>
<h1>{title}</h1>
<p class=pale>{notes}</p>
{figures}
<main>
{rows}
</main>
"""
