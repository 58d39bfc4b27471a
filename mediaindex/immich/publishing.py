"""Write our words to one asset of Immich's, so that a kill at any moment loses nothing.

What stood there is stored before anything is sent, and so is what is on its way; what Immich made
of it is stored afterwards. Whoever comes next finds out by these how far it came.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import Asset
from mediaindex.errors import Gone
from mediaindex.immich.account import Account
from mediaindex.immich.words import Wish
from mediaindex.immich.writing import (
    Plan,
    as_json,
    is_our_record,
    may_be_written,
    plan,
    without_record,
)
from mediaindex.marked import alike, block
from mediaindex.store import immich_written
from mediaindex.store.database import Database
from mediaindex.store.immich_written import Target, Written

KEY = "mediaindex"
"""Of our record among an asset's key-value metadata."""

Outcome = Literal["written", "as it was", "gone", "not to be written"]


@dataclass(frozen=True)
class Draft:
    """What would be sent to an asset."""

    #: As it stands.
    asset: Asset
    plan: Plan


def is_current(written: Written | None, wish: Wish) -> bool:
    """Return whether an asset says what we have to say, as far as is known without asking."""
    return written is not None and written.digest == wish.digest


def publish(
    database: Database,
    client: ImmichClient,
    account: Account,
    target: Target,
    asset_id: int,
    wish: Wish,
    pace: Callable[[], None],
    clock: Callable[[], datetime],
) -> Outcome:
    """Have one asset of Immich's say what we have to say; nothing is sent if it does.

    Args:
        database: Written to in short transactions, so none may be open in this thread.
        client: Of the account.
        account: Whose asset it is, or is said to be.
        target: The asset in Immich.
        asset_id: What it is here.
        wish: What it is to say.
        pace: Called before it is read; waits until another may be written.
        clock: The time, UTC.

    Raises:
        RetryLater, Faulty: From the client, or from `pace`; the next call goes on from there.
    """
    with database.read() as session:
        written = immich_written.find(session, target.account_id, target.uuid)
    if is_current(written, wish):
        return "as it was"
    pace()
    drawn = draft(client, account, target, wish, written)
    if isinstance(drawn, str):
        return drawn
    base = written or Written(target.account_id, target.uuid, asset_id, drawn.plan.before, clock())
    if drawn.plan.is_idle:
        _keep(database, _settled(base, wish, drawn, clock()))
        return "as it was"
    base = _intended(base, asset_id, drawn)
    _keep(database, base)
    if not _sent(client, target.uuid, drawn.plan):
        return "gone"
    _keep(database, _settled(base, wish, drawn, clock()))
    return "written"


def draft(
    client: ImmichClient, account: Account, target: Target, wish: Wish, written: Written | None
) -> Draft | Outcome:
    """Return what would be sent, or why nothing is; only asks, and sends nothing.

    Raises:
        RetryLater, Faulty: From the client.
    """
    # Before the description is read, as that is to be written right after it is.
    others = _has_others_record(client, target, wish, written)
    asset = client.asset(target.uuid)
    if asset is None:
        return "gone"
    if not may_be_written(asset, account.user_id):
        return "not to be written"
    todo = plan(wish, asset, written)
    return Draft(asset, without_record(todo) if others else todo)


def _has_others_record(
    client: ImmichClient, target: Target, wish: Wish, written: Written | None
) -> bool:
    """Return whether a record stands where ours is to be, and is another program's."""
    if wish.record is None or (written is not None and written.record is not None):
        return False
    there = client.record(target.uuid, KEY)
    return there is not None and not is_our_record(there)


def _sent(client: ImmichClient, uuid: str, todo: Plan) -> bool:
    """Send it; False: the asset is gone by now.

    It is not read again: whatever stood there by then might be a person's, who was quicker.
    """
    try:
        # The description first: it was read just now, and a person may be writing one.
        if todo.description is not None:
            client.describe(uuid, todo.description)
        for tag in client.make_tags(todo.tags_on):
            client.tag(tag.id, [uuid])
        for tag in todo.tags_off:
            client.untag(tag.id, [uuid])
        if todo.record is not None:
            client.put_record(uuid, KEY, todo.record)
    except Gone as gone:
        if gone.what == "asset":
            return False
        raise  # a tag, which Immich deletes at night if nothing has it: the next time it is there
    return True


def _intended(base: Written, asset_id: int, drawn: Draft) -> Written:
    """Return what is known before anything is sent: all of it might arrive, or nothing."""
    todo, description, pending = drawn.plan, base.description, base.pending
    if todo.description is not None:
        # What was on its way the last time, and arrived, is what stands there until this does.
        if pending is not None and alike(
            block(drawn.asset.description) or "", block(pending) or ""
        ):
            description = pending
        pending = todo.description
    return replace(
        base,
        asset_id=asset_id,
        before=todo.before,
        description=description,
        pending=pending,
        tags=tuple(dict.fromkeys((*base.tags, *todo.tags))),
        # As it is found by its key, it can be taken out without knowing what it says.
        record=base.record if todo.record is None else base.record or "{}",
        digest="",
    )


def _settled(base: Written, wish: Wish, drawn: Draft, now: datetime) -> Written:
    """Return what is known once Immich has it all."""
    todo, description, pending = drawn.plan, base.description, base.pending
    if wish.words is not None and todo.trouble is None:
        # What was sent, or stood there already; how Immich trims it makes no difference.
        sent = todo.description
        description, pending = drawn.asset.description if sent is None else sent, None
    return replace(
        base,
        before=todo.before,
        description=description,
        pending=pending,
        tags=todo.tags,
        record=base.record if todo.record is None else as_json(todo.record),
        digest=wish.digest,
        written_at=now,
        checked_at=None,
        trouble=todo.trouble or todo.left_record,
    )


def _keep(database: Database, written: Written) -> None:
    with database.write() as session:
        immich_written.keep(session, written)
