"""What a person typed -> a `Query`.

The language: plain words; "exact phrase"; -word and -"two words"; 2:word and 0.5:"two words" for
weights, of which -0.5:word only ranks down, where -word also drops what says so; and the operators
of `OPERATORS`, as `name:value` or `name:"two words"`. Anything else with a colon in it (12:30, a
URL, note: hello) is words. Only plain words are read for dates and places.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from difflib import get_close_matches

from mediaindex.errors import QueryError
from mediaindex.search.operators import OPERATORS, FindPlace, circle_of, combine, operator
from mediaindex.search.query import Note, Query, Term
from mediaindex.search.when import find_date, words_for
from mediaindex.search.where import KnownPlaces
from mediaindex.search.where import find_place as find_known_place
from mediaindex.store.filters import Filter
from mediaindex.types import Place

QUOTES = str.maketrans(dict.fromkeys("“”„‟«»\uff02", '"') | {"\uff1a": ":"})
"""Word processors' quotes, and the full-width quote and colon of East Asian keyboards."""

DASHES = "\u2212\u2013-"
"""Minus, the en dash that phones make of a hyphen, and the hyphen: last, as in a set of a regex."""

TOKEN = re.compile(
    rf"""
    (?P<minus>[{DASHES}](?=[^\s{DASHES}]))?
    (?:(?P<weight>\d*\.?\d+):(?=[^\s\d/]))?
    (?:(?P<name>[A-Za-z]+):(?!//))?
    (?:"(?P<quoted>[^"]*)"|(?P<bare>\S+)|(?<=:))
    """,
    re.VERBOSE,
)

MOST_SIGNS = 200
"""So many words to leave out, phrases, weights and operators; each makes the search slower, and
SQLite takes no more than a thousand."""

MOST_WEIGHT = 100.0

ALIKE = 0.75
"""From this likeness on (difflib) an unknown name before a colon is taken for a slip of the pen."""

ANY_PICTURE = frozenset(
    "all any everything my of our photo photograph photographs photos pic pics picture pictures "
    "image images shot shots show me taken the we".split(" ")
)
"""Words that say nothing beside a filter: "all pictures from 2019"."""

DANGLING = re.compile(
    r"(?:(?:^|(?<=\s))(?:in|on|at|from|of|taken|during|since|until|the|im|en|em|aus|vom) *)+$",
    re.IGNORECASE,
)
"""What leads up to a date or place and is nothing without it."""


def parse(
    text: str,
    today: date,
    places: Sequence[Place] | KnownPlaces,
    *,
    operators: Sequence[tuple[str, str]] = (),
    understand: bool = True,
    find_place: FindPlace = lambda _: (),
) -> Query:
    """Return what a person asks for.

    Args:
        text: As typed.
        today: What "yesterday" is counted from.
        places: Those that the library has pictures of, for "in Lisbon"; `KnownPlaces` for many
            questions.
        operators: Names and values that came apart from the words, as flags.
        understand: Read dates and known places in plain words as filters.
        find_place: The gazetteer, for `near:`; asked only then.

    Raises:
        QueryError: An operator has no value or one that means nothing, or is not known yet; there
            are too many of what is more than a plain word; or it is no text.
    """
    for said in (text, *(value for _, value in operators)):
        _check_is_text(said)
    # Composed, as the tables here are: a Mac's "é" may come as two characters.
    text = unicodedata.normalize("NFC", text).translate(QUOTES)
    reader = _Reader(today, find_place)
    for match in TOKEN.finditer(text):
        reader.take(match)
    for name, value in operators:
        reader.take_operator(name, unicodedata.normalize("NFC", value))
    query = reader.query()
    return _understood(query, reader.plain, today, places) if understand else query


def _check_is_text(said: str) -> None:
    """Check that there is nothing in it that means no character.

    Bytes that are no UTF-8 come as lone surrogates; what follows a NUL no database would read.

    Raises:
        QueryError: There are.
    """
    if "\0" in said:
        raise QueryError("a question cannot hold the character NUL")
    try:
        said.encode()
    except UnicodeEncodeError as error:
        shown = said.encode(errors="replace").decode()
        raise QueryError(f"{shown} is not valid UTF-8") from error


