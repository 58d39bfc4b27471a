"""Find words of assets and moments in full text (SQLite's FTS5); `documents` writes it."""

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Session

from mediaindex.store.filters import MATCHES, Filter, conditions, spoken
from mediaindex.store.ids import THESE, these
from mediaindex.store.tables import (
    FULLTEXT,
    AssetRow,
    DocumentRow,
    MomentRow,
)

LITTLE_WORDS = frozenset(
    (
        # English
        "a an and are at by for from in into is it its of off on or out over that the their this "
        "to up was were with "
        # German
        "am auf aus bei das dem den der des die ein eine einem einen einer im mit und von vor zu "
        "zum zur "
        # French, Italian, Portuguese, Spanish
        "au aux avec ce con da dans das de del della des di do dos du e el em en et i il la las le "
        "les lo los na nas no nos o os para per por pour sur um uma un una une y"
    ).split()
)
"""Words that name nothing to be seen."""

COLUMN_WEIGHTS = {
    "person": 0.0,
    "names": 4.0,
    "place": 4.0,
    "facts": 1.0,
    "machine": 3.0,
    "seen": 6.0,
}
"""How much a word counts by where it stands, for FTS5's `bm25`."""

TRUST = ("person", "seen", "place", "names", "machine", "facts")
"""The columns, who knows best first."""

COMMON_SHARE = 0.05
FEW_DOCUMENTS = 1_000
"""A word that more than this share of the documents holds, and more than so many, is common."""

PERSON_WEIGHT = 4.0
"""What a person wrote is ranked apart and counts so many times as much.

Inside one `bm25` a weight saturates (it multiplies the frequency), and a long description could
rank below a short file name.
"""

# Scripts written without spaces: each character is a word, and a word of several is a phrase.
_UNSPACED = re.compile(
    "([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])"
)
_SET_APART = re.compile(f" ?(«?{_UNSPACED.pattern[1:-1]}»?) ?")


class Match(NamedTuple):
    """A document that holds the words asked for."""

    document_id: int
    asset_id: int
    #: None: the words hold for the whole asset.
    moment_id: int | None
    #: FTS5's bm25, weighted by column: the lower, the better.
    rank: float


@dataclass(frozen=True)
class Passage:
    """Where in a document the words asked for stand."""

    #: The column, as in `COLUMN_WEIGHTS`: who says it, or what says so.
    source: str
    #: What stands around them, with the words between «».
    text: str


def searchable(words: str) -> str:
    """Return `words` as the tokenizer can split them: characters of unspaced scripts apart."""
    return _UNSPACED.sub(r" \1 ", words)


def readable(passage: str) -> str:
    """Return a passage of `searchable` words, marked or not, as they were written."""
    return _SET_APART.sub(r"\1", passage).replace("»«", "")


def any_word(words: str) -> str | None:
    """Return the expression for documents with any telling word of `words`, None if there is none.

    Little words ("the", "of", "with") tell nothing unless there are no others.
    """
    return " OR ".join(_telling(words)) or None


def rarer(session: Session, words: str) -> str:
    """Return `words` without those that very many documents hold, unless there are no others.

    They tell next to nothing, and ranking all documents that hold one takes tenths of a second.
    """
    most = max(FEW_DOCUMENTS, int(COMMON_SHARE * (session.connection().scalar(_COUNT) or 0)))
    held = _held(session, {word for word in words.split() if any(map(str.isalnum, word))}, most)
    rare = [
        word
        for word in dict.fromkeys(words.split())
        if 0 < held.get(word, 0) <= most and word.casefold() not in LITTLE_WORDS
    ]
    return " ".join(rare) or words


def all_words(words: str) -> str | None:
    """Return the expression for documents with every telling word of `words`; see `any_word`."""
    return " AND ".join(_telling(words)) or None


def by_person(expression: str) -> str:
    """Return the expression for documents in which a person's words alone match `expression`."""
    return f"person : ({expression})"


def all_phrases(phrases: Sequence[str]) -> str | None:
    """Return the expression for documents in which every one of `phrases` stands literally."""
    quoted = [_quoted(phrase) for phrase in phrases if any(map(str.isalnum, phrase))]
    return " AND ".join(quoted) or None


