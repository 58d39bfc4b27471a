"""What an account's archive holds, as it was last read. Functions never commit: the caller does."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, delete, false, func, insert, or_, select, update
from sqlalchemy.orm import Session

from mediaindex.clients.immich_shapes import Visibility
from mediaindex.store.ids import THESE, these
from mediaindex.store.immich_tables import ImmichAssetRow
from mediaindex.store.tables import AssetRow, FileRow
from mediaindex.store.withheld import LOCKED

COUNTED: tuple[Visibility, ...] = ("timeline", "archive")
"""Of what Immich is asked how many there are."""

Row = dict[str, object]
"""Columns of `ImmichAssetRow`."""


@dataclass(frozen=True)
class Kept:
    """An `ImmichAssetRow`, without SQLAlchemy's part, which takes longer than reading it."""

    id: int
    account_id: int
    uuid: str
    owner_id: str
    library_id: str | None
    asset_id: int | None
    file_id: int | None
    matched_by: str | None
    path: str
    checksum: str
    size_bytes: int | None
    visibility: str
    is_trashed: bool
    is_favourite: bool
    updated_at: str
    facts: str
    missed_in: int | None
    vanished_at: datetime | None
    is_shown: bool
    is_confirmed: bool
    is_offline: bool
    live_video: str | None


def kept_by_uuid(session: Session, account_id: int, uuids: Collection[str]) -> dict[str, Kept]:
    """Return what is known of these assets of an account."""
    asked = {"account": account_id, "names": json.dumps(list(uuids))}
    return {row.uuid: row for row in _all(session, _BY_UUID, asked)}


def kept(session: Session, row_ids: Collection[int]) -> list[Kept]:
    """Return these rows, those that are gone left out."""
    return _all(session, _BY_ID, these(row_ids))


def kept_of_asset(session: Session, asset_id: int) -> list[Kept]:
    """Return all that an asset of ours is in Immich, of every account."""
    return _all(session, _BY_ASSET, these([asset_id]))


def kept_of_files(session: Session, asset_id: int) -> list[Kept]:
    """Return what stands for a file that holds this asset now, whatever it was matched with."""
    return _all(session, _BY_FILE, {"asset": asset_id})


def live_videos(session: Session, rows: Iterable[Kept]) -> set[int]:
    """Return our assets that are the videos of these live photos."""
    uuids = [[row.account_id, row.live_video] for row in rows if row.live_video]
    if not uuids:
        return set()
    asked = {"pairs": json.dumps(uuids)}
    return {id_ for id_ in session.connection().scalars(_LIVE_VIDEOS, asked) if id_ is not None}


def live_photos(session: Session, rows: Iterable[Kept]) -> dict[int, list[Kept]]:
    """Return the live photos whose videos these are, by the rows of the videos."""
    videos = {(row.account_id, row.uuid): row.id for row in rows if row.visibility == "hidden"}
    if not videos:
        return {}
    found: dict[int, list[Kept]] = {}
    for photo in _all(session, _LIVE_PHOTOS, {"pairs": json.dumps(list(videos))}):
        found.setdefault(videos[photo.account_id, photo.live_video or ""], []).append(photo)
    return found


def kept_by_asset(session: Session, asset_ids: Collection[int]) -> dict[int, list[Kept]]:
    """Return all that each of these assets of ours is in Immich, of every account."""
    found: dict[int, list[Kept]] = {}
    for row in _all(session, _BY_ASSET, these(asset_ids)):
        found.setdefault(row.asset_id or 0, []).append(row)
    return found


def kept_by_account(session: Session, asset_id: int) -> dict[int, list[Kept]]:
    """Return all that an asset of ours is in Immich, by the id of the account."""
    whose = dict(session.connection().execute(_WHOSE, {"asset": asset_id}).all())
    found: dict[int, list[Kept]] = {}
    for row in kept_of_asset(session, asset_id):
        found.setdefault(whose[row.id], []).append(row)
    return found


def add_rows(session: Session, rows: Sequence[Row]) -> list[int]:
    """Store assets that were never met; returns the ids of their rows, in no order."""
    if not rows:
        return []
    return list(session.connection().scalars(insert(ImmichAssetRow).returning(_COLUMN.id), rows))


def change_rows(session: Session, rows: Sequence[Mapping[str, object]]) -> None:
    """Store what changed of assets; each with its row's `id`, all with the same columns."""
    if rows:
        session.connection().execute(
            _CHANGE.values({name: bindparam(name) for name in rows[0] if name != "id"}),
            [{**row, "row": row["id"]} for row in rows],
        )