class _Reader:
    """Gathers tokens; plain words in a row become one term, as a model reads sentences."""

    def __init__(self, today: date, find_place: FindPlace) -> None:
        self._today, self._find_place = today, find_place
        self._plain: list[str] = []
        self._weighted: list[Term] = []
        self._phrases: list[str] = []
        self._excluded: list[str] = []
        self._filter = Filter()
        self._notes: list[Note] = []
        self._signs = 0

    @property
    def plain(self) -> str:
        """The words without any sign."""
        return " ".join(self._plain)

    def take(self, match: "re.Match[str]") -> None:
        """Take one token in."""
        name = (match["name"] or "").lower()
        words = match["bare"] if match["quoted"] is None else match["quoted"]
        words = (words or "").strip().strip('"').strip()
        if name in OPERATORS:
            if match["minus"]:
                raise QueryError(f"-{name}: cannot be turned round; words can: -word")
            self.take_operator(name, words)
            return
        if name:
            self._note_typo(name, match.group())
            words = f"{match['name']}:{words}"
        if words:
            self._take_words(words, match)

    def query(self) -> Query:
        """Return what was gathered."""
        plain = (Term(self.plain),) if self._plain else ()
        return Query(
            terms=(*plain, *self._weighted),
            phrases=tuple(self._phrases),
            excluded=tuple(self._excluded),
            filter=self._filter,
            notes=tuple(self._notes),
        )

    def _take_words(self, words: str, match: "re.Match[str]") -> None:
        if match["weight"] or match["minus"] or match["quoted"] is not None:
            self._count_sign()
        if match["weight"]:
            weight = _weight(match["weight"])
            self._weighted.append(Term(words, -weight if match["minus"] else weight))
        elif match["minus"]:
            self._excluded.append(words)
        elif match["quoted"] is not None and not match["name"]:
            self._phrases.append(words)
        else:
            self._plain.append(words)

    def take_operator(self, name: str, value: str) -> None:
        """Take one operator in."""
        self._count_sign()
        wanted = operator(name, value, self._today, self._find_place)
        self._filter = combine(self._filter, wanted)
        if name == "near":
            told = circle_of(value, self._find_place)[1]
            self._notes.append(Note(f"near:{value}: {told}", f"near:{value}"))

    def _count_sign(self) -> None:
        self._signs += 1
        if self._signs > MOST_SIGNS:
            raise QueryError(
                f"too many words: at most {MOST_SIGNS} of a question may be left out, in quotes, "
                "weighted, or operators"
            )

    def _note_typo(self, name: str, written: str) -> None:
        meant = get_close_matches(name, OPERATORS, n=1, cutoff=ALIKE)
        if meant:
            self._notes.append(Note(f"{written}: taken as words; did you mean {meant[0]}:"))


def _understood(
    query: Query, plain: str, today: date, places: Sequence[Place] | KnownPlaces
) -> Query:
    """Turn dates and known places in the plain words into filters, and say so."""
    text, found, notes = plain, query.filter, list(query.notes)
    # Dates first: March is a town, too.
    when = find_date(text, today)
    if when is not None:
        if when.dates is not None:
            found = combine(found, Filter(dates=(when.dates,)))
            told = words_for(when.dates)
        else:
            found = combine(found, Filter(months=(when.month or 1,)))
            told = "in that month of any year"
        text, note = _consumed(text, when.span, told)
        notes.append(note)
    place = find_known_place(text, places)
    if place is not None:
        found = combine(found, Filter(places=place.ids))
        text, note = _consumed(text, place.span, f"in {place.name}")
        notes.append(note)
    if not found.is_empty and ANY_PICTURE.issuperset(text.casefold().split()):
        text = ""
    weighted = query.terms[1:] if plain else query.terms
    first = (Term(text),) if text else ()
    return replace(query, terms=(*first, *weighted), filter=found, notes=tuple(notes))


def _consumed(text: str, span: tuple[int, int], told: str) -> tuple[str, Note]:
    """Return the text without a span and what led up to it, and what is told of that."""
    start, end = span
    lead = DANGLING.search(text[:start])
    start = lead.start() if lead else start
    before, after = text[:start].rstrip(" ,"), text[end:].lstrip(" ,")
    said = text[span[0] : end]
    note = Note(f"{said}: only pictures taken {told} (--literal: as words)", text[start:end])
    return f"{before} {after}".strip(), note


def _weight(text: str) -> float:
    weight = float(text)
    if not 0 < weight <= MOST_WEIGHT:
        raise QueryError(f"{text}: is no weight; it is above 0 and at most {MOST_WEIGHT:g}")
    return weight
