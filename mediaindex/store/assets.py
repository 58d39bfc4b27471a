"""Assets: photos and videos by content, what is known of them, and their moments."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, bindparam, delete, exists, func, insert, or_, select, update
from sqlalchemy.dialects.sqlite import Insert
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session, aliased

from mediaindex.store import documents
from mediaindex.store.changed import part, stay
from mediaindex.store.documents import each_once, refresh_document
from mediaindex.store.files import settle_assets
from mediaindex.store.filters import visible
from mediaindex.store.ids import THESE, each, these
from mediaindex.store.immich_locked import stay_withheld
from mediaindex.store.jobs import forget_results
from mediaindex.store.postponed import resume_asset
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
from mediaindex.types import IMMICH, Metadata, Place, VideoFacts

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

    The asset that it held before it changed goes, if no other file holds it. What was locked there
    stays locked, whatever the bytes are now.
    """
    there = session.connection()
    file = there.execute(_FILE, {"file": file_id}).one_or_none()
    if file is None:
        return
    if identity is None:
        there.execute(_LINK, {"of_file": file_id, "kind": "other", "asset_id": file.asset_id})
        lose_asset(session, file_id, now)
        return
    asset_id, kind = _asset_of(session, file_id, file.asset_id, identity, now)
    if file.asset_id == asset_id:
        stay(session, asset_id)
    else:
        stay_withheld(session, file_id, file.asset_id, asset_id)
        lose_asset(session, file_id, now)
        if there.scalar(_SIDECAR, {"file": file_id}) is not None:
            forget_results(session, asset_id, ["probe"])  # of copies, each may have words beside it
    there.execute(_LINK, {"of_file": file_id, "kind": kind, "asset_id": asset_id})
    link_companions(session, file_id)
    refresh_document(session, asset_id)


_FILE = select(FileRow.asset_id).where(FileRow.id == bindparam("file"))
_SIDECAR = select(PairRow.file_id).where(
    PairRow.owner_id == bindparam("file"), PairRow.kind == "sidecar"
)
_LINK = update(FileRow).where(FileRow.id == bindparam("of_file"))


def _asset_of(
    session: Session, file_id: int, held: int | None, identity: Identity, now: datetime
) -> tuple[int, str]:
    """Return the asset of a content, made if new, and its kind.

    A new one gets the file's own id where that is free, else the highest of all: stages work from
    the highest down, and files are given theirs as they arrive, not in the order in which somebody
    looks into them. One that held something else is as new as any.
    """
    there = session.connection()
    known = there.execute(_BY_HASH, {"sha256": identity.sha256}).one_or_none()
    if known is not None:
        there.execute(_NOT_MISSING, {"asset": known.id})
        resume_asset(session, known.id)
        return known.id, known.kind
    is_free = held is None and there.scalar(_BY_ID, {"asset": file_id}) is None
    own = {"id": file_id} if is_free else {}
    made = there.execute(_NEW_ASSET, {**vars(identity), "added_at": now, **own})
    return made.scalar_one(), identity.kind


_BY_HASH = select(AssetRow.id, AssetRow.kind).where(AssetRow.sha256 == bindparam("sha256"))
_BY_ID = select(AssetRow.id).where(AssetRow.id == bindparam("asset"))
_NEW_ASSET = insert(AssetRow).returning(AssetRow.id)
_NOT_MISSING = (
    update(AssetRow)
    .where(AssetRow.id == bindparam("asset"), AssetRow.missing_since.is_not(None))
    .values(missing_since=None)
)


def lose_asset(session: Session, file_id: int, now: datetime) -> None:
    """Note that a file holds something else than the asset that it was linked to, if any."""
    asset_id = part(session, file_id)
    if asset_id is not None:
        settle_assets(session, now, [asset_id])


