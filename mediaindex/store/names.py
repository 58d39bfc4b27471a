"""Which libraries, folders, people, albums and tags there are, by the names that questions use."""

import re
from collections.abc import Collection
from dataclasses import replace
from difflib import get_close_matches

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from mediaindex.store.filters import Filter, in_folder, in_library, names_in, visible
from mediaindex.store.named import KINDS, Meant, meant, names, plain, stands
from mediaindex.store.tables import AssetRow, FolderRow, LibraryRow, WordsRow

MOST_LIKE = 3

ALIKE = 0.6
"""From this likeness on (difflib) a name may be the one that was meant."""


def library_names(session: Session) -> list[str]:
    """Return the names of all libraries, in alphabetical order."""
    return list(session.scalars(select(LibraryRow.name).order_by(LibraryRow.name)))


def has_library(session: Session, name: str) -> bool:
    """Return True if `library:name` means any library; one without folders counts as well."""
    return session.scalar(select(LibraryRow.id).where(in_library(name)).limit(1)) is not None


def has_folder(session: Session, name: str) -> bool:
    """Return True if `in:name` means any folder."""
    return session.scalar(select(FolderRow.id).where(in_folder(name)).limit(1)) is not None


def looked_up(session: Session, wanted: Filter) -> Filter:
    """Return a filter with its people, albums and tags looked up, which passes just the same.

    A question asks for them many times over; this is done once.
    """
    found = tuple(meant(session, operator, name) for operator, name in names_in(wanted))
    return replace(wanted, people=(), albums=(), tags=(), meant=(*wanted.meant, *found))


def is_known(session: Session, operator: str, name: str, asked: Collection[str] = ()) -> bool:
    """Return True if `operator:name` means a person, album or tag of what may be shown.

    Args:
        session: An open session; only read from.
        operator: `person`, `album` or `tag`.
        name: As it was asked for.
        asked: Of what is withheld for these reasons; see `filters.visible`.
    """
    return _is_shown(session, meant(session, operator, name), asked)


def names_like(
    session: Session, operator: str, name: str, asked: Collection[str] = ()
) -> list[str]:
    """Return up to `MOST_LIKE` people, albums or tags whose names are like one, the likest first.

    Only those of what may be shown; see `is_known`.
    """
    spelled: dict[str, list[str]] = {}
    for known in names(session, operator):
        whole = plain(known)
        for part in {whole, *re.split(r"[\W_]+", whole)} - {""}:
            spelled.setdefault(part, []).append(known)
    close = get_close_matches(plain(name), spelled, 3 * MOST_LIKE, ALIKE)
    found = dict.fromkeys(known for part in close for known in spelled[part])
    shown = (
        known
        for known in found
        if _is_shown(session, Meant(KINDS[operator], (known,), is_common=False), asked)
    )
    return [known for known, _ in zip(shown, range(MOST_LIKE), strict=False)]


def _is_shown(session: Session, found: Meant, asked: Collection[str]) -> bool:
    shown = exists().where(AssetRow.id == WordsRow.asset_id, visible(asked))
    query = select(WordsRow.id).where(stands(found.kind, found.names), shown)
    return session.scalar(query.limit(1)) is not None