def drop_rows(session: Session, row_ids: Collection[int]) -> None:
    """Forget assets of Immich's; the caller settles what they were here."""
    session.connection().execute(_DROP, these(row_ids))


def listed_ids(session: Session, account_id: int) -> Iterator[int]:
    """Yield the rows of all that a full reading of an account should meet."""
    rows = session.connection().execution_options(yield_per=1000)
    yield from rows.execute(_LISTED, {"account": account_id}).scalars()


def gone(session: Session, account_id: int) -> list[Kept]:
    """Return what is locked, has vanished, or was missed and is not decided yet."""
    return _all(session, _GONE_ROWS, {"account": account_id})


def some_of_account(session: Session, account_id: int, most: int) -> list[tuple[int, int | None]]:
    """Return (row id, asset id) of up to `most` assets of an account."""
    asked = {"account": account_id, "most": most}
    return [(id_, asset) for id_, asset in session.connection().execute(_SOME, asked)]


def assets_locked_for_nothing(session: Session) -> list[int]:
    """Return the ids of assets of ours that are locked and that nothing in Immich is."""
    return list(session.connection().scalars(_FOR_NOTHING))


def assets_locked_for_something(session: Session) -> list[int]:
    """Return the ids of assets of ours that are locked and that something in Immich is."""
    return list(session.connection().scalars(_FOR_SOMETHING))


def kept_by_checksum(session: Session, account_id: int, checksums: Iterable[str]) -> list[Kept]:
    """Return what an account has now with one of these checksums."""
    asked = {"account": account_id, "names": json.dumps(list(checksums))}
    return _all(session, _BY_CHECKSUM, asked)


def gone_by_checksum(session: Session, account_id: int, checksums: Iterable[str]) -> list[Kept]:
    """Return what of `gone` has one of these checksums."""
    asked = {"account": account_id, "names": json.dumps(list(checksums))}
    return _all(session, _GONE_BY_CHECKSUM, asked)


def libraries_met(session: Session, account_id: int) -> set[str | None]:
    """Return the libraries of which an account has anything now; None: of uploads."""
    return set(session.connection().scalars(_LIBRARIES, {"account": account_id}))


def unmatched(
    session: Session, account_id: int, after_id: int, most: int
) -> list[tuple[int, str, int | None]]:
    """Return (row id, path, file id) of what matches nothing of ours, by the id of the row."""
    asked = {"account": account_id, "after": after_id, "most": most}
    return [
        (id_, path, file) for id_, path, file in session.connection().execute(_UNMATCHED, asked)
    ]


def strays(session: Session, account_id: int) -> list[tuple[int, int | None, int | None]]:
    """Return (row id, asset id, asset id now) where the file at the path holds another by now."""
    rows = session.connection().execute(_STRAYS, {"account": account_id})
    return [(id_, before, now) for id_, before, now in rows]


def count_matched(session: Session, account_id: int) -> dict[tuple[str, str], int]:
    """Return how many that are met now are ours, by owner and library ("" of uploads)."""
    rows = session.connection().execute(_MATCHED, {"account": account_id})
    return {(owner, library or ""): number for owner, library, number in rows}


def count_shown(session: Session, account_id: int, owner_id: str) -> int:
    """Count what an account has of its own, is `COUNTED`, and was met."""
    asked = {"account": account_id, "owner": owner_id}
    return session.connection().scalar(_SHOWN, asked) or 0


def newest_without_text(
    session: Session, account_id: int, most: int
) -> list[tuple[int, str, int | None]]:
    """Return (row id, uuid, asset id) of photos whose OCR was not asked for, newest first."""
    asked = {"account": account_id, "most": most}
    return [
        (id_, uuid, asset) for id_, uuid, asset in session.connection().execute(_UNASKED, asked)
    ]


