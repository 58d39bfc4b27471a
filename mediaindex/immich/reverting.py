"""Take our words out of an archive in Immich, and put back exactly what stood there before.

What we wrote is forgotten only once Immich is seen without it, so it can be broken off anywhere and
begun again.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import EVERYTHING, Asset, Named, Wanted
from mediaindex.clients.immich_versions import abilities
from mediaindex.errors import Faulty, Gone, Lacking
from mediaindex.immich.account import Account
from mediaindex.immich.patience import listed, patiently
from mediaindex.immich.publishing import KEY
from mediaindex.immich.undoing import Undo, is_undone, undo, undo_marked
from mediaindex.immich.writing import EDITED, is_our_record
from mediaindex.marked import TAG, is_ours
from mediaindex.store import immich_written
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import kept_by_uuid
from mediaindex.store.immich_written import Written

NOT_SEEN = "Immich does not show it: it is in the locked folder, or was deleted"
IS_LOCKED = "it is in the locked folder of Immich; take it out of there, and begin again"
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
    #: Those of ours that it has no more: whole paths.
    tags: tuple[str, ...] = ()
    #: It was deleted there, and ours with it.
    is_deleted: bool = False


@dataclass(frozen=True)
class How:
    """How far to go."""

    #: Only say what would be done: nothing is sent, and nothing forgotten.
    dry_run: bool = False
    #: Take out what somebody changed of ours, too.
    edited: bool = False
    #: Forget what Immich does not show, unless it says that it has it.
    forget_gone: bool = False
    #: Asked before each; True ends it.
    is_over: Callable[[], bool] = lambda: False


def revert(
    database: Database, client: ImmichClient, account: Account, some: Sequence[Written], how: How
) -> Iterator[Reverted]:
    """Take out what we wrote on each of these, one after the other.

    What cannot be taken out now is left, and the others go on.

    Args:
        database: Written to in short transactions, so none may be open in this thread.
        client: Of the account.
        account: Whose archive.
        some: Of this account.
        how: How far to go.

    Raises:
        RetryLater, Faulty: The whole server is in trouble; the next call goes on from there.
    """
    unseen: list[Written] = []
    for written in some:
        if how.is_over():
            return
        found = _revert(client, account, written, how)
        if found.done.left == NOT_SEEN:
            unseen.append(written)
            continue
        if not how.dry_run:
            _forget(database, written, found.done)
        yield found
    yield from _unseen(database, client, account, unseen, how)


def revert_unknown(
    client: ImmichClient,
    account: Account,
    how: How,
    *,
    left_out: Collection[str] = (),
    edited: Collection[str] = (),
) -> Iterator[Reverted]:
    """Take out all of ours by its marks alone, for the database may know nothing of it.

    Goes through the whole archive, but for what is locked; where Immich keeps records, it asks for
    each asset's. Every tag below ours goes.

    Args:
        client: Of the account.
        account: Whose archive.
        how: How far to go.
        left_out: Ids of assets that are not touched: `revert` is for these.
        edited: Ids of assets of which the description is not touched: a person wrote into our
            block, and `revert` told of it.

    Raises:
        RetryLater, Faulty: The whole server is in trouble; the next call goes on from there.
    """
    with_records = abilities(account.version).records
    tagged = _tagged(client, account, how)
    for asset in listed(client, Wanted(trashed=True), how.is_over):
        if how.is_over():
            return
        if asset.owner_id != account.user_id or asset.id in left_out:
            continue
        unmark = partial(
            _unmark,
            client,
            asset,
            tagged.get(asset.id, ()),
            how,
            keeps_words=asset.id in edited,
            with_records=with_records,
        )
        found = _each(client, asset.id, None, unmark, how)
        if found is not None:
            yield found


def delete_empty_tags(client: ImmichClient, names: Collection[str] | None = None) -> int:
    """Delete the tags of ours that nothing has any more, if the key may; returns how many.

    Args:
        client: Of the account.
        names: Only these, as it is known that we made them, and those above them; None: all that
            stand below ours, also on what is locked, whose tags nobody shows.
    """
    wanted = None if names is None else {above for name in names for above in _with_above(name)}
    ours = sorted(_ours(client), key=lambda tag: tag.name.count("/"), reverse=True)
    count, kept = 0, set[str]()
    for tag in ours:
        # With a tag Immich deletes those below it.
        is_kept = any(name.startswith(f"{tag.name}/") for name in kept)
        if is_kept or (wanted is not None and tag.name not in wanted) or _is_used(client, tag):
            kept.add(tag.name)
            continue
        try:
            client.delete_tag(tag.id)
        except Lacking:
            return count
        count += 1
    return count


def _revert(client: ImmichClient, account: Account, written: Written, how: How) -> Reverted:
    def act() -> Reverted:
        asset = client.asset(written.uuid)
        if asset is None or asset.owner_id != account.user_id:
            why = NOT_SEEN if asset is None else NOT_HIS
            return Reverted(written.uuid, written.asset_id, asset, Undo(left=why))
        todo = undo(asset, written, edited=how.edited)
        if not how.dry_run:
            todo = _take_out(client, asset, todo)
        tags = written.tags if todo.left in (None, EDITED) else ()
        return Reverted(written.uuid, written.asset_id, asset, todo, tags)

    found = _each(client, written.uuid, written.asset_id, act, how)
    assert found is not None
    return found


def _each(
    client: ImmichClient,
    uuid: str,
    asset_id: int | None,
    act: Callable[[], Reverted | None],
    how: How,
) -> Reverted | None:
    """Do it for one asset, and tell of trouble that is this asset's, or a missing permission's.

    Raises:
        RetryLater, Faulty: The server answers nothing else either.
    """
    try:
        return patiently(act, how.is_over)
    except (Faulty, Lacking) as error:
        patiently(client.version, how.is_over)
        return Reverted(uuid, asset_id, None, Undo(left=str(error)))


def _unseen(
    database: Database, client: ImmichClient, account: Account, some: Sequence[Written], how: How
) -> Iterator[Reverted]:
    """Tell what is deleted from what is locked, where Immich may be asked, and forget the former.

    With the permission to upload it says which content it has; nothing is uploaded.
    """
    locked = _locked(database, client, account, some, how)
    for written in some:
        is_locked = locked.get(written.uuid, None if not how.forget_gone else False)
        if is_locked is not False:
            why = NOT_SEEN if is_locked is None else IS_LOCKED
            yield Reverted(written.uuid, written.asset_id, None, Undo(left=why))
            continue
        if not how.dry_run:
            _forget(database, written, Undo())
        yield Reverted(written.uuid, written.asset_id, None, Undo(), written.tags, is_deleted=True)


def _locked(
    database: Database, client: ImmichClient, account: Account, some: Sequence[Written], how: How
) -> Mapping[str, bool]:
    """Return which of these Immich still has, by their ids; what it cannot tell of is left out."""
    may = account.permissions or ()
    if not some or not {"asset.upload", EVERYTHING}.intersection(may):
        return {}
    with database.read() as session:
        known = kept_by_uuid(session, account.id, [written.uuid for written in some])
    checksums = [row.checksum for row in known.values()]
    try:
        held = patiently(lambda: client.holds(checksums), how.is_over)
    except (Faulty, Lacking):
        return {}
    return {uuid: held.get(row.checksum) == uuid for uuid, row in known.items()}


def _unmark(
    client: ImmichClient,
    asset: Asset,
    tags: Sequence[Named],
    how: How,
    *,
    keeps_words: bool,
    with_records: bool,
) -> Reverted | None:
    """Take what is marked out of one asset; None: there is nothing."""
    has_record = with_records and is_our_record(client.record(asset.id, KEY))

    def todo(asset: Asset, tags: Sequence[Named]) -> Undo:
        found = replace(undo_marked(asset, tuple(tags)), record=has_record)
        return replace(found, description=None) if keeps_words else found

    found = todo(asset, tags)
    if found.is_idle:
        return None
    if not how.dry_run:
        # As it was listed it may be old by now, and a person's words are at stake.
        fresh = client.asset(asset.id)
        if fresh is None:
            return Reverted(asset.id, None, None, Undo(left=NOT_SEEN))
        found = _take_out(client, fresh, todo(fresh, fresh.tags or ()))
    return Reverted(asset.id, None, asset, found)


def _take_out(client: ImmichClient, asset: Asset, todo: Undo) -> Undo:
    """Send it, and return it with what is left, if anything is still there.

    Raises:
        Lacking: For some of it; what the key may is done.
    """
    if todo.is_idle:
        return todo
    try:
        _send(client, asset, todo)
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


def _send(client: ImmichClient, asset: Asset, todo: Undo) -> None:
    acts: list[Callable[[], None]] = []
    if todo.description is not None:
        acts.append(partial(client.describe, asset.id, todo.description))
    acts += [partial(client.untag, tag.id, [asset.id]) for tag in todo.tags_off]
    if todo.record:
        acts.append(partial(client.delete_record, asset.id, KEY))
    lacking = None
    for act in acts:
        try:
            act()
        except Lacking as error:
            lacking = error
    if lacking is not None:
        raise lacking


def _forget(database: Database, written: Written, done: Undo) -> None:
    """Forget what is out; what is left stays known, and is tried again by the next call."""
    if done.left not in (None, EDITED):
        return
    with database.write() as session:
        if done.left is None:
            immich_written.forget(session, written.account_id, written.uuid)
        else:
            # Tags and record are out. The words are a person's, and stay listed.
            rest = replace(written, tags=(), record=None, trouble=done.left)
            immich_written.keep(session, rest)
        if written.asset_id is not None:
            immich_written.publish_again(session, [written.asset_id])


def _tagged(client: ImmichClient, account: Account, how: How) -> dict[str, tuple[Named, ...]]:
    """Return the tags of ours by the assets that have them."""
    found: dict[str, tuple[Named, ...]] = {}
    ours = patiently(lambda: _ours(client), how.is_over)
    # A search for the one above them finds what has any of them.
    for tag in (tag for tag in ours if tag.name != TAG):
        for asset in listed(client, Wanted(tag_id=tag.id, bare=True, trashed=True), how.is_over):
            if asset.owner_id == account.user_id:
                found[asset.id] = (*found.get(asset.id, ()), tag)
    return found


def _ours(client: ImmichClient) -> list[Named]:
    return [tag for tag in client.tags() if is_ours(tag.name)]


def _with_above(name: str) -> list[str]:
    """Return the whole path of a tag, and those of the tags above it."""
    parts = name.split("/")
    return ["/".join(parts[: number + 1]) for number in range(len(parts))]


def _is_used(client: ImmichClient, tag: Named) -> bool:
    wanted = Wanted(tag_id=tag.id, bare=True, trashed=True)
    return any(len(page) > 0 for page in client.pages(wanted, page_size=1))
