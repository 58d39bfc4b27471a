"""A question, understood."""

from dataclasses import dataclass, field

from mediaindex.store.filters import Filter


@dataclass(frozen=True)
class Term:
    """Words that belong together, and how much they count."""

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Note:
    """How a part of the question was understood; for people."""

    text: str
    #: The words it was read from, which are no longer looked for.
    source: str = ""


@dataclass(frozen=True)
class Query:
    """What to look for."""

    #: To be seen or read, in the order written.
    terms: tuple[Term, ...] = ()
    #: Must stand literally in the words of a hit.
    phrases: tuple[str, ...] = ()
    #: What looks like it ranks down, what says so is dropped.
    excluded: tuple[str, ...] = ()
    filter: Filter = field(default_factory=Filter)
    notes: tuple[Note, ...] = ()

    @property
    def text(self) -> str:
        """The words to be found, phrases included."""
        return " ".join([term.text for term in self.terms if term.weight > 0] + [*self.phrases])

    @property
    def is_empty(self) -> bool:
        """True if nothing was asked."""
        return not (self.terms or self.phrases or self.excluded) and self.filter.is_empty
