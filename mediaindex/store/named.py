"""Names of people, albums and tags: which of those that are known a question means.

A library of a million has few names and many photos of each. So the names are read apart, each
once, by skipping through the index `words_by_kind`, and compared here; the photos are listed by
whole names then.
"""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Boolean, ColumnElement, Select, exists, func, select
from sqlalchemy.orm import Session, aliased

from mediaindex.store.tables import AssetRow, WordsRow

COMMON = 5_000
"""Words; to list their assets takes a millisecond or two."""

KINDS = {"person": "person", "album": "album", "tag": "keyword"}
"""The kind of words that an operator asks for."""


def says(text: str, name: str) -> bool:
    """Return True if `name`, as it was asked for, means `text`: all of it, or whole words of it.

    "anna" means "Anna" and "Anna Müller", and not "Hanna" or "Annabel", which "anna*" does;
    "muller" means "Müller"; "travel" means "travel/lisbon". SQL knows it as `says`.
    """
    words, at = plain(text), 0
    for part in _parts(name):
        at = part.find(words, at)
        if at < 0:
            return False
        at += len(part.text)
    return True


@dataclass(frozen=True)
class _Part:
    """What stands between two stars of a name; it may have to begin or end where a word does.

    The parts are found one after the other, each where it comes first, and no one twice: a regular
    expression with many stars would try all ways to share a text out between them.
    """

    text: str
    begins: bool
    ends: bool

    def find(self, words: str, start: int) -> int:
        """Return where it stands in `words` first, from `start` on; -1: nowhere."""
        at = words.find(self.text, start)
        while at >= 0 and not self._fits(words, at):
            at = words.find(self.text, at + 1)
        return at

    def _fits(self, words: str, at: int) -> bool:
        # An underscore parts words as well, as it does in tags.
        end = at + len(self.text)
        is_inside = self.begins and words[at - 1 : at].isalnum()
        return not (is_inside or (self.ends and words[end : end + 1].isalnum()))


@lru_cache(256)
def _parts(name: str) -> tuple[_Part, ...]:
    texts = plain(name).split("*")
    last = len(texts) - 1
    return tuple(
        _Part(text, begins=number == 0, ends=number == last)
        for number, text in enumerate(texts)
        if text or not last
    )


def plain(name: str) -> str:
    """Return a name as it is compared: no case, no accents, single spaces."""
    if not name.isascii():
        letters = unicodedata.normalize("NFKD", name.casefold())
        name = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(name.lower().split())


@dataclass(frozen=True)
class Meant:
    """What a name that was asked for turned out to mean."""

    #: The kind of words.
    kind: str
    #: The names as they stand; one of them is enough.
    names: tuple[str, ...]
    #: So many photos have one that it is quicker to look at each photo than to list those.
    is_common: bool


def meant(session: Session, operator: str, name: str) -> Meant:
    """Look up what `operator:name` means."""
    kind = KINDS[operator]
    found = tuple(text for text in names(session, operator) if says(text, name))
    some = select(WordsRow.id).where(stands(kind, found)).limit(COMMON + 1).subquery()
    count = session.scalar(select(func.count()).select_from(some)) or 0
    return Meant(kind, found, count > COMMON)


def names(session: Session, operator: str) -> Iterator[str]:
    """Yield every name there is, each once, of whatever asset."""
    yield from session.connection().scalars(_names(KINDS[operator]))


def has_name(operator: str, name: str) -> ColumnElement[bool]:
    """Return the condition that an `AssetRow` has a name that `operator:name` means."""
    kind, known = KINDS[operator], _names(KINDS[operator]).subquery()
    spelled = select(known.c.text).where(func.says(known.c.text, name, type_=Boolean))
    of_them = (WordsRow.kind == kind) & WordsRow.text.in_(spelled)
    return AssetRow.id.in_(select(WordsRow.asset_id).where(of_them))


def has_meant(meant: Meant, *, listing: bool = False) -> ColumnElement[bool]:
    """Return the condition of `has_name`, of a name that was looked up.

    Args:
        meant: What it means.
        listing: All that pass are asked for, and not which of a few do.
    """
    if meant.is_common and not listing:
        # As sums, so that SQLite goes by the few words of an asset and not by all of a name.
        kind, text = WordsRow.kind + "", WordsRow.text + ""
        of_it = (kind == meant.kind) & text.in_(_given(meant.names))
        return exists().where(WordsRow.asset_id == AssetRow.id, of_it)
    return AssetRow.id.in_(select(WordsRow.asset_id).where(stands(meant.kind, meant.names)))


def stands(kind: str, names: Sequence[str]) -> ColumnElement[bool]:
    """Return the condition that a `WordsRow` is one of these names."""
    return (WordsRow.kind == kind) & WordsRow.text.in_(_given(names))


def _given(names: Sequence[str]) -> Select[str]:
    return select(func.json_each(json.dumps(names)).table_valued("value").c.value)


def _names(kind: str) -> Select[str]:
    """Return the query for the names of a kind: from each to the next higher one."""
    word, higher = aliased(WordsRow), aliased(WordsRow)
    lowest = select(func.min(word.text).label("text")).where(word.kind == kind)
    found = lowest.cte(recursive=True)
    following = select(func.min(higher.text)).where(higher.kind == kind, higher.text > found.c.text)
    found = found.union_all(select(following.scalar_subquery()).where(found.c.text.is_not(None)))
    return select(found.c.text).where(found.c.text.is_not(None))
