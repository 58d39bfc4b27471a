"""What changed and is still to be told: to the indexes, and to the facets."""

from sqlalchemy.orm import Mapped, mapped_column

from mediaindex.store.tables import Base


class IndexChangeRow(Base):
    """A vector to look at again: the indexes have not been told yet that it came or went."""

    __tablename__ = "index_change"
    # An id is never given twice, so forgetting the changes read cannot forget a newer one.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int]
    #: Id of the embedding.
    key: Mapped[int]


class AssetChangeRow(Base):
    """An asset whose facets are to be looked at again; see `IndexChangeRow`."""

    __tablename__ = "asset_change"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy's own form

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int]
