"""How hits are shown: lines, JSON, contact sheets."""

import re
import shutil
import textwrap
from collections.abc import Sequence
from pathlib import Path

import click

from mediaindex import parts
from mediaindex.cli.output import printable
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.exporting.place import check_file
from mediaindex.media.previews import PreviewMissing
from mediaindex.media.sheet import Cell, write_sheet_html, write_sheet_jpg
from mediaindex.search.hits import Answer, Hit, Reason
from mediaindex.types import Said

SAYS = {"seen": "read in the picture:", "machine": "described:"}
"""How people are told of a passage of a model's, by the column of full text."""

PICTURES, PAGES = (".jpg", ".jpeg"), (".html", ".htm")
"""The suffixes of contact sheets."""


def put_hits(answer: Answer) -> None:
    """Write the answer for people; notes go to stderr, so that a pipe gets hits only."""
    for note in answer.notes:
        click.secho(note, err=True, dim=True)
    if not answer.hits:
        click.echo("nothing found", err=True)
    if answer.no_good_match:
        click.echo("no good match; the nearest are:", err=True)
    for number, hit in enumerate(answer.hits, start=1):
        mark = "?" if hit.weak else " "
        # All that pass a filter are equal.
        score = f"{hit.score:.2f}" if why(hit) else "    "
        path = click.style(printable(hit.shown.paths[0]), bold=True)
        click.echo(f"{number:>3}{mark} {score}  {path}")
        for line in _told(hit):
            click.secho(line, dim=True)


def why(hit: Hit) -> str:
    """Return in a few words why this was found; nothing if it only passes the filter."""
    return _reasons(hit.why)


def _told(hit: Hit) -> list[str]:
    """Return the lines below a hit's path: facts and reasons, then what a model says of it."""
    said = hit.shown.caption or hit.shown.summary
    words = [word for reason in hit.why for word in _marked(reason)]
    described, read = _described(said, words), _read(said, words)
    lines = {"machine": described, "seen": read}
    # What the model's own lines show is not said twice.
    others = [one for one in hit.why if not _is_in(one, lines.get(one.source or "", []))]
    facts = [_time(hit), _date(hit), hit.shown.place, _reasons(others)]
    about = "  ·  ".join(fact for fact in facts if fact)
    return [*_wrapped("", about, None), *described, *read]


def _reasons(reasons: Sequence[Reason]) -> str:
    return ", ".join(_reason(reason) for reason in reasons if reason.by != "filter")


def _marked(reason: Reason) -> list[str]:
    """Return the words of a passage of a model's that were asked for."""
    if reason.source not in SAYS:
        return []
    return list(dict.fromkeys(re.findall("«([^»]*)»", reason.passage or "")))


def _is_in(reason: Reason, lines: Sequence[str]) -> bool:
    """Return whether what a reason says stands in the model's lines, words marked and all."""
    there = " ".join(" ".join(lines).split())
    words = [" ".join(printable(word).split()) for word in _marked(reason)]
    return bool(words) and all(f"«{word}»" in there for word in words)


def check_sheet(config: Config, target: Path) -> None:
    """Check, before anything is asked, that a contact sheet can have this name.

    Raises:
        ConfigError: The suffix is none that can be written, or it lies in a folder of media.
    """
    if target.suffix.lower() not in (*PICTURES, *PAGES):
        raise ConfigError(f"a contact sheet is a .jpg or a .html, not {target.name}")
    check_file(config, target)


def write_sheet(config: Config, answer: Answer, target: Path, title: str) -> None:
    """Write the hits as a contact sheet, as the target's suffix says (see `check_sheet`)."""
    previews = parts.previews(config)
    cells = []
    for hit in answer.hits:
        try:
            picture = previews.read(hit.shown.sha256, hit.shown.at_ms)
        except PreviewMissing:
            picture = None
        path = Path(hit.shown.paths[0])
        facts = (_time(hit), _date(hit), hit.shown.place, why(hit))
        lines = (printable(path.name), *(fact for fact in facts if fact))
        cells.append(Cell(picture, lines, path))
    if target.suffix.lower() in PAGES:
        write_sheet_html(target, cells, title)
    else:
        write_sheet_jpg(target, cells)


def _described(said: Said | None, words: Sequence[str]) -> list[str]:
    """Return the lines with what a model says, marked as such, these words of it between «»."""
    return _wrapped("model: ", _with_marks(said.caption.description, words), 2) if said else []


def _read(said: Said | None, words: Sequence[str]) -> list[str]:
    """Return the line with what a model reads in the picture, if there is anything."""
    text = said.caption.text_in_image if said else ""
    return _wrapped("reads: ", _with_marks(text, words), 1) if text else []


def _with_marks(text: str, words: Sequence[str]) -> str:
    """Return a text on one line, these words between «»."""
    line = " ".join(text.split())
    if not words:
        return line
    found = "|".join(map(_pattern, sorted(words, key=len, reverse=True)))
    return re.sub(found, lambda one: f"«{one[0]}»", line)


def _pattern(word: str) -> str:
    exact = re.escape(" ".join(word.split()))
    # Where words are written without blanks, there is none around a word.
    return rf"(?<!\w){exact}(?!\w)" if max(word) < "\u0e00" else exact


def _wrapped(mark: str, text: str, lines: int | None) -> list[str]:
    """Return a text on so many lines of the terminal at most, the rest cut off with a mark."""
    return textwrap.wrap(
        mark + printable(text),
        width=max(40, shutil.get_terminal_size().columns - 1),
        initial_indent=" " * 10,
        subsequent_indent=" " * (10 + len(mark)),
        max_lines=lines,
        break_on_hyphens=False,
        placeholder=" …",
    )


def _reason(reason: Reason) -> str:
    if reason.by == "picture":
        return f"looks like it ({reason.similarity:.2f})"
    if reason.by == "text":
        return "its words mean it"
    if reason.by == "caption":
        return "its description means it"
    if reason.source == "names":
        found = re.findall("«[^»]*»", reason.passage or "")
        return "name: " + ", ".join(dict.fromkeys(found))
    lines = [line for line in (reason.passage or "").splitlines() if "«" in line]
    said = printable(" ".join(" ".join(lines).split()))
    return f"{SAYS.get(reason.source or '', 'says')} {said}"


def _time(hit: Hit) -> str | None:
    """Return where in a video it is."""
    shown = hit.shown
    if shown.kind != "video":
        return None
    return f"at {clock(shown.at_ms)} ({clock(shown.start_ms)}-{clock(shown.end_ms)})"


def clock(at_ms: int) -> str:
    """Return a time in a video as players show it: 14:32, or 1:14:32."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _date(hit: Hit) -> str | None:
    local = hit.shown.taken_local
    if local is None:
        return None
    # The file's own time says when it was copied as often as when it was taken.
    return f"{local:%Y-%m-%d %H:%M}" + (" (file time)" if hit.shown.taken_source == "mtime" else "")
