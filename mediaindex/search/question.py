"""A question to be answered -> the words that find pictures to answer it from. English."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mediaindex.search.operators import OPERATORS
from mediaindex.search.parse import QUOTES, TOKEN

ASKING = frozenset(
    "what what's whats which who who's whos whom whose where where's wheres when when's why how "
    "how's is isn't are aren't am was wasn't were weren't be been being do don't does doesn't did "
    "didn't has hasn't have haven't had hadn't a an the there there's any please".split(" ")
)
"""Words that ask and say nothing of what is to be seen, wherever they stand."""

OPENING = frozenset(
    "can can't could couldn't will won't would shall should may might must if i you we it he she "
    "they me us my our tell show see find know say look check whether many much color colour "
    "kind sort time and so ok okay hey hi hello now currently still at of".split(" ")
)
"""Words that only lead up to it: before anything else was said they ask, later they may be meant,
as the trash can is, or May."""

TRAILING = frozenset(
    "of at in on for from to with by now currently still doing it he she they i you we".split(" ")
)
"""Words that have nothing to hold on to at the end."""

_AROUND = "?!.,;¿¡…()[]'"


@dataclass(frozen=True)
class Wanted:
    """What is searched for a question."""

    #: In words, phrases and words to leave out among them; "" if it has none but those that ask.
    words: str
    #: Operators that were written among the words.
    operators: str

    @property
    def text(self) -> str:
        """Both, as a search has them."""
        return " ".join(part for part in (self.words, self.operators) if part)


def wanted(question: str) -> Wanted:
    """Return a question without its interrogatives, auxiliaries and articles.

    "Is the garage door closed?" becomes "garage door closed". Operators, phrases in quotes and
    words to leave out (`-dog`) stay as they are; a question in another language stays whole.
    """
    kept: list[str] = []
    operators: list[str] = []
    plain = question.replace("\u2019", "'").translate(QUOTES)
    for kind, piece in _pieces(re.sub(r"(?i)\bright now\b", "now", plain)):
        if kind == "operator":
            operators.append(piece.rstrip("?!,;"))
        elif kind == "sign":
            kept.append(piece)
        else:
            word = piece.strip(_AROUND)
            asks = word.lower() in ASKING or (not kept and word.lower() in OPENING)
            if word and not asks:
                kept.append(word)
    while kept and kept[-1].lower() in TRAILING:
        kept.pop()
    return Wanted(" ".join(kept), " ".join(operators))


def without_operators(question: str) -> str:
    """Return a question as a person would put it to another: its operators are for the search."""
    pieces = _pieces(question.translate(QUOTES))
    return " ".join(piece for kind, piece in pieces if kind != "operator")


def _pieces(question: str) -> Iterator[tuple[str, str]]:
    """Yield what each piece is, `operator`, `sign` (a phrase, -word, 2:word) or `word`, and it."""
    for match in TOKEN.finditer(question):
        if not match.group():
            continue
        if (match["name"] or "").lower() in OPERATORS:
            yield "operator", match.group()
        elif match["minus"] or match["weight"] or match["quoted"] is not None:
            yield "sign", match.group()
        else:
            yield "word", match.group()
