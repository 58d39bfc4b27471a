"""A page of Immich's assets -> the store, in one short transaction."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy.orm import Session

from mediaindex.clients.immich_shapes import Asset
from mediaindex.immich.account import PathPair
from mediaindex.immich.facts import Facts, facts_of, read_facts, stored
from mediaindex.immich.matching import ours_of
from mediaindex.immich.telling import settle
from mediaindex.store.immich_assets import (
    Kept,
    Row,
    add_rows,
    change_rows,
    drop_rows,
    gone_by_checksum,
    kept_by_uuid,
)
from mediaindex.store.immich_places import Lies, files_at
from mediaindex.store.immich_wiped import publish_if_wiped
from mediaindex.store.immich_written import descriptions_of_ours

NOTHING = stored(Facts())

Match = tuple[int | None, int | None, str | None]
"""File, asset, and by what they match."""


@dataclass
class Stored:
    """What came of a page."""

    row_ids: list[int] = field(default_factory=list)
    matched: int = 0
    #: Assets of ours of which something else is known.
    changed: set[int] = field(default_factory=set)


def store_page(
    session: Session,
    account_id: int,
    paths: Collection[PathPair],
    page: Sequence[Asset],
    *,
    anew: bool = False,
) -> Stored:
    """Store a page of assets, and what it means for ours; who may see them too.

    What is as it was is not written. The caller commits.

    Args:
        session: An open session.
        account_id: The account.
        paths: Which of Immich's folders is which of ours.
        page: Assets as Immich tells of them, in no order; one may come twice.
        anew: The folders are others than before: what was matched by path was perhaps wrong.
    """
    assets = {asset.id: asset for asset in page}
    known = kept_by_uuid(session, account_id, assets)
    found = match_paths(session, {asset.id: asset.path for asset in page}, paths)
    ours = descriptions_of_ours(session, assets)
    fresh: list[Row] = []
    changed: list[Row] = []
    result = Stored([row.id for row in known.values()])
    touched: set[int | None] = set()
    for uuid, asset in assets.items():
        before = known.get(uuid)
        match = _match(asset, before, found.get(uuid), anew=anew)
        row = _row(asset, before, match, ours.get(uuid, ()))
        result.matched += match[1] is not None
        if before is None:
            fresh.append({"account_id": account_id, **row})
            touched.add(match[1])
        elif not _is_same(row, before):
            changed.append({"id": before.id, **row})
            touched |= {match[1], before.asset_id}
    result.row_ids += add_rows(session, fresh)
    change_rows(session, changed)
    if fresh:
        touched |= drop_followed(session, account_id, assets.values())
    result.changed = settle(session, {each for each in touched if each is not None})
    publish_if_wiped(session, account_id, [str(row["uuid"]) for row in changed])
    return result


def match_paths(
    session: Session, theirs: Mapping[str, str], pairs: Collection[PathPair]
) -> dict[str, Lies]:
    """Return which of our files lie at these paths of Immich's, by any name."""
    ours = {name: ours_of(path, pairs) for name, path in theirs.items()}
    return files_at(session, {name: path for name, path in ours.items() if path is not None})


def drop_followed(session: Session, account_id: int, page: Collection[Asset]) -> set[int | None]:
    """Forget what was taken to be locked and has come again under another id: it was deleted.

    Immich has each content, or each path of a library, once for a person.

    Returns:
        The assets of ours that are to be settled.
    """
    here = {(asset.checksum, asset.library_id, asset.owner_id): asset.id for asset in page}
    followed = [
        row
        for row in gone_by_checksum(session, account_id, {asset.checksum for asset in page})
        if here.get((row.checksum, row.library_id, row.owner_id), row.uuid) != row.uuid
    ]
    if followed:
        drop_rows(session, [row.id for row in followed])
    return {row.asset_id for row in followed}


def _match(asset: Asset, before: Kept | None, lies: Lies | None, *, anew: bool) -> Match:
    """Return what of ours an asset is.

    What lies at its path holds. Where nothing does, it is still what it was: our file was moved.
    """
    if lies is not None and lies.asset_id is not None:
        return lies.file_id, lies.asset_id, "path"
    file_id = None if lies is None else lies.file_id
    if anew and before is not None and before.matched_by == "path":
        return file_id, None, None
    if before is not None and before.checksum == asset.checksum:
        return file_id or before.file_id, before.asset_id, before.matched_by
    return file_id, None, None


def _row(asset: Asset, before: Kept | None, match: Match, ours: Collection[str]) -> Row:
    facts = facts_of(asset, Facts() if before is None else read_facts(before.facts), ours)
    same = before is not None and before.checksum == asset.checksum
    return {
        "uuid": asset.id,
        "owner_id": asset.owner_id,
        "library_id": asset.library_id,
        "asset_id": match[1],
        "file_id": match[0],
        "matched_by": match[2],
        "path": _storable(asset.path),
        "checksum": asset.checksum,
        # An answer without its file's facts does not take them away.
        "size_bytes": asset.size_bytes or (before.size_bytes if before and same else None),
        "visibility": asset.visibility,
        "is_trashed": _is_trashed(asset, before),
        "is_favourite": asset.is_favourite,
        "updated_at": asset.updated_at,
        "facts": stored(facts),
        "missed_in": None,
        "vanished_at": None,
        "is_shown": False,
        "is_confirmed": False,
        "is_offline": asset.is_offline,
        "live_video": asset.live_video_id,
    }


def _is_trashed(asset: Asset, before: Kept | None) -> bool:
    """Return whether somebody put it into the trash.

    Immich puts there itself what it does not find, as while its disk is not mounted.
    """
    if asset.is_offline:
        return before is not None and before.is_trashed
    return asset.is_trashed


def _is_same(row: Row, before: Kept) -> bool:
    return all(getattr(before, name) == value for name, value in row.items())


def _storable(path: str) -> str:
    """Return a path without halves of characters, which no database takes."""
    return path.encode("utf-8", "replace").decode()


def vanish(
    session: Session, rows: Collection[Kept], now: datetime, *, confirmed: bool = False
) -> None:
    """Note that these cannot be read any more; the caller settles what they are here.

    Args:
        session: An open session.
        rows: Which.
        now: The time.
        confirmed: A person said that they are locked.
    """
    fresh = {"vanished_at": now, "missed_in": None, "is_confirmed": confirmed}
    change_rows(session, [{"id": row.id, **fresh} for row in rows])
