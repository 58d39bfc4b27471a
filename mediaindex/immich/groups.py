"""Albums and tags of an account -> what they say of its assets.

That a photo came into an album or got a tag moves no date of its own, so each is read: an album
when its own date or number moved, all of them and every tag in a full reading.

What is not listed any more is taken out, or forgotten; but not while a person has to decide what it
means that much vanished at once, and not where Immich shows no album or tag and no asset either: a
server whose database is empty knows of nothing that was taken out.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import msgspec
from sqlalchemy.orm import Session

from mediaindex import marked
from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import Asset, Named, Wanted
from mediaindex.immich.facts import name_of, read_facts, stored
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import change_rows, kept, kept_by_uuid
from mediaindex.store.immich_groups import (
    Group,
    GroupKind,
    add_group,
    change_group,
    drop_group,
    groups,
    join,
    leave,
    members,
    names_by_row,
    not_yet_in,
)
from mediaindex.store.immich_wiped import publish_if_wiped

BATCH = 1000

RENAMED = "renamed"
"""A group's state until all that is in it was told of its new name."""


@dataclass(frozen=True)
class Told:
    """An album or a tag, as Immich lists it."""

    uuid: str
    name: str
    #: Moves whenever somebody puts something in or takes something out; "": that is not told.
    state: str
    wanted: Wanted