_COLUMN = ImmichAssetRow
_KEPT = select(*(getattr(_COLUMN, column.name) for column in fields(Kept)))
_OF_ACCOUNT = _COLUMN.account_id == bindparam("account")
_NAMES = select(func.json_each(bindparam("names")).table_valued("value").c.value)
_BY_UUID = _KEPT.where(_OF_ACCOUNT, _COLUMN.uuid.in_(_NAMES))
_BY_ID = _KEPT.where(_COLUMN.id.in_(THESE)).order_by(_COLUMN.id)
_BY_ASSET = _KEPT.where(_COLUMN.asset_id.in_(THESE)).order_by(_COLUMN.account_id, _COLUMN.id)
_WHOSE = select(_COLUMN.id, _COLUMN.account_id).where(_COLUMN.asset_id == bindparam("asset"))
_BY_FILE = (
    _KEPT.join(FileRow, FileRow.id == _COLUMN.file_id)
    .where(FileRow.asset_id == bindparam("asset"))
    .order_by(_COLUMN.account_id, _COLUMN.id)
)
_PAIR = func.json_each(bindparam("pairs")).table_valued("value").c.value
_PAIRS = (func.json_extract(_PAIR, "$[0]"), func.json_extract(_PAIR, "$[1]"))
_LIVE_VIDEOS = select(_COLUMN.asset_id).where(
    _COLUMN.account_id == _PAIRS[0], _COLUMN.uuid == _PAIRS[1]
)
_LIVE_PHOTOS = _KEPT.where(_COLUMN.account_id == _PAIRS[0], _COLUMN.live_video == _PAIRS[1])
_CHANGE = update(ImmichAssetRow).where(_COLUMN.id == bindparam("row"))
_DROP = delete(ImmichAssetRow).where(_COLUMN.id.in_(THESE))
_IS_MET = and_(_COLUMN.vanished_at.is_(None), _COLUMN.missed_in.is_(None))
_LISTED = select(_COLUMN.id).where(_OF_ACCOUNT, _COLUMN.vanished_at.is_(None))
_IS_GONE = or_(_COLUMN.vanished_at.is_not(None), _COLUMN.missed_in.is_not(None))
_GONE_ROWS = _KEPT.where(_OF_ACCOUNT, _IS_GONE).order_by(_COLUMN.id)
_GONE_BY_CHECKSUM = _GONE_ROWS.where(_COLUMN.checksum.in_(_NAMES))
_BY_CHECKSUM = _KEPT.where(_OF_ACCOUNT, _COLUMN.checksum.in_(_NAMES), _IS_MET)
_SOME = select(_COLUMN.id, _COLUMN.asset_id).where(_OF_ACCOUNT).limit(bindparam("most"))
_FOR_NOTHING = select(AssetRow.id).where(
    AssetRow.withheld == LOCKED, ~select(_COLUMN.id).where(_COLUMN.asset_id == AssetRow.id).exists()
)
_FOR_SOMETHING = select(AssetRow.id).where(
    AssetRow.withheld == LOCKED, select(_COLUMN.id).where(_COLUMN.asset_id == AssetRow.id).exists()
)
_LIBRARIES = select(_COLUMN.library_id).where(_OF_ACCOUNT, _IS_MET).distinct()
_UNMATCHED = (
    select(_COLUMN.id, _COLUMN.path, _COLUMN.file_id)
    .where(_OF_ACCOUNT, _COLUMN.asset_id.is_(None), _COLUMN.id > bindparam("after"))
    .order_by(_COLUMN.id)
    .limit(bindparam("most"))
)
_STRAYS = (
    select(_COLUMN.id, _COLUMN.asset_id, FileRow.asset_id)
    .join(FileRow, FileRow.id == _COLUMN.file_id)
    .where(
        _OF_ACCOUNT,
        FileRow.asset_id.is_not(None),
        FileRow.kind.is_not(None),
        FileRow.asset_id.is_distinct_from(_COLUMN.asset_id),
    )
)
_MATCHED = (
    select(_COLUMN.owner_id, _COLUMN.library_id, func.count(_COLUMN.id))
    .where(_OF_ACCOUNT, _IS_MET, _COLUMN.asset_id.is_not(None))
    .group_by(_COLUMN.owner_id, _COLUMN.library_id)
)
_SHOWN = select(func.count(_COLUMN.id)).where(
    _OF_ACCOUNT,
    _COLUMN.owner_id == bindparam("owner"),
    _COLUMN.visibility.in_(COUNTED),
    _COLUMN.is_trashed.is_(false()),
    _IS_MET,
)
_UNASKED = (
    select(_COLUMN.id, _COLUMN.uuid, _COLUMN.asset_id)
    .join(AssetRow, AssetRow.id == _COLUMN.asset_id)
    .where(_OF_ACCOUNT, _COLUMN.text_asked.is_(false()), _IS_MET, AssetRow.kind == "photo")
    .order_by(_COLUMN.asset_id.desc())
    .limit(bindparam("most"))
)


def _all(session: Session, statement: Any, asked: Mapping[str, object]) -> list[Kept]:  # noqa: ANN401
    return [Kept(*row) for row in session.connection().execute(statement, asked)]
