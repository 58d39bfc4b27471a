"""Words of assets and moments as full text (SQLite's FTS5), by person and by machine apart."""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    bindparam,
    exists,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.orm import Session

from mediaindex.store.columns import folded, shown
from mediaindex.store.filters import MATCHES, Filter, conditions, spoken
from mediaindex.store.ids import THESE, each, these
from mediaindex.store.tables import (
    FULLTEXT,
    AssetRow,
    CaptionRow,
    DocumentRow,
    FileRow,
    FolderRow,
    MomentRow,
    PlaceRow,
    WordsRow,
)
from mediaindex.types import IMMICH, Caption

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
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


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


def refresh_document(session: Session, asset_id: int) -> None:
    """Write an asset's own document anew from its words, names, place and facts."""
    refresh_documents(session, [asset_id])


def refresh_documents(session: Session, asset_ids: Collection[int]) -> None:
    """Write the documents of these assets anew, as `refresh_document` does, many in one go."""
    there, asked = session.connection(), these(asset_ids)
    assets = there.execute(_FACTS, asked).all()
    names = _names(session, [row[0] for row in assets])
    summaries = dict(there.execute(_SUMMARIES, asked).all())
    said = _words(session, asset_ids)
    known = {asset_id: tuple(rest) for asset_id, *rest in there.execute(_DOCUMENTS, asked)}
    new, changed = [], []
    for asset_id, *facts, name, region, country, other_names in assets:
        words = said.get(asset_id, _NO_WORDS)
        places = (name, region, country, other_names, *words["place"])
        seen = (summaries.get(asset_id), *words["seen"])
        fresh = {
            "person": searchable("\n".join(words["person"])),
            "names": names[asset_id],
            "place": searchable("\n".join(each_once(places))),
            "facts": " ".join(filter(None, facts)),
            "seen": searchable("\n".join(each_once(seen))),
        }
        if asset_id not in known:
            new.append({"asset_id": asset_id, **fresh})
        elif known[asset_id] != tuple(fresh.values()):
            changed.append({"of_asset": asset_id, **fresh})
    if new:
        there.execute(_NEW_DOCUMENT, new)
    if changed:
        there.execute(_REWRITE, changed)


_FACTS = (
    select(
        AssetRow.id,
        AssetRow.camera_make,
        AssetRow.camera_model,
        AssetRow.lens,
        AssetRow.format,
        PlaceRow.name,
        PlaceRow.region,
        PlaceRow.country,
        PlaceRow.other_names,
    )
    .outerjoin(PlaceRow, PlaceRow.id == AssetRow.place_id)
    .where(AssetRow.id.in_(THESE))
)
_WORDS = (
    select(WordsRow.asset_id, WordsRow.kind, WordsRow.text)
    .where(WordsRow.asset_id.in_(THESE))
    # What Immich says comes last, whichever was read first.
    .order_by(WordsRow.source == IMMICH, WordsRow.id)
)
_SUMMARIES = select(CaptionRow.asset_id, CaptionRow.text_in_image).where(
    CaptionRow.asset_id.in_(THESE), literal_column("+caption.moment_id").is_(None)
)
_OWN = DocumentRow.moment_id.is_(None)
_FIELDS = ("person", "names", "place", "facts", "seen")
_DOCUMENTS = select(
    DocumentRow.asset_id, *(getattr(DocumentRow, field) for field in _FIELDS)
).where(DocumentRow.asset_id.in_(THESE), _OWN)
_NEW_DOCUMENT = insert(DocumentRow)
_REWRITE = (
    update(DocumentRow)
    .where(DocumentRow.asset_id == bindparam("of_asset"), _OWN)
    .values({field: bindparam(field) for field in _FIELDS})
)


