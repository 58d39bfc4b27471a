"""Names of people, albums and tags: which of those that are known a question means.

A library of a million has few names and many photos of each. So the names are read apart, each
once, by skipping through the index `words_by_kind`, and compared here; the photos are listed by
whole names then.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from sqlalchemy import Boolean, ColumnElement, Select, func, select
from sqlalchemy.orm import Session, aliased

from mediaindex.store.tables import AssetRow, WordsRow

KINDS = {"person": "person", "album": "album", "tag": "keyword"}
"""The kind of words that an operator asks for."""


def says(text: str, name: str) -> bool:
    """Return True if `name`, as it was asked for, means `text`: all of it, or whole words of it.

    "anna" means "Anna" and "Anna Müller", and not "Hanna" or "Annabel", which "anna*" does;
    "muller" means "Müller"; "travel" means "travel/lisbon". SQL knows it as `says`.
    """
    return _pattern(name).search(plain(text)) is not None


@lru_cache(256)
def _pattern(name: str) -> "re.Pattern[str]":
    parts = map(re.escape, plain(name).split("*"))
    # An underscore parts words as well, as it does in tags.
    return re.compile(rf"(?<![^\W_]){'.*'.join(parts)}(?![^\W_])", re.DOTALL)


def plain(name: str) -> str:
    """Return a name as it is compared: no case, no accents, single spaces."""
    if not name.isascii():
        letters = unicodedata.normalize("NFKD", name.casefold())
        name = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(name.lower().split())


def has_name(operator: str, name: str) -> ColumnElement[bool]:
    """Return the condition that an `AssetRow` has a name that `operator:name` means."""
    return AssetRow.id.in_(select(WordsRow.asset_id).where(_has_name(KINDS[operator], name)))


def names(session: Session, operator: str) -> Iterator[str]:
    """Yield every name there is, each once, of whatever asset."""
    yield from session.connection().scalars(_names(KINDS[operator]))


def _has_name(kind: str, name: str) -> ColumnElement[bool]:
    known = _names(kind).subquery()
    meant = select(known.c.text).where(func.says(known.c.text, name, type_=Boolean))
    return (WordsRow.kind == kind) & WordsRow.text.in_(meant)


def _names(kind: str) -> Select[str]:
    """Return the query for the names of a kind: from each to the next higher one."""
    word, higher = aliased(WordsRow), aliased(WordsRow)
    lowest = select(func.min(word.text).label("text")).where(word.kind == kind)
    found = lowest.cte(recursive=True)
    following = select(func.min(higher.text)).where(higher.kind == kind, higher.text > found.c.text)
    found = found.union_all(select(following.scalar_subquery()).where(found.c.text.is_not(None)))
    return select(found.c.text).where(found.c.text.is_not(None))
