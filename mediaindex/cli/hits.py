"""How hits are shown to people: lines at a terminal."""

import re
import shutil
import textwrap
from collections.abc import Sequence

import click

from mediaindex.cli.output import printable
from mediaindex.search.hits import Answer, Hit, Reason
from mediaindex.shown import Said

SAYS = {"seen": "read in the picture:", "machine": "described:"}
"""How people are told of a passage of a model's, by the column of full text."""


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
    """Return the lines below a hit's path: facts and reasons, what a model says of it, its link."""
    said = hit.shown.caption or hit.shown.summary
    words = [word for reason in hit.why for word in _marked(reason)]
    described, read = _described(said, words), _read(said, words)
    lines = {"machine": described, "seen": read}
    # What the model's own lines show is not said twice.
    others = [one for one in hit.why if not _is_in(one, lines.get(one.source or "", []))]
    facts = [time_of(hit), date_of(hit), hit.shown.place, _reasons(others)]
    about = "  ·  ".join(fact for fact in facts if fact)
    # Whole, so that a terminal makes a link of it.
    link = [f"{'':10}{printable(hit.shown.immich_url)}"] if hit.shown.immich_url else []
    return [*_wrapped("", about, None), *described, *read, *link]


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
    said = printable(" ".join(" ".join(_lines_found(reason.passage or "")).split()))
    return f"{SAYS.get(reason.source or '', 'says')} {said}"


def _lines_found(passage: str) -> list[str]:
    """Return the lines in which something was found; that may go on over several of them."""
    lines: list[str] = []
    is_open = False
    for line in passage.splitlines():
        if is_open or "«" in line:
            lines.append(line)
        is_open = line.rfind("«") > line.rfind("»") or (is_open and "»" not in line)
    return lines


def time_of(hit: Hit) -> str | None:
    """Return where in a video it is; None for a photo."""
    shown = hit.shown
    if shown.kind != "video":
        return None
    return f"at {clock(shown.at_ms)} ({clock(shown.start_ms)}-{clock(shown.end_ms)})"


def clock(at_ms: int) -> str:
    """Return a time in a video as players show it: 14:32, or 1:14:32."""
    minutes, seconds = divmod(at_ms // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def date_of(hit: Hit) -> str | None:
    """Return when it was taken."""
    local = hit.shown.taken_local
    if local is None:
        return None
    # The file's own time says when it was copied as often as when it was taken.
    return f"{local:%Y-%m-%d %H:%M}" + (" (file time)" if hit.shown.taken_source == "mtime" else "")