def change_kind(session: Session, asset_id: int, kind: str) -> bool:
    """Make a photo a video or the reverse; returns whether it was not so already."""
    there = session.connection()
    if there.scalar(_KIND, {"asset": asset_id}) == kind:
        return False
    there.execute(_OF_ASSET, {"asset": asset_id, "kind": kind})
    # A file that has to be looked into again stays so.
    known = (FileRow.asset_id == asset_id, FileRow.kind.is_not(None))
    session.execute(update(FileRow).where(*known).values(kind=kind))
    return True


_KIND = select(AssetRow.kind).where(AssetRow.id == bindparam("asset"))


def save_metadata(session: Session, asset_id: int, found: Metadata, place: Place | None) -> None:
    """Store what files and sidecars say of an asset, in place of what they said before.

    What Immich says of it stays.
    """
    there = session.connection()
    said = _said(found) | {"place_id": _keep_place(session, place)}
    if (found.duration_ms or 0) > LIVE_MS:
        said["companion_of_id"] = None  # named like a photo, and a film of its own
    # Of what a decoder found out, only what is said here is not believed any more.
    measured = {name: getattr(found, name) for name in ("width_px", "height_px", "duration_ms")}
    said |= {name: value for name, value in measured.items() if value}
    there.execute(_OF_ASSET, {"asset": asset_id, **said})
    there.execute(_UNSAY, {"asset": asset_id})
    rows = [
        {"asset_id": asset_id, "kind": words.kind, "text": words.text, "source": words.source}
        for words in found.words
    ]
    if rows:
        there.execute(insert(WordsRow), rows)
    refresh_document(session, asset_id)


def _said(found: Metadata) -> dict[str, object]:
    taken, position = found.taken, found.position
    return {
        "taken_at": taken and taken.utc,
        "taken_local": taken and taken.local,
        "taken_offset_min": taken and taken.offset_min,
        "taken_source": taken and taken.source,
        "latitude": position and position.latitude,
        "longitude": position and position.longitude,
        "altitude_m": position and position.altitude_m,
        "camera_make": found.camera_make,
        "camera_model": found.camera_model,
        "lens": found.lens,
        "rating": found.rating,
        "has_motion": found.motion is not None,
    }


_OF_ASSET = update(AssetRow).where(AssetRow.id == bindparam("asset"))
_UNSAY = delete(WordsRow).where(WordsRow.asset_id == bindparam("asset"), WordsRow.source != IMMICH)


def save_film(session: Session, asset_id: int, facts: VideoFacts, partial: str | None) -> None:
    """Store what is known of a video, and why not all of it could be read."""
    known = {
        "width_px": facts.width_px,
        "height_px": facts.height_px,
        "duration_ms": facts.duration_ms,
        "video_codec": facts.video_codec,
        "audio_codec": facts.audio_codec,
        "partial": partial,
    }
    session.connection().execute(_OF_ASSET, {"asset": asset_id, **known})


def save_size(session: Session, asset_id: int, width_px: int, height_px: int) -> None:
    """Store the size of the upright picture as its decoder found it."""
    values = {"width_px": width_px, "height_px": height_px}
    session.connection().execute(_OF_ASSET, {"asset": asset_id, **values})


def save_moments(session: Session, asset_id: int, spans: Sequence[tuple[int, int, int]]) -> None:
    """Store an asset's moments as (start_ms, end_ms, at_ms); those with the same `at_ms` stay."""
    there = session.connection()
    times = {at_ms for _, _, at_ms in spans}
    known = there.execute(_MOMENTS, {"asset": asset_id}).all()
    gone = [{"moment": moment_id} for moment_id, at_ms in known if at_ms not in times]
    if gone:
        there.execute(_DROP_MOMENT, gone)
    rows = [
        {"asset_id": asset_id, "start_ms": start_ms, "end_ms": end_ms, "at_ms": at_ms}
        for start_ms, end_ms, at_ms in spans
    ]
    if rows:
        there.execute(_KEEP_MOMENT, rows)


def _keep_moment() -> Insert:
    statement = upsert(MomentRow)
    fresh = {name: statement.excluded[name] for name in ("start_ms", "end_ms")}
    return statement.on_conflict_do_update(
        index_elements=[MomentRow.asset_id, MomentRow.at_ms], set_=fresh
    )


