"""Words and filters on a command line, the same for all commands that search."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])

# A dash and a letter alone is an option: -n.
_LEFT_OUT = re.compile(r'-("|[^\W\d_]{2}|[^\x00-\x7f])')


class Words(click.Command):
    """Takes `-word` for what it is in a question, and not for five options in one."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the words to leave out behind all options, where they are no options any more."""
        end = args.index("--") if "--" in args else len(args)
        options = {name for option in self.params for name in option.opts}
        left_out = [word for word in args[:end] if _LEFT_OUT.match(word)]
        for word in left_out:
            if f"-{word}" in options:
                ctx.fail(f"Did you mean -{word}? To leave out what says so: -- {word}")
        rest = [word for word in args[:end] if word not in left_out]
        return super().parse_args(ctx, [*rest, "--", *left_out, *args[end + 1 :]])


# What a flag says and what an operator in the words says is the same, so one becomes the other.
_OPTIONS = (
    click.option("--after", help="Taken in or after 2019, 2019-07 or 2019-07-04."),
    click.option("--before", help="Taken before that date."),
    click.option("--date", help="Taken on that day, or in that month or year."),
    click.option(
        "--kind", type=click.Choice(["photo", "video"]), help="Only photos, or only videos."
    ),
    click.option("--in", "in_", help="In a folder with this name or path; * stands for anything."),
    click.option("--camera", help="Taken with this camera or lens; part of the name is enough."),
    click.option("--near", help="Taken near a place: Lisbon, 'Lisbon,50km' or '38.7,-9.1,10km'."),
    click.option("--library", help="Only in this library."),
    click.option("--rating", help="Rated with at least this many stars."),
    click.option("--person", multiple=True, help="With this person; for several, all of them."),
    click.option("--album", multiple=True, help="In this album; for several, in all of them."),
    click.option("--tag", multiple=True, help="With this tag, or one below it."),
    click.option(
        "--is",
        "is_",
        multiple=True,
        type=click.Choice(["favourite", "favorite", "archived", "trashed"]),
        help="Only favourites; only what is archived, or in the trash, which is shown nowhere "
        "else.",
    ),
)


def filter_options(command: Command) -> Command:
    """Give a command the options that filter; they arrive by their names, `in` as `in_`."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


# Those whose value may be of several words. A date is asked for what it means.
_NAMING = frozenset({"in", "camera", "near", "library", "person", "album", "tag"})
_DATING = frozenset({"after", "before", "date", "on"})
_ONE_OPERATOR = re.compile(r"\s*([A-Za-z]+):(?!//)([^\s:]+\s[^:]*)")


def as_typed(words: Sequence[str]) -> str:
    """Return a question as it was typed, from its words as the shell gave them.

    Of `album:"Summer 2019"` the shell takes the quotes away; they are put back around a value of
    several words. What is a whole question in one, with signs of its own, stays as it is.
    """
    return " ".join(map(_with_quotes, words))


def _with_quotes(word: str) -> str:
    found = _ONE_OPERATOR.fullmatch(word)
    if found is None:
        return word
    name, value = found[1].lower(), found[2].strip()
    is_one = name in _NAMING or (name in _DATING and _is_date(value))
    return f'{name}:"{value}"' if is_one and not _has_quotes(value) else word


# What few questions need takes longer to load than the daemon takes to answer.


def _has_quotes(value: str) -> bool:
    from mediaindex.search.parse import QUOTES

    return '"' in value.translate(QUOTES)


def _is_date(value: str) -> bool:
    from mediaindex.search.when import read_period

    return read_period(value, date.today()) is not None


Given = str | tuple[str, ...] | None
"""What an option that filters arrives as: several values of one that may be given several times."""


def given_operators(options: Mapping[str, Given]) -> tuple[tuple[str, str], ...]:
    """Return the filters that were given, as `search.asked.Asked` takes them."""
    return tuple(
        (name.rstrip("_"), value)
        for name, values in options.items()
        for value in ((values,) if isinstance(values, str) else values or ())
        if value
    )
