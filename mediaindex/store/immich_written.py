"""What we wrote into Immich, what stood there before, and what is still to be written."""

import json
import posixpath
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session, aliased

from mediaindex.store import settings
from mediaindex.store.captions import captions_of_asset
from mediaindex.store.ids import each
from mediaindex.store.immich_tables import ImmichAccountRow, ImmichAssetRow, ImmichWrittenRow
from mediaindex.store.jobs import forget_results
from mediaindex.store.tables import AssetRow, CaptionRow, MomentRow, ResultRow, SettingRow
from mediaindex.types import Said

STAGE = "publish"

IN_VAIN = "immich_in_vain"
"""The setting that lists the libraries in which Immich keeps nothing that is written."""

TAKEN_OUT = "somebody took our words out in Immich"
"""Why an asset is left alone whose description has nothing of ours any more."""

UPLOADED = ""
"""Stands for the library of what was uploaded, which has none."""


@dataclass(frozen=True)
class Written:
    """What is known of our words on one asset of Immich's; see `ImmichWrittenRow`."""

    account_id: int
    uuid: str
    asset_id: int | None
    before: str
    written_at: datetime
    description: str | None = None
    pending: str | None = None
    #: Whole paths.
    tags: tuple[str, ...] = ()
    #: JSON.
    record: str | None = None
    digest: str = ""
    checked_at: datetime | None = None
    wiped: int = 0
    trouble: str | None = None


@dataclass(frozen=True)
class Target:
    """One asset of Immich's that is a photo or video of ours."""

    account_id: int
    uuid: str
    library_id: str | None


@dataclass(frozen=True)
class Spoken:
    """What models say of a photo or video."""

    kind: str
    #: Of the whole video.
    summary: Said | None
    #: With their `at_ms`, in order of time.
    moments: tuple[tuple[int, Said], ...]


def find(session: Session, account_id: int, uuid: str) -> Written | None:
    """Return what is known of our words on an asset; None: we never meant to write any."""
    row = session.scalar(select(ImmichWrittenRow).where(*_of(account_id, uuid)))
    return None if row is None else _written(row)


def keep(session: Session, written: Written) -> None:
    """Store what is known of our words on an asset; the caller commits."""
    values = asdict(written) | {"tags": json.dumps(written.tags)}
    statement = insert(ImmichWrittenRow).values(values)
    keys = [ImmichWrittenRow.account_id, ImmichWrittenRow.uuid]
    session.execute(statement.on_conflict_do_update(index_elements=keys, set_=values))


def forget(session: Session, account_id: int, uuid: str) -> None:
    """Forget what we wrote on an asset; for who has seen that it is not there any more."""
    session.execute(delete(ImmichWrittenRow).where(*_of(account_id, uuid)))


def all_written(
    session: Session, account_id: int, asset_ids: Collection[int] | None = None
) -> list[Written]:
    """Return all that we wrote in an account, oldest first; only on these of our assets, if any."""
    query = select(ImmichWrittenRow).where(ImmichWrittenRow.account_id == account_id)
    if asset_ids is not None:
        query = query.where(ImmichWrittenRow.asset_id.in_(each(asset_ids)))
    return [_written(row) for row in session.scalars(query.order_by(ImmichWrittenRow.id))]


def descriptions_of_ours(session: Session, uuids: Collection[str]) -> dict[str, list[str]]:
    """Return the whole descriptions that we wrote on these assets, or were about to.

    By any account: what a partner shares has our words that its owner's account wrote.
    """
    rows = session.connection().execute(_DESCRIPTIONS, {"names": json.dumps(list(uuids))})
    found: dict[str, list[str]] = {}
    for uuid, *texts in rows:
        found.setdefault(uuid, []).extend(text for text in texts if text is not None)
    return found


def unchecked(
    session: Session, account_id: int, written_before: datetime, limit: int
) -> list[Written]:
    """Return what was written so long ago and not looked at since, oldest first."""
    query = (
        select(ImmichWrittenRow)
        .where(
            ImmichWrittenRow.account_id == account_id,
            ImmichWrittenRow.checked_at.is_(None),
            ImmichWrittenRow.trouble.is_(None),
            ImmichWrittenRow.digest != "",
            ImmichWrittenRow.written_at <= written_before,
            or_(ImmichWrittenRow.description.is_not(None), ImmichWrittenRow.tags != "[]"),
        )
        .order_by(ImmichWrittenRow.written_at, ImmichWrittenRow.id)
        .limit(limit)
    )
    return [_written(row) for row in session.scalars(query)]