_KEEP_MOMENT = _keep_moment()
_MOMENTS = select(MomentRow.id, MomentRow.at_ms).where(MomentRow.asset_id == bindparam("asset"))
_DROP_MOMENT = delete(MomentRow).where(MomentRow.id == bindparam("moment"))


def moments_by_asset(
    session: Session, asset_ids: Sequence[int]
) -> dict[int, list[tuple[int, int]]]:
    """Return (moment id, at_ms) of each asset's moments in order of time."""
    found: dict[int, list[tuple[int, int]]] = {asset_id: [] for asset_id in asset_ids}
    rows = session.connection().execute(_MOMENTS_OF_ASSETS, these(asset_ids))
    for asset_id, moment_id, at_ms in rows:
        found[asset_id].append((moment_id, at_ms))
    return found


_MOMENTS_OF_ASSETS = (
    select(MomentRow.asset_id, MomentRow.id, MomentRow.at_ms)
    .where(MomentRow.asset_id.in_(THESE))
    .order_by(MomentRow.at_ms)
)


def words_of(session: Session, asset_id: int) -> list[str]:
    """Return what people wrote about an asset: titles and descriptions first, then the rest.

    Each once, whoever told it. What can be read in a picture is left out: no person wrote that.
    """
    return words_by_asset(session, [asset_id])[asset_id]


def words_by_asset(session: Session, asset_ids: Collection[int]) -> dict[int, list[str]]:
    """Return what people wrote about each of these assets; see `words_of`."""
    told: dict[int, list[str]] = {asset_id: [] for asset_id in asset_ids}
    named: dict[int, list[str]] = {asset_id: [] for asset_id in asset_ids}
    for asset_id, kind, text in session.connection().execute(_WORDS, these(asset_ids)):
        if kind != "seen":
            (told if kind in ("title", "description", "comment") else named)[asset_id].append(text)
    return {
        asset_id: each_once(texts) + ([", ".join(each_once(names))] if names else [])
        for (asset_id, texts), names in zip(told.items(), named.values(), strict=True)
    }


_WORDS = (
    select(WordsRow.asset_id, WordsRow.kind, WordsRow.text)
    .where(WordsRow.asset_id.in_(THESE))
    # What Immich says comes last, whichever was read first.
    .order_by(WordsRow.source == IMMICH, WordsRow.id)
)


def asset_by_hash(session: Session, sha256: str) -> AssetRow | None:
    """Return the asset of a content, if it is known."""
    return session.scalar(select(AssetRow).filter_by(sha256=sha256))


def assets_of(session: Session, file_ids: Collection[int]) -> set[int]:
    """Return the ids of these files' assets."""
    query = select(FileRow.asset_id).where(FileRow.id.in_(each(file_ids)))
    return {asset_id for asset_id in session.scalars(query) if asset_id is not None}


def refresh_names(session: Session, file_ids: Collection[int]) -> None:
    """Bring the full text of these files' assets in line with where they lie now."""
    documents.refresh_names(session, assets_of(session, file_ids))


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
    there = session.connection()
    for video_asset, photo_asset in there.execute(_COMPANIONS, {"file": file_id}).all():
        there.execute(_OF_ASSET, {"asset": video_asset, "companion_of_id": photo_asset})


_VIDEO, _PHOTO = aliased(FileRow), aliased(FileRow)
_COMPANIONS = (
    select(_VIDEO.asset_id, _PHOTO.asset_id)
    .select_from(PairRow)
    .join(_VIDEO, _VIDEO.id == PairRow.file_id)
    .join(_PHOTO, _PHOTO.id == PairRow.owner_id)
    .join(AssetRow, AssetRow.id == _VIDEO.asset_id)
    .where(
        PairRow.kind == "companion",
        or_(PairRow.file_id == bindparam("file"), PairRow.owner_id == bindparam("file")),
        _VIDEO.kind == "video",
        _PHOTO.kind == "photo",
        func.coalesce(AssetRow.duration_ms, 0) <= LIVE_MS,
    )
)
