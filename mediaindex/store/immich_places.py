"""Which of our files lie at a path that Immich tells."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import bindparam, exists, func, literal_column, select
from sqlalchemy.orm import Session

from mediaindex.store.immich_paths import composed, forms, parts
from mediaindex.store.immich_tables import ImmichAssetRow
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow

Found = TypeVar("Found")


@dataclass(frozen=True)
class Lies:
    """A file of ours that is known at some path."""

    file_id: int
    #: None: nobody has looked into it, or it is no picture.
    asset_id: int | None
    is_there: bool


@dataclass(frozen=True)
class Known:
    """A file of ours, as it is compared with what Immich has."""

    root: str
    path: str
    size_bytes: int


@dataclass(frozen=True)
class NotMet:
    """A file of ours that an account has at no path we know."""

    file_id: int
    asset_id: int
    #: Of the content; None: it was not read for that.
    sha1: str | None
    #: The account has what it holds: elsewhere, or known by its content.
    is_matched: bool
    #: Absolute.
    path: str


def files_at(session: Session, paths: Mapping[str, str]) -> dict[str, Lies]:
    """Return which file lies at each of these paths, of those at which one does.

    Three statements, however many they are. A name may be composed otherwise here than there, as
    those that were written on a Mac are; of two that differ in nothing else it is the very one.

    Args:
        session: An open session; only read from.
        paths: Absolute ones, by any name.
    """
    split = dict(_split(session, paths))
    wanted = {form for _, found in split.values() for form in forms(found[0])}
    folders = _folders(session, wanted)
    names = {form for _, found in split.values() for form in forms(found[1])}
    files = _files(session, folders.all(), names)
    found = {}
    for key, (library_id, (folder, name)) in split.items():
        folder_id = folders.get(library_id, folder)
        lies = None if folder_id is None else files.get(folder_id, name)
        if lies is not None:
            found[key] = lies
    return found


def files_named(session: Session, names: Iterable[str]) -> Iterator[Known]:
    """Yield our files with one of these names, however it is composed, if they are there."""
    wanted = json.dumps(sorted({form for name in names for form in forms(name)}))
    for *where, size in session.execute(_NAMED, {"names": wanted}).yield_per(1000):
        yield Known(where[0], "/".join(part for part in where if part), size)


def files_not_met(session: Session, account_id: int, after_id: int, most: int) -> list[NotMet]:
    """Return files of ours that hold a picture and that an account has at no path we know.

    Args:
        session: An open session; only read from.
        account_id: The account.
        after_id: Only those of a higher file id, so that all are come by in pieces.
        most: At most this many.
    """
    asked = {"account": account_id, "after": after_id, "most": most}
    rows = session.execute(_NOT_MET, asked)
    return [
        NotMet(file_id, asset_id or 0, sha1, is_matched, "/".join(part for part in where if part))
        for file_id, asset_id, sha1, is_matched, *where in rows
    ]


_WHERE = (LibraryRow.root, FolderRow.path, FileRow.name)
_LYING = (FolderRow.id == FileRow.folder_id, LibraryRow.id == FolderRow.library_id)
_GIVEN = select(func.json_each(bindparam("names")).table_valued("value").c.value)
_NAMED = select(*_WHERE, FileRow.size_bytes).where(
    *_LYING,
    FileRow.name.in_(_GIVEN),
    FileRow.role == "media",
    FileRow.missing_since.is_(None),
)
_IS_OF_ACCOUNT = literal_column("+immich_asset.account_id") == bindparam("account")
"""With the plus SQLite finds a row by the file or the asset; an account has all of them."""

_NOT_MET = (
    select(
        FileRow.id,
        FileRow.asset_id,
        AssetRow.sha1,
        exists().where(ImmichAssetRow.asset_id == FileRow.asset_id, _IS_OF_ACCOUNT),
        *_WHERE,
    )
    .where(
        *_LYING,
        AssetRow.id == FileRow.asset_id,
        FileRow.id > bindparam("after"),
        FileRow.missing_since.is_(None),
        ~exists().where(ImmichAssetRow.file_id == FileRow.id, _IS_OF_ACCOUNT),
    )
    .order_by(FileRow.id)
    .limit(bindparam("most"))
)


class _ByName(Generic[Found]):
    """What is found somewhere by its name, or by another form of it, where one alone has that."""

    def __init__(self, found: Iterable[tuple[int, str, Found]]) -> None:
        self._exact: dict[tuple[int, str], Found] = {}
        self._alike: dict[tuple[int, str], list[Found]] = {}
        for where, name, one in found:
            self._exact[where, name] = one
            self._alike.setdefault((where, composed(name)), []).append(one)

    def get(self, where: int, name: str) -> Found | None:
        exact = self._exact.get((where, name))
        if exact is not None:
            return exact
        alike = self._alike.get((where, composed(name)), [])
        return alike[0] if len(alike) == 1 else None

    def all(self) -> Collection[Found]:
        return self._exact.values()


def _split(
    session: Session, paths: Mapping[str, str]
) -> Iterator[tuple[str, tuple[int, tuple[str, str]]]]:
    """Yield for each path in a library of ours that library, and folder and name in it."""
    roots = session.execute(select(LibraryRow.id, LibraryRow.root)).all()
    known = [(library_id, parts(root)) for library_id, root in roots]
    for key, path in paths.items():
        names = [name for name in path.split("/") if name not in ("", ".")]
        above = parts(path)
        for library_id, root in known:
            if above[: len(root)] == root and len(names) > len(root):
                *folders, name = names[len(root) :]
                yield key, (library_id, ("/".join(folders), name))


def _folders(session: Session, paths: Collection[str]) -> _ByName[int]:
    rows = session.execute(_FOLDERS, {"names": json.dumps(list(paths))}).all()
    return _ByName((library_id, path, id_) for library_id, path, id_ in rows)


def _files(session: Session, folder_ids: Collection[int], names: Collection[str]) -> _ByName[Lies]:
    asked = {"names": json.dumps(list(names)), "folders": json.dumps(list(folder_ids))}
    rows = session.execute(_FILES, asked).all()
    return _ByName(
        (folder_id, name, Lies(file_id, asset_id, is_there))
        for folder_id, name, file_id, asset_id, is_there in rows
    )


_FOLDERS = select(FolderRow.library_id, FolderRow.path, FolderRow.id).where(
    FolderRow.path.in_(_GIVEN)
)
_FILES = select(
    FileRow.folder_id, FileRow.name, FileRow.id, FileRow.asset_id, FileRow.missing_since.is_(None)
).where(
    FileRow.folder_id.in_(
        select(func.json_each(bindparam("folders")).table_valued("value").c.value)
    ),
    FileRow.name.in_(_GIVEN),
    FileRow.role == "media",
)
