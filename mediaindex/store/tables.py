"""The tables, and nothing else: no queries, no rules."""

from datetime import datetime

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    UniqueConstraint,
    and_,
    column,
    false,
    table,
    true,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from mediaindex.store.columns import FsText, Utc


class Base(DeclarativeBase):
    """Root of the schema; migrations compare the database with its metadata."""


class LibraryRow(Base):
    """One watched root folder."""

    __tablename__ = "library"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    #: Absolute path.
    root: Mapped[str] = mapped_column(FsText, unique=True)
    added_at: Mapped[datetime] = mapped_column(Utc)
    #: Number of the last sweep begun; rows seen in it carry it too.
    sweep_no: Mapped[int] = mapped_column(default=0)
    #: When the last full sweep ended.
    swept_at: Mapped[datetime | None] = mapped_column(Utc)
    #: Why the root cannot be trusted now (unmounted, empty, unreadable); None while it can.
    offline_reason: Mapped[str | None]
    #: What it was mounted from when last trusted (`sources/mounts.py`).
    identity: Mapped[str | None]
    #: So many files seem to be gone; a person has to confirm it.
    held_back: Mapped[int] = mapped_column(default=0, server_default="0")


class FolderRow(Base):
    """One folder of a library that holds files of ours."""

    __tablename__ = "folder"
    __table_args__ = (UniqueConstraint("library_id", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    library_id: Mapped[int] = mapped_column(ForeignKey("library.id", ondelete="CASCADE"))
    #: Relative to the library's root, "/" between names; "" is the root itself.
    path: Mapped[str] = mapped_column(FsText)
    #: Number of the last sweep that listed it, or could not.
    seen_sweep: Mapped[int]


class FileRow(Base):
    """One place where bytes lie."""

    __tablename__ = "file"
    __table_args__ = (UniqueConstraint("folder_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    folder_id: Mapped[int] = mapped_column(ForeignKey("folder.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(FsText)
    size_bytes: Mapped[int]
    mtime_ns: Mapped[int]
    #: `media`, or `sidecar` (XMP, Takeout JSON, ...: read with its owner, never indexed by itself).
    role: Mapped[str]
    #: None: to be looked into, again if it has an asset. `photo`, `video`, `other`: no picture.
    kind: Mapped[str | None]
    asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("asset.id", ondelete="SET NULL"), index=True
    )
    found_at: Mapped[datetime] = mapped_column(Utc)
    #: When a sweep first found it gone; None while it is there.
    missing_since: Mapped[datetime | None] = mapped_column(Utc)


# The sweep asks for these after every change; almost all rows are looked at already.
Index("file_unlooked", FileRow.id, sqlite_where=FileRow.kind.is_(None))
Index("file_missing", FileRow.id, sqlite_where=FileRow.missing_since.is_not(None))


class PairRow(Base):
    """A file that belongs to another of its folder: a sidecar, or a live photo's video."""

    __tablename__ = "pair"

    file_id: Mapped[int] = mapped_column(
        ForeignKey("file.id", ondelete="CASCADE"), primary_key=True
    )
    owner_id: Mapped[int] = mapped_column(
        ForeignKey("file.id", ondelete="CASCADE"), primary_key=True, index=True
    )
    #: `sidecar` or `companion`.
    kind: Mapped[str]


class PlaceRow(Base):
    """A populated place that some asset was taken at; copied from the gazetteer."""

    __tablename__ = "place"

    #: GeoNames id.
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    region: Mapped[str | None]
    country: Mapped[str]
    country_code: Mapped[str]
    latitude: Mapped[float]
    longitude: Mapped[float]
    population: Mapped[int]
    #: IANA name.
    time_zone: Mapped[str]
    other_names: Mapped[str]  # one a line


class AssetRow(Base):
    """One distinct photo or video, known by its content and not by where it lies."""

    __tablename__ = "asset"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Hash of the content, 64 hex digits (see `media/hashing.py`).
    sha256: Mapped[str] = mapped_column(unique=True)
    #: SHA-1 of all bytes, as Immich knows uploads by; None: nobody had to know it.
    sha1: Mapped[str | None]
    kind: Mapped[str]
    format: Mapped[str]
    size_bytes: Mapped[int]
    added_at: Mapped[datetime] = mapped_column(Utc)
    #: Since when no file of it is there; None while one is.
    missing_since: Mapped[datetime | None] = mapped_column(Utc)
    #: The photo whose live-photo video this is; such a video is no hit of its own.
    companion_of_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id", ondelete="SET NULL"))
    #: Of the upright picture.
    width_px: Mapped[int | None]
    height_px: Mapped[int | None]
    duration_ms: Mapped[int | None]
    taken_at: Mapped[datetime | None] = mapped_column(Utc)
    #: The wall clock where it was taken, without a zone; date filters compare this.
    taken_local: Mapped[datetime | None] = mapped_column(index=True)
    #: Minutes east of UTC there; None where the home zone was assumed.
    taken_offset_min: Mapped[int | None]
    taken_source: Mapped[str | None]
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    altitude_m: Mapped[float | None]
    place_id: Mapped[int | None] = mapped_column(ForeignKey("place.id"), index=True)
    camera_make: Mapped[str | None]
    camera_model: Mapped[str | None]
    lens: Mapped[str | None]
    #: 0 to 5, -1 is "rejected".
    rating: Mapped[int | None]
    video_codec: Mapped[str | None]
    #: None: it is silent, or no video.
    audio_codec: Mapped[str | None]
    #: Why not all of a video could be read; None: it was.
    partial: Mapped[str | None]
    #: A photo that carries a clip of its own.
    has_motion: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: Why it is not shown (see `store/withheld.py`); None: it is.
    withheld: Mapped[str | None]
    is_favourite: Mapped[bool] = mapped_column(default=False, server_default=false())


Index("asset_favourite", AssetRow.id, sqlite_where=AssetRow.is_favourite.is_(true()))
Index("asset_sha1", AssetRow.sha1, sqlite_where=AssetRow.sha1.is_not(None))
_WITHHELD = AssetRow.withheld.is_not(None)
Index("asset_withheld", AssetRow.withheld, AssetRow.id, sqlite_where=_WITHHELD)

_COMPANION = AssetRow.companion_of_id.is_not(None)
Index("ix_asset_companion_of_id", AssetRow.companion_of_id, sqlite_where=_COMPANION)

# With all that a question for cameras needs, so that it reads no asset of a million.
Index(
    "asset_camera",
    AssetRow.camera_make,
    AssetRow.camera_model,
    AssetRow.lens,
    AssetRow.missing_since,
    AssetRow.companion_of_id,
    AssetRow.withheld,
)

# Newest first; with what is asked for most, so that an asset that does not pass is not read.
Index(
    "asset_newest",
    *(AssetRow.taken_at.desc(), AssetRow.id, AssetRow.kind, AssetRow.rating),
    sqlite_where=and_(AssetRow.missing_since.is_(None), AssetRow.companion_of_id.is_(None)),
)


class WordsRow(Base):
    """What a person wrote about an asset."""

    __tablename__ = "words"

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    text: Mapped[str]
    source: Mapped[str]


Index("words_by_kind", WordsRow.kind, WordsRow.text, WordsRow.asset_id)


class MomentRow(Base):
    """What is searched: a photo is one; a video has one for each kept frame."""

    __tablename__ = "moment"
    __table_args__ = (UniqueConstraint("asset_id", "at_ms"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    start_ms: Mapped[int]
    end_ms: Mapped[int]
    #: Where its frame lies.
    at_ms: Mapped[int]


class CaptionRow(Base):
    """What a vision-language model says of one moment, or of one whole video."""

    __tablename__ = "caption"

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"), index=True)
    #: None: it sums up the whole video.
    moment_id: Mapped[int | None] = mapped_column(ForeignKey("moment.id", ondelete="CASCADE"))
    #: Of the stage's last try, whatever came of it: model, prompts and what else changes an answer.
    version: Mapped[str]
    #: Why the last try gave no words worth keeping. Older words may still stand below.
    rejected: Mapped[str | None]
    description: Mapped[str] = mapped_column(default="")
    #: One a line.
    tags: Mapped[str] = mapped_column(default="")
    text_in_image: Mapped[str] = mapped_column(default="")
    setting: Mapped[str] = mapped_column(default="")
    #: How the words came about; see `types.Origin`.
    model: Mapped[str]
    digest: Mapped[str]
    prompt_version: Mapped[str]
    server: Mapped[str]
    duration_ms: Mapped[int]
    tokens: Mapped[int | None]
    tokens_per_s: Mapped[float | None]
    made_at: Mapped[datetime] = mapped_column(Utc)


_WHOLE = CaptionRow.moment_id.is_(None)
Index("caption_of_moment", CaptionRow.moment_id, unique=True)
Index("caption_of_asset", CaptionRow.asset_id, unique=True, sqlite_where=_WHOLE)


class SpaceRow(Base):
    """One set of vectors that may be compared."""

    __tablename__ = "space"
    __table_args__ = (UniqueConstraint("model_id", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[str]
    #: `picture`, `text` (people's words) or `caption` (a model's).
    kind: Mapped[str]
    dim: Mapped[int]


class EmbeddingRow(Base):
    """One vector of one moment. The truth; every index is rebuilt from it."""

    __tablename__ = "embedding"
    __table_args__ = (
        UniqueConstraint("space_id", "moment_id", "ordinal"),
        # A key that was ever told to an index must not come to mean another vector.
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("space.id", ondelete="CASCADE"))
    moment_id: Mapped[int] = mapped_column(ForeignKey("moment.id", ondelete="CASCADE"), index=True)
    #: Which piece of the moment's words; 0 for the picture.
    ordinal: Mapped[int]
    #: float16, little-endian, `dim` values of a unit vector.
    vector: Mapped[bytes] = mapped_column(LargeBinary)


class DocumentRow(Base):
    """The words that full text searches, of one asset or of one moment; `fulltext` mirrors it."""

    __tablename__ = "document"
    __table_args__ = (UniqueConstraint("asset_id", "moment_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    asset_id: Mapped[int] = mapped_column(ForeignKey("asset.id", ondelete="CASCADE"))
    #: None: the words hold for the whole asset.
    moment_id: Mapped[int | None] = mapped_column(
        ForeignKey("moment.id", ondelete="CASCADE"), index=True
    )
    #: What people wrote.
    person: Mapped[str] = mapped_column(default="")
    #: Names of its files and folders.
    names: Mapped[str] = mapped_column(default="")
    #: Where it was taken, in words.
    place: Mapped[str] = mapped_column(default="")
    #: Camera, lens, format.
    facts: Mapped[str] = mapped_column(default="")
    #: What a model says is to be seen.
    machine: Mapped[str] = mapped_column(default="")
    #: What can be read in the picture, as a model read it.
    seen: Mapped[str] = mapped_column(default="", server_default="")


_ALL_OF_IT = DocumentRow.moment_id.is_(None)
Index("document_of_asset", DocumentRow.asset_id, unique=True, sqlite_where=_ALL_OF_IT)


FULLTEXT = table("fulltext", column("rowid"))
"""The virtual table of FTS5, which a migration makes; triggers keep it in line with `document`."""


class ResultRow(Base):
    """A stage is done with an asset, in this version."""

    __tablename__ = "result"
    __table_args__ = {"sqlite_with_rowid": False}  # noqa: RUF012 - SQLAlchemy's own form

    asset_id: Mapped[int] = mapped_column(
        ForeignKey("asset.id", ondelete="CASCADE"), primary_key=True
    )
    stage: Mapped[str] = mapped_column(primary_key=True)
    #: What it depends on besides the bytes: the model's id, a prompt's version.
    version: Mapped[str]
    done_at: Mapped[datetime] = mapped_column(Utc)


class JobRow(Base):
    """One stage's unfinished business with one asset, or with a file that is no asset yet."""

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("stage", "asset_id"),
        UniqueConstraint("stage", "file_id"),
        CheckConstraint("(asset_id IS NULL) <> (file_id IS NULL)", name="one_subject"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    stage: Mapped[str]
    asset_id: Mapped[int | None] = mapped_column(
        ForeignKey("asset.id", ondelete="CASCADE"), index=True
    )
    file_id: Mapped[int | None] = mapped_column(
        ForeignKey("file.id", ondelete="CASCADE"), index=True
    )
    #: `leased`, `waiting`, `failed`.
    state: Mapped[str]
    #: How often it went wrong; being interrupted does not count.
    attempts: Mapped[int] = mapped_column(default=0)
    run_after: Mapped[datetime | None] = mapped_column(Utc)
    lease_until: Mapped[datetime | None] = mapped_column(Utc)
    worker: Mapped[str | None]
    #: For people.
    error: Mapped[str | None]
    #: Only of a fault of ours.
    traceback: Mapped[str | None]
    updated_at: Mapped[datetime] = mapped_column(Utc)


class BlockedRow(Base):
    """A stage that cannot work at all now, and why; no file is to blame."""

    __tablename__ = "blocked"

    stage: Mapped[str] = mapped_column(primary_key=True)
    reason: Mapped[str]
    since: Mapped[datetime] = mapped_column(Utc)


class SettingRow(Base):
    """What the program remembers about itself, as JSON under a name."""

    __tablename__ = "setting"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]
