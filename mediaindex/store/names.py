"""Which libraries and folders there are, by the names that questions use."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.store.filters import in_folder, in_library
from mediaindex.store.tables import FolderRow, LibraryRow


def library_names(session: Session) -> list[str]:
    """Return the names of all libraries, in alphabetical order."""
    return list(session.scalars(select(LibraryRow.name).order_by(LibraryRow.name)))


def has_library(session: Session, name: str) -> bool:
    """Return True if `library:name` means any library; one without folders counts as well."""
    return session.scalar(select(LibraryRow.id).where(in_library(name)).limit(1)) is not None


def has_folder(session: Session, name: str) -> bool:
    """Return True if `in:name` means any folder."""
    return session.scalar(select(FolderRow.id).where(in_folder(name)).limit(1)) is not None
