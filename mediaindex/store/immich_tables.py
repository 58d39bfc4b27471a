"""What is known of Immich, which lives beside us: whose archive, which photos, what we wrote."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, false, or_
from sqlalchemy.orm import Mapped, mapped_column

from mediaindex.store.columns import Utc
from mediaindex.store.tables import Base


class ImmichAccountRow(Base):
    """One person's archive in an Immich, read with a key of theirs."""

    __tablename__ = "immich_account"
    __table_args__ = (UniqueConstraint("url", "user_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Where its API is asked, without `/api` and without a slash at the end.
    url: Mapped[str]
    #: What a person's browser opens.
    web_url: Mapped[str]
    user_id: Mapped[str]
    user_name: Mapped[str]
    #: Absolute. The key itself is kept nowhere but there.
    key_file: Mapped[str]
    #: As last told: `3.1.0`.
    version: Mapped[str]
    #: What the key may do, as a JSON list; None: the server cannot tell.
    permissions: Mapped[str | None]
    #: Which of its folders is which of ours: a JSON list of [theirs, ours], absolute paths.
    path_map: Mapped[str]
    connected_at: Mapped[datetime] = mapped_column(Utc)
    #: From here on changes are asked for next: a time by Immich's own clock, as it writes it.
    read_until: Mapped[str | None]
    #: When it was last read, and when last all of it, by our clock.
    read_at: Mapped[datetime | None] = mapped_column(Utc)
    full_at: Mapped[datetime | None] = mapped_column(Utc)
    #: Number of the last full reading begun.
    full_no: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Why it cannot be read or written now; for people.
    trouble: Mapped[str | None]
    #: So many photos seem to be gone from Immich at once; a person has to say what that means.
    held_back: Mapped[int] = mapped_column(default=0, server_default="0")
    #: So many more photos than we know Immich counted after the last full reading; None: the key
    #: may not have them counted.
    surplus: Mapped[int | None]


class ImmichAssetRow(Base):
    """One photo or video of an account, as Immich last told of it."""

    __tablename__ = "immich_asset"
    __table_args__ = (UniqueConstraint("account_id", "uuid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("immich_account.id", ondelete="CASCADE"))
    uuid: Mapped[str]
    #: Whose it is; another's than the account's where a partner shares it.
    owner_id: Mapped[str] = mapped_column(default="", server_default="")
    #: Of an external library; None: it was uploaded.
    library_id: Mapped[str | None]
    #: What it is here; None: nothing of ours has its path or its content.
    asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("asset.id", ondelete="SET NULL"), index=True
    )
    #: The file at its path, also while nobody has looked into that.
    file_id: Mapped[int | None] = mapped_column(
        ForeignKey("file.id", ondelete="SET NULL"), index=True
    )
    #: `path` or `checksum`; None while there is no match.
    matched_by: Mapped[str | None]
    #: In Immich's own container.
    path: Mapped[str]
    #: SHA-1, 40 hex digits: of the content, or of "path:" and the path in external libraries.
    checksum: Mapped[str]
    size_bytes: Mapped[int | None]
    #: `timeline`, `archive`, `hidden`, `locked`.
    visibility: Mapped[str]
    is_trashed: Mapped[bool] = mapped_column(default=False, server_default=false())
    is_favourite: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: As Immich writes it.
    updated_at: Mapped[str]
    #: `immich.facts.Facts` as JSON: what it says of the photo in words.
    facts: Mapped[str]
    #: Number of the full reading that first did not meet it, while a person has to say what that
    #: means (see `ImmichAccountRow.held_back`).
    missed_in: Mapped[int | None]
    #: Since when the key cannot read it any more: it was locked, or deleted.
    vanished_at: Mapped[datetime | None] = mapped_column(Utc)
    #: A person said that it may be shown, though it vanished.
    is_shown: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: A person said that it is locked, whatever Immich says but that it shows it.
    is_confirmed: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: Immich could not find its file when it last told of it.
    is_offline: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: The `uuid` of its video, of a live photo.
    live_video: Mapped[str | None]
    #: SHA-256 of what it was here last, once that was forgotten: it may come back.
    sha256: Mapped[str | None]
    #: Immich was asked for the text that its OCR read, whether there was any or not.
    text_asked: Mapped[bool] = mapped_column(default=False, server_default=false())


Index(
    "immich_unmatched",
    ImmichAssetRow.account_id,
    ImmichAssetRow.id,
    sqlite_where=ImmichAssetRow.asset_id.is_(None),
)
Index(
    "immich_unasked",
    ImmichAssetRow.account_id,
    ImmichAssetRow.asset_id,
    sqlite_where=ImmichAssetRow.text_asked.is_(false()),
)
Index("immich_checksum", ImmichAssetRow.account_id, ImmichAssetRow.checksum)
_GONE = or_(ImmichAssetRow.vanished_at.is_not(None), ImmichAssetRow.missed_in.is_not(None))
Index("immich_gone", ImmichAssetRow.account_id, ImmichAssetRow.id, sqlite_where=_GONE)
Index(
    "immich_vanished_path",
    ImmichAssetRow.path,
    sqlite_where=ImmichAssetRow.vanished_at.is_not(None),
)
Index(
    "immich_live",
    ImmichAssetRow.account_id,
    ImmichAssetRow.live_video,
    sqlite_where=ImmichAssetRow.live_video.is_not(None),
)
Index("immich_sha256", ImmichAssetRow.sha256, sqlite_where=ImmichAssetRow.sha256.is_not(None))


class ImmichGroupRow(Base):
    """An album or a tag of an account."""

    __tablename__ = "immich_group"
    __table_args__ = (UniqueConstraint("account_id", "kind", "uuid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("immich_account.id", ondelete="CASCADE"))
    #: `album`, `tag`; `ours`: the tag above all that we write.
    kind: Mapped[str]
    uuid: Mapped[str]
    name: Mapped[str]
    #: How Immich told it apart from what it was before, when all that is in it was read; "": it
    #: was not.
    state: Mapped[str]


class ImmichMemberRow(Base):
    """An asset is in an album, or has a tag."""

    __tablename__ = "immich_member"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own form

    group_id: Mapped[int] = mapped_column(
        ForeignKey("immich_group.id", ondelete="CASCADE"), primary_key=True
    )
    #: Of the `ImmichAssetRow`.
    row_id: Mapped[int] = mapped_column(
        ForeignKey("immich_asset.id", ondelete="CASCADE"), primary_key=True, index=True
    )


class ImmichWrittenRow(Base):
    """What we wrote into Immich of one photo, and what stood there before."""

    __tablename__ = "immich_written"
    __table_args__ = (UniqueConstraint("account_id", "uuid"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("immich_account.id", ondelete="CASCADE"))
    uuid: Mapped[str]
    asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("asset.id", ondelete="SET NULL"), index=True
    )
    #: The whole description as it stood before our first word.
    before: Mapped[str]
    #: The whole description as we last sent it, or found it there; None: we never wrote one.
    description: Mapped[str | None]
    #: The whole description that was on its way when this was last stored; None: none was.
    pending: Mapped[str | None]
    #: The tags that we put on it and that were not there before: a JSON list of whole paths. Their
    #: ids change, as Immich forgets tags that nothing has.
    tags: Mapped[str] = mapped_column(default="[]", server_default="[]")
    #: Our machine record as JSON; None: none was written.
    record: Mapped[str | None]
    #: Of all that was to be written, so that it is known whether it is still what we have to say;
    #: "" while it is not known that all of it stands there.
    digest: Mapped[str]
    written_at: Mapped[datetime] = mapped_column(Utc)
    #: When it was last seen that Immich still has it, some time after it was written.
    checked_at: Mapped[datetime | None] = mapped_column(Utc)
    #: How often in a row Immich threw our words away; 0: they stood there when last checked.
    wiped: Mapped[int] = mapped_column(default=0, server_default="0")
    #: Why it is left alone now (a person wrote into our block, Immich keeps throwing it away).
    trouble: Mapped[str | None]
