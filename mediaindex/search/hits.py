"""What a search answers: hits with their evidence."""

from dataclasses import dataclass

from mediaindex.shown import Shown


@dataclass(frozen=True)
class Reason:
    """Why something was found: one ranking that has it."""

    #: `picture`: it looks like the words. `text`: what people wrote means the same. `caption`: what
    #: a model says of it does. `words`: the words stand there. `filter`: it passes, and nothing
    #: else was asked for.
    by: str
    #: Place in that ranking; the first is 1.
    rank: int
    #: Cosine, for `picture`, `text` and `caption`.
    similarity: float | None = None
    #: For `words`: the passage, the words in it between «».
    passage: str | None = None
    #: For `picture`: a likeness no better than chance. For `filter`: words were asked for, too.
    weak: bool = False
    #: For `words`: the column of full text where the passage stands (`person`, `seen`, `machine`).
    source: str | None = None
    #: For `words`: all that was asked for stands there, and there is this very moment.
    says_all: bool = False


@dataclass(frozen=True)
class Hit:
    """One result."""

    shown: Shown
    #: 0 to 1: 1 is first in every ranking there is.
    score: float
    why: tuple[Reason, ...]
    #: No better than chance in this library.
    weak: bool


@dataclass(frozen=True)
class Answer:
    """All that a search says."""

    hits: tuple[Hit, ...]
    #: How the question was understood, and what could not be done; for people.
    notes: tuple[str, ...]
    #: True if there are hits and all of them are weak.
    no_good_match: bool
    #: Whose vectors were used; None: words, names, dates and places only.
    model_id: str | None
