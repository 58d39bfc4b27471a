"""Words of assets and moments as full text holds them, by person and by machine apart."""

import re
from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import bindparam, insert, literal_column, select, update
from sqlalchemy.orm import Session

from mediaindex.store.columns import folded, shown
from mediaindex.store.fulltext import searchable
from mediaindex.store.ids import THESE, each, these
from mediaindex.store.tables import (
    AssetRow,
    CaptionRow,
    DocumentRow,
    FileRow,
    FolderRow,
    PlaceRow,
    WordsRow,
)
from mediaindex.types import IMMICH, Caption

_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


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