def put_off(session: Session, written: Written, now: datetime) -> None:
    """Have an asset looked at as if it was written only now, after all others; nothing else."""
    query = update(ImmichWrittenRow).where(*_of(written.account_id, written.uuid))
    unchanged = ImmichWrittenRow.written_at == written.written_at
    session.execute(query.where(unchanged).values(written_at=now))


def lately_wiped(session: Session, account_id: int, uuid: str, number: int) -> bool:
    """Return whether of the last `number` checked ones of an asset's library none was left."""
    own, other = aliased(ImmichAssetRow), aliased(ImmichAssetRow)
    of_library = select(func.coalesce(own.library_id, UPLOADED)).where(
        own.account_id == account_id, own.uuid == uuid
    )
    query = (
        select(ImmichWrittenRow.wiped)
        .join(
            other,
            and_(
                other.account_id == ImmichWrittenRow.account_id, other.uuid == ImmichWrittenRow.uuid
            ),
        )
        .where(
            ImmichWrittenRow.account_id == account_id,
            ImmichWrittenRow.checked_at.is_not(None),
            func.coalesce(other.library_id, UPLOADED) == of_library.scalar_subquery(),
        )
        .order_by(ImmichWrittenRow.checked_at.desc(), ImmichWrittenRow.id.desc())
        .limit(number)
    )
    found = list(session.scalars(query))
    return len(found) == number and all(found)


def library_of(session: Session, account_id: int, uuid: str) -> str:
    """Return the library of an asset, `UPLOADED` if it is in none."""
    query = select(ImmichAssetRow.library_id).filter_by(account_id=account_id, uuid=uuid)
    return session.scalar(query) or UPLOADED


def give_up_library(session: Session, library_id: str) -> bool:
    """Write nothing more in a library where it is in vain; False: that was known."""
    known = libraries_in_vain(session)
    settings.remember(session, IN_VAIN, sorted({*known, library_id}))
    return library_id not in known


def libraries_in_vain(session: Session) -> tuple[str, ...]:
    """Return the libraries in which nothing is written any more, as Immich threw it all away."""
    return tuple(settings.recall(session, IN_VAIN) or ())


def folder_of_library(session: Session, library_id: str) -> str:
    """Return the folder of Immich's in which all of a library lies; "" if nothing is known."""
    query = select(func.min(ImmichAssetRow.path), func.max(ImmichAssetRow.path)).where(
        func.coalesce(ImmichAssetRow.library_id, UPLOADED) == library_id
    )
    first, last = session.execute(query).one()
    # What lies between two paths has all that these have in common.
    return "" if first is None else posixpath.commonpath([posixpath.dirname(first), last])


def try_again(session: Session) -> int:
    """Write again what was left alone, whatever the reason; returns on how many assets.

    Words that somebody took out are put in anew behind what stands there by then; words that
    somebody changed are found to be theirs once more.
    """
    settings.remember(session, IN_VAIN, None)
    troubled = ImmichWrittenRow.trouble.is_not(None)
    query = select(ImmichWrittenRow.asset_id).where(troubled)
    ids = [asset_id for asset_id in session.scalars(query) if asset_id is not None]
    taken_out = ImmichWrittenRow.trouble == TAKEN_OUT
    forgotten = {"description": None, "pending": None}
    session.execute(update(ImmichWrittenRow).where(taken_out).values(forgotten))
    session.execute(
        update(ImmichWrittenRow)
        .where(troubled)
        .values(trouble=None, wiped=0, digest="", checked_at=None)
    )
    publish_again(session, ids)
    return len(ids)


def publish_again(session: Session, asset_ids: Collection[int]) -> None:
    """Have assets looked at again by the stage that writes.

    Those that came into Immich, or came back there, are by themselves (see the migration).
    """
    for asset_id in asset_ids:
        forget_results(session, asset_id, (STAGE,))


