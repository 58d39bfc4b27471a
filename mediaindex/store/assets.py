"""Assets: photos and videos by content, what is known of them, and their moments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session, aliased

from mediaindex.store import fulltext
from mediaindex.store.changed import part, stay
from mediaindex.store.files import settle_assets
from mediaindex.store.filters import visible
from mediaindex.store.fulltext import refresh_document
from mediaindex.store.ids import each
from mediaindex.store.tables import (
    AssetRow,
    FileRow,
    FolderRow,
    LibraryRow,
    MomentRow,
    PairRow,
    PlaceRow,
    WordsRow,
)
from mediaindex.types import Metadata, Place, VideoFacts

LIVE_MS = 10_000
"""The video of a live photo lasts three seconds; a longer one beside a photo is a film."""


@dataclass(frozen=True)
class Identity:
    """What a look into a file's bytes said."""

    sha256: str
    size_bytes: int
    kind: str
    #: Short name of the format (`jpeg`).
    format: str


def identify_file(session: Session, file_id: int, identity: Identity | None, now: datetime) -> None:
    """Link a file to the asset of its content, made if new; None: it holds no picture.

    The asset that it held before it changed goes, if no other file holds it.
    """
    file = session.get(FileRow, file_id)
    if file is None:
        return
    if identity is None:
        file.kind = "other"
        session.flush()
        lose_asset(session, file_id, now)
        return
    asset = session.scalar(select(AssetRow).filter_by(sha256=identity.sha256))
    if asset is None:
        asset = AssetRow(
            id=_id_for(session, file),
            sha256=identity.sha256,
            kind=identity.kind,
            format=identity.format,
            size_bytes=identity.size_bytes,
            added_at=now,
        )
        session.add(asset)
        session.flush()
    asset.missing_since = None
    if file.asset_id == asset.id:
        stay(session, asset.id)
    else:
        lose_asset(session, file_id, now)
    file.kind, file.asset_id = asset.kind, asset.id
    session.flush()
    link_companions(session, file.id)
    refresh_document(session, asset.id)


def _id_for(session: Session, file: FileRow) -> int | None:
    """Return the id of a file's new asset: its own where it is free; None: the highest of all.

    Stages work from the highest id down. Files are given theirs as they arrive, and not in the
    order in which somebody looks into them. One that held something else is as new as any.
    """
    is_fresh = file.asset_id is None and session.get(AssetRow, file.id) is None
    return file.id if is_fresh else None


def lose_asset(session: Session, file_id: int, now: datetime) -> None:
    """Note that a file holds something else than the asset that it was linked to, if any."""
    asset_id = part(session, file_id)
    if asset_id is not None:
        settle_assets(session, now, [asset_id])


def change_kind(session: Session, asset_id: int, kind: str) -> bool:
    """Make a photo a video or the reverse; returns whether it was not so already."""
    asset = session.get_one(AssetRow, asset_id)
    if asset.kind == kind:
        return False
    asset.kind = kind
    session.flush()
    # A file that has to be looked into again stays so.
    known = (FileRow.asset_id == asset_id, FileRow.kind.is_not(None))
    session.execute(update(FileRow).where(*known).values(kind=kind))
    return True


def save_metadata(session: Session, asset_id: int, found: Metadata, place: Place | None) -> None:
    """Store what files and sidecars say of an asset, in place of what was known."""
    asset = session.get_one(AssetRow, asset_id)
    asset.width_px = found.width_px or asset.width_px
    asset.height_px = found.height_px or asset.height_px
    asset.taken_at = asset.taken_local = asset.taken_offset_min = asset.taken_source = None
    if found.taken is not None:
        asset.taken_at, asset.taken_local = found.taken.utc, found.taken.local
        asset.taken_offset_min, asset.taken_source = found.taken.offset_min, found.taken.source
    asset.latitude = asset.longitude = asset.altitude_m = None
    if found.position is not None:
        asset.latitude, asset.longitude = found.position.latitude, found.position.longitude
        asset.altitude_m = found.position.altitude_m
    asset.camera_make, asset.camera_model = found.camera_make, found.camera_model
    asset.lens, asset.rating = found.lens, found.rating
    asset.duration_ms = found.duration_ms or asset.duration_ms
    asset.has_motion = found.motion is not None
    if (found.duration_ms or 0) > LIVE_MS:
        asset.companion_of_id = None  # named like a photo, and a film of its own
    asset.place_id = _keep_place(session, place)
    session.flush()
    session.execute(delete(WordsRow).where(WordsRow.asset_id == asset_id))
    rows = [
        {"asset_id": asset_id, "kind": words.kind, "text": words.text, "source": words.source}
        for words in found.words
    ]
    if rows:
        session.execute(insert(WordsRow), rows)
    refresh_document(session, asset_id)


