"""Read all that is known of many assets at once, for other programs."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from mediaindex.store.captions import said
from mediaindex.store.filters import Filter, conditions, lies_within
from mediaindex.store.ids import each
from mediaindex.store.moments import place_name
from mediaindex.store.tables import (
    AssetRow,
    CaptionRow,
    FileRow,
    FolderRow,
    LibraryRow,
    MomentRow,
    PlaceRow,
    WordsRow,
)
from mediaindex.types import PersonWords, Said

T = TypeVar("T")

BATCH = 200
"""Assets that are held in memory at once; a long video has 60 moments."""


@dataclass(frozen=True)
class Lying:
    """Where one file of an asset lies, or lay; names as the file system has them."""

    library_id: int
    root: str
    #: Relative to the root, "/" between names; "" is the root itself.
    folder: str
    name: str
    is_missing: bool
    #: Whether the filter asks for this folder.
    is_wanted: bool

    @property
    def path(self) -> str:
        """The whole path."""
        return str(Path(self.root, self.folder, self.name))


@dataclass(frozen=True)
class ExportedMoment:
    """A moment, and what a model says of it."""

    id: int
    start_ms: int
    end_ms: int
    at_ms: int
    said: Said | None


@dataclass(frozen=True)
class Exported:
    """One photo or video with all that is said of it."""

    asset_id: int
    sha256: str
    kind: str
    #: Those that the filter asks for first; missing ones only where they were asked for.
    files: tuple[Lying, ...]
    taken_at: datetime | None
    taken_local: datetime | None
    #: None where the home zone was assumed.
    taken_offset_min: int | None
    taken_source: str | None
    place: str | None
    latitude: float | None
    longitude: float | None
    altitude_m: float | None
    camera: str | None
    lens: str | None
    width_px: int | None
    height_px: int | None
    duration_ms: int | None
    rating: int | None
    #: What people wrote, in the order it is worth.
    words: tuple[PersonWords, ...]
    #: What a model says of the whole video.
    summary: Said | None
    #: In order of time; a photo has one.
    moments: tuple[ExportedMoment, ...]


def assets_to_export(session: Session, wanted: Filter, *, missing: bool) -> list[int]:
    """Return the ids of all assets that pass, oldest known first.

    Args:
        session: An open session; only read from.
        wanted: The filter.
        missing: Those of which no file is there any more as well.
    """
    query = select(AssetRow.id).where(*conditions(wanted, listing=True, missing=missing))
    return list(session.connection().scalars(query.order_by(AssetRow.id)))


def exports(
    session: Session, asset_ids: Collection[int], wanted: Filter, *, missing: bool
) -> Iterator[Exported]:
    """Yield these assets in order, read `BATCH` at a time; see `assets_to_export`."""
    ids = sorted(asset_ids)
    for start in range(0, len(ids), BATCH):
        yield from _batch(session, ids[start : start + BATCH], wanted, missing)
        session.expunge_all()


def library_names(session: Session) -> dict[int, str]:
    """Return the libraries' names by id, oldest first."""
    query = select(LibraryRow.id, LibraryRow.name).order_by(LibraryRow.id)
    return dict(session.execute(query).all())


def folders(session: Session) -> Iterator[Path]:
    """Yield every folder that is known in any library."""
    query = select(LibraryRow.root, FolderRow.path).join(FolderRow)
    for root, path in session.execute(query.execution_options(yield_per=1000)):
        yield Path(root, path)


def _batch(session: Session, ids: list[int], wanted: Filter, missing: bool) -> Iterator[Exported]:
    files = _grouped(_files(session, ids, wanted, missing))
    words = _grouped(
        (row.asset_id, PersonWords(row.kind, row.text, row.source))  # type: ignore[arg-type]
        for row in session.scalars(
            select(WordsRow).where(WordsRow.asset_id.in_(each(ids))).order_by(WordsRow.id)
        )
    )
    captions = {
        (row.asset_id, row.moment_id): said(row)
        for row in session.scalars(
            select(CaptionRow).where(
                CaptionRow.asset_id.in_(each(ids)), CaptionRow.description != ""
            )
        )
    }
    moments = _grouped(
        (
            row.asset_id,
            ExportedMoment(
                row.id, row.start_ms, row.end_ms, row.at_ms, captions.get((row.asset_id, row.id))
            ),
        )
        for row in session.scalars(
            select(MomentRow)
            .where(MomentRow.asset_id.in_(each(ids)))
            .order_by(MomentRow.asset_id, MomentRow.at_ms)
        )
    )
    query = (
        select(AssetRow, PlaceRow)
        .outerjoin(PlaceRow, PlaceRow.id == AssetRow.place_id)
        .where(AssetRow.id.in_(each(ids)))
        .order_by(AssetRow.id)
    )
    for asset, place in session.execute(query):
        summary = captions.get((asset.id, None))
        yield _exported(asset, place, files[asset.id], words[asset.id], summary, moments[asset.id])


def _exported(
    asset: AssetRow,
    place: PlaceRow | None,
    files: list[Lying],
    words: list[PersonWords],
    summary: Said | None,
    moments: list[ExportedMoment],
) -> Exported:
    return Exported(
        asset_id=asset.id,
        sha256=asset.sha256,
        kind=asset.kind,
        files=tuple(files),
        taken_at=asset.taken_at,
        taken_local=asset.taken_local,
        taken_offset_min=asset.taken_offset_min,
        taken_source=asset.taken_source,
        place=place_name(place),
        latitude=asset.latitude,
        longitude=asset.longitude,
        altitude_m=asset.altitude_m,
        camera=" ".join(filter(None, (asset.camera_make, asset.camera_model))) or None,
        lens=asset.lens,
        width_px=asset.width_px,
        height_px=asset.height_px,
        duration_ms=asset.duration_ms,
        rating=asset.rating,
        words=tuple(words),
        summary=summary,
        moments=tuple(moments),
    )


def _files(
    session: Session, ids: list[int], wanted: Filter, missing: bool
) -> Iterator[tuple[int, Lying]]:
    is_wanted, is_missing = lies_within(wanted), FileRow.missing_since.is_not(None)
    query = (
        select(
            FileRow.asset_id,
            LibraryRow.id,
            LibraryRow.root,
            FolderRow.path,
            FileRow.name,
            is_missing,
            is_wanted,
        )
        .select_from(FileRow)
        .join(FolderRow)
        .join(LibraryRow)
        .where(FileRow.asset_id.in_(each(ids)))
        .order_by(is_wanted.desc(), is_missing, FileRow.id)
    )
    if not missing:
        query = query.where(~is_missing)
    for asset_id, library_id, root, folder, name, gone, asked in session.execute(query):
        yield asset_id or 0, Lying(library_id, root, folder, name, bool(gone), bool(asked))


def _grouped(pairs: Iterable[tuple[int, T]]) -> dict[int, list[T]]:
    groups: dict[int, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return groups
