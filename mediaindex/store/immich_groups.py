"""Albums and tags of an account, and what is in them. Functions never commit: the caller does."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.orm import Session

from mediaindex.store.ids import THESE, these
from mediaindex.store.immich_tables import ImmichGroupRow, ImmichMemberRow

GroupKind = Literal["album", "tag", "ours"]


@dataclass(frozen=True)
class Group:
    """An `ImmichGroupRow`."""

    id: int
    uuid: str
    name: str
    #: See `ImmichGroupRow.state`.
    state: str


def groups(session: Session, account_id: int, kind: GroupKind) -> dict[str, Group]:
    """Return what is known of an account's albums, or tags, by Immich's id."""
    asked = {"account": account_id, "kind": kind}
    rows = session.connection().execute(_GROUPS, asked)
    return {row.uuid: Group(*row) for row in rows}


def add_group(session: Session, account_id: int, kind: GroupKind, uuid: str, name: str) -> int:
    """Store an album or a tag that was never met; returns its id."""
    row = ImmichGroupRow(account_id=account_id, kind=kind, uuid=uuid, name=name, state="")
    session.add(row)
    session.flush()
    return row.id


def change_group(session: Session, group_id: int, *, name: str, state: str) -> None:
    """Store what an album or a tag is called now, and how Immich tells it from older ones."""
    fresh = {"name": name, "state": state}
    session.execute(update(ImmichGroupRow).where(ImmichGroupRow.id == group_id).values(**fresh))


def drop_group(session: Session, group_id: int) -> None:
    """Forget an album or a tag, and what was in it."""
    session.execute(delete(ImmichGroupRow).where(ImmichGroupRow.id == group_id))


def members(session: Session, group_id: int) -> Sequence[int]:
    """Return the rows of what is in an album, or has a tag."""
    return session.connection().scalars(_MEMBERS, {"group": group_id}).all()


def not_yet_in(session: Session, group_id: int, row_ids: Collection[int]) -> list[int]:
    """Return which of these rows are not known to be in a group."""
    known = set(session.connection().scalars(_KNOWN, these(row_ids) | {"group": group_id}))
    return [row_id for row_id in row_ids if row_id not in known]


def join(session: Session, group_id: int, row_ids: Collection[int]) -> None:
    """Note that these rows are in a group."""
    if row_ids:
        session.connection().execute(
            upsert(ImmichMemberRow).on_conflict_do_nothing(),
            [{"group_id": group_id, "row_id": row_id} for row_id in row_ids],
        )


def leave(session: Session, group_id: int, row_ids: Collection[int]) -> None:
    """Note that these rows are not in a group any more."""
    session.connection().execute(_LEAVE, these(row_ids) | {"group": group_id})


def names_by_row(
    session: Session, row_ids: Collection[int]
) -> Iterator[tuple[int, GroupKind, str]]:
    """Yield (row id, kind, name) of all that these rows are in."""
    yield from map(tuple, session.connection().execute(_NAMES, these(row_ids)))


_GROUPS = select(
    ImmichGroupRow.id, ImmichGroupRow.uuid, ImmichGroupRow.name, ImmichGroupRow.state
).where(ImmichGroupRow.account_id == bindparam("account"), ImmichGroupRow.kind == bindparam("kind"))
_OF_GROUP = ImmichMemberRow.group_id == bindparam("group")
_MEMBERS = select(ImmichMemberRow.row_id).where(_OF_GROUP)
_KNOWN = _MEMBERS.where(ImmichMemberRow.row_id.in_(THESE))
_LEAVE = delete(ImmichMemberRow).where(_OF_GROUP, ImmichMemberRow.row_id.in_(THESE))
_NAMES = (
    select(ImmichMemberRow.row_id, ImmichGroupRow.kind, ImmichGroupRow.name)
    .join(ImmichGroupRow, ImmichGroupRow.id == ImmichMemberRow.group_id)
    .where(ImmichMemberRow.row_id.in_(THESE))
    .order_by(ImmichMemberRow.row_id, ImmichGroupRow.name, ImmichGroupRow.id)
)