def save_film(session: Session, asset_id: int, facts: VideoFacts, partial: str | None) -> None:
    """Store what is known of a video, and why not all of it could be read."""
    asset = session.get_one(AssetRow, asset_id)
    asset.width_px, asset.height_px = facts.width_px, facts.height_px
    asset.duration_ms = facts.duration_ms
    asset.video_codec, asset.audio_codec = facts.video_codec, facts.audio_codec
    asset.partial = partial
    session.flush()


def save_size(session: Session, asset_id: int, width_px: int, height_px: int) -> None:
    """Store the size of the upright picture as its decoder found it."""
    values = {"width_px": width_px, "height_px": height_px}
    session.execute(update(AssetRow).where(AssetRow.id == asset_id).values(**values))


def save_moments(session: Session, asset_id: int, spans: Sequence[tuple[int, int, int]]) -> None:
    """Store an asset's moments as (start_ms, end_ms, at_ms); those with the same `at_ms` stay."""
    known = {
        moment.at_ms: moment
        for moment in session.scalars(select(MomentRow).filter_by(asset_id=asset_id))
    }
    wanted = {at_ms for _, _, at_ms in spans}
    for at_ms in known.keys() - wanted:
        session.delete(known[at_ms])
    for start_ms, end_ms, at_ms in spans:
        if at_ms in known:
            known[at_ms].start_ms, known[at_ms].end_ms = start_ms, end_ms
        else:
            session.add(MomentRow(asset_id=asset_id, start_ms=start_ms, end_ms=end_ms, at_ms=at_ms))
    session.flush()


def moments_by_asset(
    session: Session, asset_ids: Sequence[int]
) -> dict[int, list[tuple[int, int]]]:
    """Return (moment id, at_ms) of each asset's moments in order of time."""
    found: dict[int, list[tuple[int, int]]] = {asset_id: [] for asset_id in asset_ids}
    query = select(MomentRow.asset_id, MomentRow.id, MomentRow.at_ms)
    query = query.where(MomentRow.asset_id.in_(each(asset_ids))).order_by(MomentRow.at_ms)
    for asset_id, moment_id, at_ms in session.execute(query):
        found[asset_id].append((moment_id, at_ms))
    return found


def words_of(session: Session, asset_id: int) -> list[str]:
    """Return what people wrote about an asset: titles and descriptions first, then the rest."""
    query = select(WordsRow.kind, WordsRow.text).filter_by(asset_id=asset_id).order_by(WordsRow.id)
    rows = session.execute(query).all()
    told = [text for kind, text in rows if kind in ("title", "description", "comment")]
    named = [text for kind, text in rows if kind in ("keyword", "person")]
    return [*told, ", ".join(named)] if named else told


def asset_by_hash(session: Session, sha256: str) -> AssetRow | None:
    """Return the asset of a content, if it is known."""
    return session.scalar(select(AssetRow).filter_by(sha256=sha256))


def assets_of(session: Session, file_ids: Collection[int]) -> set[int]:
    """Return the ids of these files' assets."""
    query = select(FileRow.asset_id).where(FileRow.id.in_(each(file_ids)))
    return {asset_id for asset_id in session.scalars(query) if asset_id is not None}


def refresh_names(session: Session, file_ids: Collection[int]) -> None:
    """Bring the full text of these files' assets in line with where they lie now."""
    fulltext.refresh_names(session, assets_of(session, file_ids))


