"""Contact sheets: many small pictures with their labels, as one JPEG or one HTML page."""

import base64
import errno
import html
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from urllib.parse import quote

from PIL import Image, ImageDraw

from mediaindex.errors import ConfigError
from mediaindex.media.fonts import Font, font_for
from mediaindex.types import RGB

CELL_PX = 300
LABEL_PX = 86
GAP_PX = 16
LINE_PX = 20
FONT_PX = 15
MOST_COLUMNS = 5

MARK_WITHIN_BYTES = 1024

NO_PREVIEW = "no preview"
PAPER, INK, PALE, FRAME = "#ffffff", "#1c1c1e", "#6b6b70", "#e4e4e7"


@dataclass(frozen=True)
class Sort:
    """A sort of sheet: one may take the place of another of its sort, and of nothing else."""

    #: For people.
    name: str

    @property
    def mark(self) -> bytes:
        """What stands in every sheet of this sort, near its beginning."""
        return f"{self.name} by mediaindex".encode()


CONTACT_SHEET = Sort("contact sheet")


@dataclass(frozen=True)
class Cell:
    """One picture and what is written under it."""

    #: None where the preview is gone.
    picture: RGB | None
    #: The first is the heading.
    lines: tuple[str, ...]
    #: What a click opens.
    target: Path


def write_sheet_jpg(path: Path, cells: Sequence[Cell]) -> None:
    """Write a grid of pictures with their labels as a JPEG; one without cells is a blank strip.

    Raises:
        ConfigError: `path` is a file that is no contact sheet, or cannot be written.
    """
    columns = min(MOST_COLUMNS, max(1, math.ceil(math.sqrt(len(cells)))))
    rows = max(1, math.ceil(len(cells) / columns))
    step_x, step_y = CELL_PX + GAP_PX, CELL_PX + LABEL_PX + GAP_PX
    sheet = Image.new("RGB", (columns * step_x + GAP_PX, rows * step_y + GAP_PX), PAPER)
    pen = ImageDraw.Draw(sheet)
    for number, cell in enumerate(cells):
        row, column = divmod(number, columns)
        left, top = GAP_PX + column * step_x, GAP_PX + row * step_y
        pen.rectangle((left, top, left + CELL_PX - 1, top + CELL_PX - 1), fill=FRAME)
        if cell.picture is None:
            middle = (left + CELL_PX // 2, top + CELL_PX // 2)
            pen.text(middle, NO_PREVIEW, fill=PALE, font=font_for(NO_PREVIEW, FONT_PX), anchor="mm")
        else:
            small = _fitted(cell.picture)
            sheet.paste(
                small, (left + (CELL_PX - small.width) // 2, top + (CELL_PX - small.height) // 2)
            )
        for place, line in enumerate(cell.lines[: LABEL_PX // LINE_PX]):
            at = (left, top + CELL_PX + 4 + place * LINE_PX)
            said = one_line(line)
            font = font_for(said, FONT_PX)
            pen.text(at, _shortened(said, pen, font), fill=PALE if place else INK, font=font)
    file = io.BytesIO()
    sheet.save(file, "JPEG", quality=88, comment=CONTACT_SHEET.mark)
    put_sheet(path, file.getvalue(), CONTACT_SHEET)


def write_sheet_html(path: Path, cells: Sequence[Cell], title: str) -> None:
    """Write a page that needs nothing else: the pictures are inside, a click opens the file.

    Raises:
        ConfigError: `path` is a file that is no contact sheet, or cannot be written.
    """
    figures = "\n".join(_figure(cell) for cell in cells) or "<p>Nothing found.</p>"
    page = PAGE.replace("{title}", html.escape(one_line(title))).replace("{figures}", figures)
    put_sheet(path, page.encode(), CONTACT_SHEET)


def check_place(path: Path, sort: Sort) -> None:
    """Check, before what takes long, that a sheet can be put there.

    Raises:
        ConfigError: `path` is a file that is no sheet of this sort, or its folder is not there.
    """
    target = path.resolve()  # a link stays a link
    try:
        if not target.parent.is_dir():
            reason = os.strerror(errno.ENOENT)
            raise ConfigError(f"cannot write the {sort.name} {path}: {reason}")
        if target.exists() and not (target.is_file() and _is_of(sort, target)):
            raise ConfigError(f"{path} is there already and is no {sort.name}; choose another name")
    except OSError as error:
        raise ConfigError(f"cannot write the {sort.name} {path}: {error.strerror}") from error


def put_sheet(path: Path, content: bytes, sort: Sort) -> None:
    """Put a sheet in its place, complete or not at all, and never in that of anything else.

    Args:
        path: Where; an older sheet of the same sort is replaced.
        content: With the sort's mark in its first `MARK_WITHIN_BYTES`.
        sort: What it is.

    Raises:
        ConfigError: `path` is a file that is no sheet of this sort, or cannot be written.
    """
    check_place(path, sort)
    target = path.resolve()
    try:
        partial = target.with_name(f".part-{token_hex(8)}")
        try:
            with partial.open("xb") as file:
                file.write(content)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot write the {sort.name} {path}: {error.strerror}") from error


def _is_of(sort: Sort, path: Path) -> bool:
    with path.open("rb") as file:
        return sort.mark in file.read(MARK_WITHIN_BYTES)


def _fitted(picture: RGB) -> Image.Image:
    small = Image.fromarray(picture)
    small.thumbnail((CELL_PX, CELL_PX), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return small


def one_line(line: str) -> str:
    """Return a line without line breaks, and without what is no text in a name's bytes."""
    return " ".join(line.encode("utf-8", "replace").decode().split())


def _shortened(line: str, pen: ImageDraw.ImageDraw, font: Font) -> str:
    """Return a line that fits, its middle left out: names tell most at both ends."""
    if pen.textlength(line, font=font) <= CELL_PX:
        return line
    for kept in range(len(line) - 1, 3, -1):
        short = f"{line[: (kept + 1) // 2]}...{line[len(line) - kept // 2 :]}"
        if pen.textlength(short, font=font) <= CELL_PX:
            return short
    return line[:3]


def _figure(cell: Cell) -> str:
    image = f"<div class=none>{NO_PREVIEW}</div>"
    if cell.picture is not None:
        file = io.BytesIO()
        _fitted(cell.picture).save(file, "JPEG", quality=82)
        data = base64.b64encode(file.getvalue()).decode("ascii")
        image = f'<img alt="" src="data:image/jpeg;base64,{data}">'
    link = html.escape("file://" + quote(bytes(cell.target)))
    said = [html.escape(one_line(line)) for line in cell.lines]
    labels = "".join(f"<span>{line}</span>" for line in said)
    return f'<figure><a href="{link}">{image}</a><figcaption>{labels}</figcaption></figure>'


PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="generator" content="contact sheet by mediaindex">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
  :root { color-scheme: light dark; }
  body { font: 14px/1.45 system-ui, sans-serif; margin: 2rem; }
  h1 { font-size: 1.2rem; font-weight: 600; margin: 0 0 1.5rem; }
  main { display: grid; grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)); gap: 1.5rem; }
  figure { margin: 0; min-width: 0; }
  img, .none { width: 100%; aspect-ratio: 1; object-fit: contain; border-radius: 6px;
    background: color-mix(in srgb, currentColor 8%, transparent); }
  .none { display: grid; place-items: center; opacity: .6; }
  figcaption span { display: block; overflow-wrap: anywhere; opacity: .65; }
  figcaption span:first-child { opacity: 1; font-weight: 600; margin-top: .4rem; }
</style>
<h1>{title}</h1>
<main>
{figures}
</main>
"""
