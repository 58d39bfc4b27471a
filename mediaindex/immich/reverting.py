"""Take our words out of an archive in Immich, and put back exactly what stood there before.

What we wrote is forgotten only once Immich is seen without it, so it can be broken off anywhere and
begun again.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import Asset, Named, Wanted
from mediaindex.clients.immich_versions import abilities
from mediaindex.errors import Gone, Lacking
from mediaindex.immich.account import Account
from mediaindex.immich.publishing import KEY
from mediaindex.immich.undoing import Undo, is_undone, undo, undo_marked
from mediaindex.marked import TAG, block, is_ours
from mediaindex.store import immich_written
from mediaindex.store.database import Database
from mediaindex.store.immich_written import Written

NOT_SEEN = "Immich does not show it: it is in the locked folder, or was deleted"
NOT_HIS = "it is somebody else's now"
NOT_TAKEN = "Immich still has it after it was taken out; try again later"


@dataclass(frozen=True)
class Reverted:
    """What came of one asset."""

    uuid: str
    asset_id: int | None
    #: What stood there; None: Immich does not show it.
    asset: Asset | None
    #: What was sent, or is to be.
    done: Undo


def revert(
    database: Database,
    client: ImmichClient,
    account: Account,
    some: Sequence[Written],
    *,
    dry_run: bool = False,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[Reverted]:
    """Take out what we wrote on each of these, one after the other.

    Args:
        database: Written to in short transactions, so none may be open in this thread.
        client: Of the account.
        account: Whose archive.
        some: Of this account.
        dry_run: Only say what would be done: nothing is sent, and nothing forgotten.
        is_over: Asked before each; True ends it.

    Raises:
        RetryLater, Faulty: From the client; the next call goes on from there.
    """
    for written in some:
        if is_over():
            return
        asset = client.asset(written.uuid)
        if asset is None or asset.owner_id != account.user_id:
            why = NOT_SEEN if asset is None else NOT_HIS
            yield Reverted(written.uuid, written.asset_id, asset, Undo(left=why))
            continue
        todo = undo(asset, written)
        if not dry_run:
            todo = _take_out(client, asset, todo)
            _forget(database, written, todo)
        yield Reverted(written.uuid, written.asset_id, asset, todo)


def revert_unknown(
    client: ImmichClient,
    account: Account,
    known: Collection[str],
    *,
    dry_run: bool = False,
    is_over: Callable[[], bool] = lambda: False,
) -> Iterator[Reverted]:
    """Take out all of ours that is known by its marks alone, as the database knows nothing of it.

    Goes through the whole archive, but for what is locked; where Immich keeps records, it asks for
    each asset's.

    Args:
        client: Of the account.
        account: Whose archive.
        known: Ids of assets that are left out: `revert` is for these.
        dry_run: Only say what would be done.
        is_over: Asked before each; True ends it.

    Raises:
        RetryLater, Faulty: From the client; the next call goes on from there.
    """
    with_records = abilities(account.version).records
    tagged = _tagged(client, account)
    for page in client.pages(Wanted(trashed=True)):
        for asset in page:
            if is_over():
                return
            if asset.owner_id != account.user_id or asset.id in known:
                continue
            todo = undo_marked(asset, tagged.get(asset.id, ()))
            if with_records and client.record(asset.id, KEY) is not None:
                todo = replace(todo, record=True)
            if todo.is_idle:
                continue
            if not dry_run:
                # As it was listed it may be old by now, and a person's words are at stake.
                fresh = client.asset(asset.id)
                if fresh is None or (todo.description is not None and not block(fresh.description)):
                    continue
                again = undo_marked(fresh, fresh.tags or ())
                todo = _take_out(client, fresh, replace(again, record=todo.record))
            yield Reverted(asset.id, None, asset, todo)


def delete_empty_tags(client: ImmichClient, account: Account) -> int:
    """Delete the tags of ours that nothing has any more, if the key may; returns how many."""
    ours = sorted(_ours(client), key=lambda tag: tag.name.count("/"), reverse=True)
    count, kept = 0, set[str]()
    for tag in ours:
        # With a tag Immich deletes those below it.
        if any(name.startswith(f"{tag.name}/") for name in kept) or _is_used(client, tag):
            kept.add(tag.name)
            continue
        try:
            client.delete_tag(tag.id)
        except Lacking:
            return count
        count += 1
    return count


def _take_out(client: ImmichClient, asset: Asset, todo: Undo) -> Undo:
    """Send it, and return it with what is left, if anything is still there."""
    if todo.is_idle:
        return todo
    try:
        if todo.description is not None:
            client.describe(asset.id, todo.description)
        for tag in todo.tags_off:
            client.untag(tag.id, [asset.id])
        if todo.record:
            client.delete_record(asset.id, KEY)
    except Gone as gone:
        if gone.what != "asset":
            raise
        return replace(todo, left=NOT_SEEN)
    after = client.asset(asset.id)
    if after is None:
        return replace(todo, left=NOT_SEEN)
    if not is_undone(after, todo) or (todo.record and client.record(asset.id, KEY) is not None):
        return replace(todo, left=NOT_TAKEN)
    return todo


def _forget(database: Database, written: Written, done: Undo) -> None:
    """Forget what is out; what is left stays known, and is tried again by the next call."""
    with database.write() as session:
        if done.left is None:
            immich_written.forget(session, written.account_id, written.uuid)
        elif done.left not in (NOT_SEEN, NOT_TAKEN):
            # Tags and record are out. The words are a person's, and stay listed.
            rest = replace(written, tags=(), record=None, trouble=done.left)
            immich_written.keep(session, rest)
        if written.asset_id is not None:
            immich_written.publish_again(session, [written.asset_id])


def _tagged(client: ImmichClient, account: Account) -> dict[str, tuple[Named, ...]]:
    """Return the tags of ours by the assets that have them."""
    found: dict[str, tuple[Named, ...]] = {}
    # A search for the one above them finds what has any of them.
    for tag in (tag for tag in _ours(client) if tag.name != TAG):
        for page in client.pages(Wanted(tag_id=tag.id, bare=True, trashed=True)):
            for asset in page:
                if asset.owner_id == account.user_id:
                    found[asset.id] = (*found.get(asset.id, ()), tag)
    return found


def _ours(client: ImmichClient) -> list[Named]:
    return [tag for tag in client.tags() if is_ours(tag.name)]


def _is_used(client: ImmichClient, tag: Named) -> bool:
    wanted = Wanted(tag_id=tag.id, bare=True, trashed=True)
    return any(len(page) > 0 for page in client.pages(wanted, page_size=1))