def each_once(texts: Iterable[str | None]) -> list[str]:
    """Return the texts that are any, each once, however its letters are written.

    A tag's path ("travel/lisbon") says nothing where each of its names was said.
    """
    found: dict[str, str] = {}
    for one in filter(None, texts):
        key = folded(one)
        if not found.keys() >= set(key.split("/")):
            found[key] = one
    return list(found.values())


def _words(session: Session, asset_ids: Collection[int]) -> dict[int, dict[str, list[str]]]:
    """Return what is said of each of these assets, by the column in which it is searched."""
    found: dict[int, dict[str, list[str]]] = {}
    for asset_id, kind, said in session.connection().execute(_WORDS, these(asset_ids)):
        column = kind if kind in ("place", "seen") else "person"
        of_asset = found.setdefault(asset_id, {name: [] for name in _NO_WORDS})
        of_asset[column].append(said)
    for of_asset in found.values():
        of_asset["person"] = each_once(of_asset["person"])
    return found


_NO_WORDS: dict[str, list[str]] = {"person": [], "place": [], "seen": []}


def _seen(session: Session, asset_id: int, summary: str) -> str:
    """Return what can be read in an asset as a whole: a model tells of it, and Immich."""
    words = _words(session, [asset_id]).get(asset_id, _NO_WORDS)
    return searchable("\n".join(each_once((summary, *words["seen"]))))


def refresh_names(session: Session, asset_ids: Collection[int]) -> None:
    """Write where the files of these assets lie now into their documents; many in one go."""
    query = select(DocumentRow.asset_id, DocumentRow.id, DocumentRow.names).where(
        DocumentRow.asset_id.in_(each(asset_ids)), DocumentRow.moment_id.is_(None)
    )
    known = {asset_id: (id_, names) for asset_id, id_, names in session.execute(query)}
    fresh = _names(session, known)
    changed = [
        {"document": known[asset_id][0], "fresh": names}
        for asset_id, names in fresh.items()
        if names != known[asset_id][1]
    ]
    if changed:
        table = DocumentRow.metadata.tables[DocumentRow.__tablename__]
        statement = update(table).where(table.c.id == bindparam("document"))
        session.connection().execute(statement.values(names=bindparam("fresh")), changed)
    refresh_documents(session, set(asset_ids) - known.keys())


def refresh_caption(
    session: Session, asset_id: int, moment_id: int | None, caption: Caption
) -> None:
    """Write what a model says of a moment, or of the whole asset, into its document."""
    same = DocumentRow.moment_id == moment_id if moment_id else DocumentRow.moment_id.is_(None)
    document = session.scalar(select(DocumentRow).where(DocumentRow.asset_id == asset_id, same))
    if document is None:
        document = DocumentRow(asset_id=asset_id, moment_id=moment_id)
        session.add(document)
    described = (caption.description, ", ".join(caption.tags), caption.setting)
    document.machine = searchable("\n".join(part for part in described if part))
    text = caption.text_in_image
    document.seen = searchable(text) if moment_id else _seen(session, asset_id, text)
    session.flush()


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


def _names(session: Session, asset_ids: Collection[int]) -> dict[int, str]:
    """Return the names of each asset's files and of their folders."""
    found: dict[int, list[str]] = {asset_id: [] for asset_id in asset_ids}
    for asset_id, folder, name in session.connection().execute(_NAMES, these(asset_ids)):
        found[asset_id or 0].append(shown(f"{folder}/{name}"))
    return {asset_id: _findable(names) for asset_id, names in found.items()}


_NAMES = (
    select(FileRow.asset_id, FolderRow.path, FileRow.name)
    .select_from(FileRow)
    .join(FolderRow)
    .where(FileRow.asset_id.in_(THESE), FileRow.missing_since.is_(None))
    .order_by(FileRow.id)
)


def _findable(names: Sequence[str]) -> str:
    # Both forms: "BirthdayParty2019" is found by its parts and as it is.
    apart = [_CAMEL.sub(" ", name) for name in names]
    return searchable("\n".join(dict.fromkeys([*names, *apart])))