def match(session: Session, expression: str, wanted: Filter, limit: int) -> list[Match]:
    """Return the documents of assets that pass `wanted` and match, best first.

    Args:
        session: An open session; only read from.
        expression: In FTS5's own language (see `any_word`, `all_phrases`).
        wanted: The filter; it acts inside the query. What is said of a whole asset counts if any of
            its moments passes.
        limit: At most this many.
    """
    asked = {"expression": expression, "most": limit}
    rows = session.connection().execute(_match(wanted), asked)
    return [Match._make(row) for row in rows.all()]


@lru_cache(64)
def _match(wanted: Filter) -> Select[int, int, int | None, float]:
    others = ", ".join(map(str, COLUMN_WEIGHTS.values()))
    person = ", ".join("1" if name == "person" else "0" for name in COLUMN_WEIGHTS)
    rank: ColumnElement[float] = literal_column(
        f"{PERSON_WEIGHT} * bm25(fulltext, {person}) + bm25(fulltext, {others})"
    )
    return (
        select(DocumentRow.id, DocumentRow.asset_id, DocumentRow.moment_id, rank.label("rank"))
        .select_from(FULLTEXT)
        .join(DocumentRow, DocumentRow.id == FULLTEXT.c.rowid)
        .join(AssetRow, AssetRow.id == DocumentRow.asset_id)
        .where(MATCHES, *conditions(wanted), *_on_a_moment(wanted))
        .order_by("rank", DocumentRow.asset_id, DocumentRow.id)
        .limit(bindparam("most"))
    )


def passages(
    session: Session, expression: str, document_ids: Collection[int]
) -> dict[int, Passage]:
    """Return where the words stand in each of these documents that matches.

    Of several columns the one with most of them; of equals, who knows better comes first.
    """
    asked = these(document_ids) | {"expression": expression}
    found = {}
    for rowid, *texts in session.connection().execute(_PASSAGES, asked):
        said = dict(zip(COLUMN_WEIGHTS, texts, strict=True))
        best = max(TRUST, key=lambda column: len(set(_marked(said[column]))))
        found[rowid] = Passage(best, readable(said[best]))
    return found


_SNIPPETS: list[ColumnElement[str]] = [
    literal_column(f"snippet(fulltext, {number}, '«', '»', '…', 16)")
    for number in range(len(COLUMN_WEIGHTS))
]
_PASSAGES = (
    select(FULLTEXT.c.rowid, *_SNIPPETS)
    .where(MATCHES, FULLTEXT.c.rowid.in_(THESE))
    .select_from(FULLTEXT)
)

# The highest id stands for the number: counting a million takes as long as ranking them.
_COUNT = select(func.max(DocumentRow.id))


def _held(session: Session, words: Collection[str], most: int) -> dict[str, int]:
    """Return how many documents hold each word, counted to one more than `most`."""
    known = {_quoted(word): word for word in words}
    asked = {"these": json.dumps(list(known)), "most": most + 1}
    rows = session.connection().execute(_HELD, asked)
    return {known[expression]: number for expression, number in rows}


_HELD = text(
    "SELECT value, (SELECT count(*) FROM"
    " (SELECT 1 FROM fulltext WHERE fulltext MATCH value LIMIT :most)) FROM json_each(:these)"
)


def _on_a_moment(wanted: Filter) -> list[ColumnElement[bool]]:
    """Return the condition that a document is of a moment that passes, or of an asset with one."""
    holds = spoken(wanted)
    if not holds:
        return []
    same = or_(DocumentRow.moment_id.is_(None), DocumentRow.moment_id == MomentRow.id)
    return [exists().where(MomentRow.asset_id == DocumentRow.asset_id, same, *holds)]


def _telling(words: str) -> list[str]:
    found = words.split()
    telling = [word for word in found if word.casefold() not in LITTLE_WORDS] or found
    return [_quoted(word) for word in telling if any(map(str.isalnum, word))]


def _marked(passage: str) -> list[str]:
    return [word.casefold() for word in re.findall("«([^»]*)»", passage)]


def _quoted(words: str) -> str:
    return '"' + searchable(words).replace('"', '""') + '"'