def purge_missing(
    session: Session, retention: timedelta, now: datetime, looked_since: datetime
) -> list[str]:
    """Forget assets and files that have been gone for `retention`; returns the assets' hashes.

    What lies in a library that is offline, or was not looked at since `looked_since`, stays: it may
    be back. So does what a file may hold that waits to be read: one that it was linked to, or one
    of its very size, as it may have moved and changed its time at once. What no file is linked to
    any more stays until all libraries were looked at. The caller removes the previews.
    """
    gone = now - retention
    unseen = or_(
        LibraryRow.offline_reason.is_not(None),
        LibraryRow.swept_at.is_(None),
        LibraryRow.swept_at < looked_since,
    )
    offline = select(FolderRow.id).join(LibraryRow).where(unseen)
    waits = (FileRow.kind.is_(None), FileRow.role == "media", FileRow.missing_since.is_(None))
    linked = exists().where(FileRow.asset_id == AssetRow.id)
    unsure = or_(
        linked.where(or_(FileRow.folder_id.in_(offline), and_(*waits))),
        AssetRow.size_bytes.in_(select(FileRow.size_bytes).where(*waits)),
        and_(~linked, select(LibraryRow.id).where(unseen).exists()),
    )
    old = (AssetRow.missing_since <= gone, ~unsure)
    hashes = list(session.scalars(select(AssetRow.sha256).where(*old)))
    session.execute(delete(AssetRow).where(*old))
    session.execute(
        delete(FileRow).where(FileRow.missing_since <= gone, FileRow.folder_id.not_in(offline))
    )
    return hashes


def miss_anew(session: Session, first: datetime, last: datetime, now: datetime) -> None:
    """Let all that was found missing in this time count as missing since `now`."""
    for table in (FileRow, AssetRow):
        found = table.missing_since.between(first, last)
        session.execute(update(table).where(found).values(missing_since=now))


def known_places(session: Session) -> list[Place]:
    """Return every place that some asset was taken at which may be shown."""
    pictured = exists().where(AssetRow.place_id == PlaceRow.id, visible())
    return [
        Place(
            id=row.id,
            name=row.name,
            region=row.region,
            country=row.country,
            country_code=row.country_code,
            latitude=row.latitude,
            longitude=row.longitude,
            population=row.population,
            time_zone=row.time_zone,
            other_names=tuple(row.other_names.split("\n")) if row.other_names else (),
        )
        for row in session.scalars(select(PlaceRow).where(pictured).order_by(PlaceRow.id))
    ]


def _keep_place(session: Session, place: Place | None) -> int | None:
    if place is None:
        return None
    values = {
        "id": place.id,
        "name": place.name,
        "region": place.region,
        "country": place.country,
        "country_code": place.country_code,
        "latitude": place.latitude,
        "longitude": place.longitude,
        "population": place.population,
        "time_zone": place.time_zone,
        "other_names": "\n".join(place.other_names),
    }
    statement = upsert(PlaceRow).values(values)
    session.execute(statement.on_conflict_do_update(index_elements=[PlaceRow.id], set_=values))
    return place.id


def link_companions(session: Session, file_id: int) -> None:
    """Tie a live photo's video to its photo, whichever of the two files this is."""
    video, photo = aliased(FileRow), aliased(FileRow)
    pairs = session.execute(
        select(video.asset_id, photo.asset_id)
        .select_from(PairRow)
        .join(video, video.id == PairRow.file_id)
        .join(photo, photo.id == PairRow.owner_id)
        .join(AssetRow, AssetRow.id == video.asset_id)
        .where(
            PairRow.kind == "companion",
            (PairRow.file_id == file_id) | (PairRow.owner_id == file_id),
            video.kind == "video",
            photo.kind == "photo",
            func.coalesce(AssetRow.duration_ms, 0) <= LIVE_MS,
        )
    )
    for video_asset, photo_asset in pairs.all():
        session.execute(
            update(AssetRow).where(AssetRow.id == video_asset).values(companion_of_id=photo_asset)
        )