def targets(session: Session, asset_id: int, account_ids: Collection[int]) -> list[Target]:
    """Return which of Immich's assets may be written to for one of ours, as far as is known."""
    query = (
        select(ImmichAssetRow)
        .where(ImmichAssetRow.asset_id == asset_id, *_open_to(account_ids))
        .order_by(ImmichAssetRow.id)
    )
    return [Target(row.account_id, row.uuid, row.library_id) for row in session.scalars(query)]


def publishable(query: Select[int], account_ids: Collection[int]) -> Select[int]:
    """Narrow a query for assets down to those that have words, and a place where they may go.

    A video has to be described to its end, else its words would be written again and again.
    """
    place = exists().where(ImmichAssetRow.asset_id == AssetRow.id, *_open_to(account_ids))
    told = exists().where(CaptionRow.asset_id == AssetRow.id, CaptionRow.description != "")
    done = exists().where(ResultRow.asset_id == AssetRow.id, ResultRow.stage == "caption")
    return query.where(
        AssetRow.withheld.is_(None), place, told, or_(AssetRow.kind == "photo", done)
    )


def spoken(session: Session, asset_id: int) -> Spoken:
    """Return what models say of one of our assets."""
    kind = session.get_one(AssetRow, asset_id).kind
    said = captions_of_asset(session, asset_id)
    summary = said.pop(None, None)
    times = dict(
        session.execute(
            select(MomentRow.id, MomentRow.at_ms).where(MomentRow.asset_id == asset_id)
        ).all()
    )
    moments = tuple((times[moment], words) for moment, words in said.items() if moment is not None)
    return Spoken(kind, summary, moments)


def troubles(session: Session) -> Iterator[tuple[int | None, str]]:
    """Yield which of our assets are left alone, each with the reason."""
    query = select(ImmichWrittenRow.asset_id, ImmichWrittenRow.trouble)
    for asset_id, trouble in session.execute(query.where(ImmichWrittenRow.trouble.is_not(None))):
        yield asset_id, trouble or ""


def count_publishable(session: Session) -> int:
    """Return on how many assets there is something to write in Immich, written or not."""
    accounts = select(ImmichAssetRow.account_id).distinct()
    ids = list(session.scalars(accounts))
    query = publishable(select(AssetRow.id).where(AssetRow.missing_since.is_(None)), ids)
    return session.scalar(select(func.count()).select_from(query.subquery())) or 0


def _open_to(account_ids: Collection[int]) -> Sequence[ColumnElement[bool]]:
    remembered = select(SettingRow.value).where(SettingRow.name == IN_VAIN).scalar_subquery()
    in_vain = func.json_each(func.coalesce(remembered, "[]")).table_valued("value")
    return (
        ImmichAssetRow.account_id.in_(each(account_ids)),
        ImmichAssetRow.vanished_at.is_(None),
        ImmichAssetRow.visibility.in_(("timeline", "archive")),
        ImmichAssetRow.is_trashed.is_(False),
        func.coalesce(ImmichAssetRow.library_id, UPLOADED).not_in(select(in_vain.c.value)),
    )


def _of(account_id: int, uuid: str) -> tuple[ColumnElement[bool], ...]:
    return ImmichWrittenRow.account_id == account_id, ImmichWrittenRow.uuid == uuid


def _written(row: ImmichWrittenRow) -> Written:
    return Written(
        account_id=row.account_id,
        uuid=row.uuid,
        asset_id=row.asset_id,
        before=row.before,
        written_at=row.written_at,
        description=row.description,
        pending=row.pending,
        tags=tuple(json.loads(row.tags)),
        record=row.record,
        digest=row.digest,
        checked_at=row.checked_at,
        wiped=row.wiped,
        trouble=row.trouble,
    )


_DESCRIPTIONS = select(
    ImmichWrittenRow.uuid, ImmichWrittenRow.description, ImmichWrittenRow.pending
).where(
    # All there are, so that the rows are found by their key.
    ImmichWrittenRow.account_id.in_(select(ImmichAccountRow.id)),
    ImmichWrittenRow.uuid.in_(
        select(func.json_each(bindparam("names")).table_valued("value").c.value)
    ),
)