class Groups:
    """Reads the albums and tags of one account."""

    def __init__(
        self,
        database: Database,
        client: ImmichClient,
        account_id: int,
        user_id: str,
        changed: Seen,
        *,
        keeps: bool = False,
    ) -> None:
        """Take what is needed.

        Args:
            database: The store.
            client: With the account's key.
            account_id: The account.
            user_id: Whose it is.
            changed: Which assets of ours are told anew goes in here.
            keeps: Something is held back: nothing is taken out of a group, and none forgotten. A
                full reading does that when it was decided.
        """
        self._database, self._client = database, client
        self._account_id, self._user_id = account_id, user_id
        self._changed, self._keeps = changed, keeps

    def read_albums(self, check: Callable[[], None], *, full: bool) -> None:
        """Read the albums that changed; all if `full`.

        Args:
            check: Called before each request; raises if it is to end.
            full: Whatever their dates say.
        """
        check()
        told = [
            Told(
                album.id,
                album.name,
                f"{album.updated_at} {album.asset_count}",
                Wanted(album_id=album.id, bare=True),
            )
            for album in self._client.albums()
        ]
        self._read("album", told, check, full=full)

    def read_tags(self, check: Callable[[], None]) -> None:
        """Read what has which tag; of ours only whether an asset has any: one search tells it."""
        check()
        tags = self._client.tags()
        others = [tag for tag in tags if not marked.is_ours(tag.name)]
        self._read("tag", map(_tagged, others), check, full=True)
        ours = [tag for tag in tags if tag.name == marked.TAG]
        self._read("ours", map(_tagged, ours), check, full=True)

    def _read(
        self, kind: GroupKind, told: Iterable[Told], check: Callable[[], None], *, full: bool
    ) -> None:
        with self._database.read() as session:
            known = groups(session, self._account_id, kind)
        met = set()
        for one in told:
            met.add(one.uuid)
            before = self._called(known.get(one.uuid) or self._add(kind, one), name_of(one.name))
            if full or not one.state or before.state != one.state:
                self._read_one(kind, before, one, check)
        if self._keeps or (known and not met and self._shows_nothing(check)):
            return
        for uuid, group in known.items():
            if uuid not in met:
                self._drop(kind, group)

    def _shows_nothing(self, check: Callable[[], None]) -> bool:
        check()
        return not any(self._client.pages(Wanted(trashed=True, bare=True), 1))

    def _add(self, kind: GroupKind, one: Told) -> Group:
        with self._database.write() as session:
            name = name_of(one.name)
            return Group(
                add_group(session, self._account_id, kind, one.uuid, name), one.uuid, name, ""
            )

    def _read_one(
        self, kind: GroupKind, group: Group, told: Told, check: Callable[[], None]
    ) -> None:
        seen, is_whole = Seen(), True
        for page in self._client.pages(told.wanted):
            row_ids, has_all = self._join(group, page)
            is_whole &= has_all
            for row_id in row_ids:
                seen.add(row_id)
            check()
        with self._database.read() as session:
            inside = [] if self._keeps else members(session, group.id)
        left = [row_id for row_id in inside if row_id not in seen]
        for start in range(0, len(left), BATCH):
            with self._database.write() as session:
                leave(session, group.id, left[start : start + BATCH])
                self._retell(session, left[start : start + BATCH], lost=kind == "ours")
        state = told.state if is_whole else ""
        if state != group.state:
            with self._database.write() as session:
                change_group(session, group.id, name=group.name, state=state)

    def _join(self, group: Group, page: Sequence[Asset]) -> tuple[list[int], bool]:
        """Note that a page of assets is in a group.

        Returns:
            Their rows; and False if one of this person's own is not known yet: it came meanwhile,
            and the group has to be read again when it is.
        """
        with self._database.read() as session:
            known = kept_by_uuid(session, self._account_id, {asset.id for asset in page})
            row_ids = [row.id for row in known.values()]
            fresh = not_yet_in(session, group.id, row_ids)
        if fresh:
            with self._database.write() as session:
                there = [row.id for row in kept(session, fresh)]
                join(session, group.id, there)
                self._retell(session, there)
        new = (asset for asset in page if asset.id not in known)
        return row_ids, not any(asset.owner_id == self._user_id for asset in new)

    def _called(self, group: Group, name: str) -> Group:
        """Return a group as it is called now; where it is another name, all in it is told first.

        Until it was read to its end it stays `RENAMED`, and whatever ends this early, it is told
        again the next time.
        """
        if name == group.name and group.state != RENAMED:
            return group
        with self._database.write() as session:
            change_group(session, group.id, name=name, state=RENAMED)
            inside = members(session, group.id)
        for start in range(0, len(inside), BATCH):
            with self._database.write() as session:
                self._retell(session, inside[start : start + BATCH])
        return replace(group, name=name, state=RENAMED)

    def _drop(self, kind: GroupKind, group: Group) -> None:
        with self._database.read() as session:
            inside = members(session, group.id)
        for start in range(0, len(inside), BATCH):
            with self._database.write() as session:
                leave(session, group.id, inside[start : start + BATCH])
                self._retell(session, inside[start : start + BATCH], lost=kind == "ours")
        with self._database.write() as session:
            drop_group(session, group.id)

    def _retell(self, session: Session, row_ids: Sequence[int], *, lost: bool = False) -> None:
        """Store in which groups these rows are now, and tell it of our assets."""
        changed, asset_ids, uuids = [], set(), []
        named = _named(session, row_ids)
        for row in kept(session, row_ids):
            facts = stored(msgspec.structs.replace(read_facts(row.facts), **named[row.id]))
            if facts != row.facts:
                changed.append({"id": row.id, "facts": facts})
                uuids.append(row.uuid)
                asset_ids |= {row.asset_id} - {None}
        change_rows(session, changed)
        self._changed.update(settle(session, {each for each in asset_ids if each}))
        if lost:
            publish_if_wiped(session, self._account_id, uuids, tags=True)


def _named(session: Session, row_ids: Sequence[int]) -> dict[int, dict[str, tuple[str, ...]]]:
    field = {"album": "albums", "tag": "tags", "ours": "our_tags"}
    empty: dict[str, tuple[str, ...]] = dict.fromkeys(field.values(), ())
    found = {row_id: dict(empty) for row_id in row_ids}
    for row_id, kind, name in names_by_row(session, row_ids):
        found[row_id][field[kind]] += (name,)
    for names in found.values():
        names["tags"] = _lowest(names["tags"])
    return found


def _lowest(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the tags without those above another: to ask for one brings what is below it too."""
    return tuple(tag for tag in tags if not any(one.startswith(f"{tag}/") for one in tags))


def _tagged(tag: Named) -> Told:
    return Told(tag.id, tag.name, "", Wanted(tag_id=tag.id, bare=True, trashed=True))
