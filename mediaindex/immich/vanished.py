"""What an account's key cannot see any more: locked, or deleted? Nothing tells the two apart.

A locked photo just stops being listed, for no key ever sees it. So what a full reading, read to its
end, did not meet is asked for by its id, and counts as locked if that shows nothing either. With
the permission `asset.upload` Immich tells by their checksums which of them it still has, and what
of ours was locked before we connected (see `unmet`).
"""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import EVERYTHING, Asset, Wanted
from mediaindex.immich.account import Account
from mediaindex.immich.paging import match_paths, store_page, vanish
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.immich.unmet import CHECKED, Unmet
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import count_held_back
from mediaindex.store.immich_assets import (
    Kept,
    change_rows,
    count_matched,
    drop_rows,
    gone,
    kept,
    kept_by_asset,
    kept_by_checksum,
    libraries_met,
    listed_ids,
)
from mediaindex.store.immich_places import Lies

FEW = 20
"""So many may vanish at once without anybody being asked, whatever share of all that is."""

MOST_SHARE = 0.5
"""Of what an account has, or one person's library in it: if more vanishes at once, it was more
likely the library that went, or what the key may see, than that all of it was locked."""

ASKED = 50
"""More than so many are looked for in all pages rather than one by one."""

BATCH = 1000


class Vanishing:
    """Looks into what a full reading of one account did not meet."""

    def __init__(
        self,
        database: Database,
        client: ImmichClient,
        account: Account,
        now: datetime,
        changed: Seen,
        check: Callable[[], None],
    ) -> None:
        """Take what is needed.

        Args:
            database: The store.
            client: With the account's key.
            account: The account.
            now: The time.
            changed: The assets of ours of which something else is known are put in.
            check: Called before each request; raises if it is to end.
        """
        self._database, self._client, self._account = database, client, account
        self._now, self._changed, self._check = now, changed, check
        may = account.permissions or frozenset()
        self._asks_held = bool({EVERYTHING, "asset.upload"} & may)
        #: How many vanished; and of how many it was decided now what became of them.
        self.vanished = self.decided = 0

    def look(self, seen: Seen, full_no: int) -> int:
        """Decide of all that was not met; returns how many a person has to decide of.

        Args:
            seen: The rows that were met.
            full_no: The number of this reading.
        """
        with self._database.read() as session:
            ids = [id_ for id_ in listed_ids(session, self._account.id) if id_ not in seen]
            missed = [row for row in kept(session, ids) if row.missed_in is None]
            before = gone(session, self._account.id)
        held = self._held_of([*missed, *before])
        self._lock(self._unseen([row for row in missed if row.id in held]))
        rest = [row for row in missed if row.id not in held]
        self._let_go([row for row in rest if not self._matters(row)])
        self._decide([row for row in rest if self._matters(row)], full_no)
        if self._asks_held:
            self._forget([row for row in before if row.id not in held and self._was_locked(row)])
            unmet = Unmet(self._database, self._account, self._now, self._changed, self._check)
            unmet.lock(self._held, self._shown)
            self.vanished += unmet.locked
        self._drop_deleted(held)
        with self._database.write() as session:
            return count_held_back(session, self._account.id)

    def _held_of(self, rows: Sequence[Kept]) -> set[int]:
        """Return which of these rows Immich says that it still has."""
        if not self._asks_held:
            return set()
        own = [row for row in rows if self._is_own(row)]
        held = self._held({row.checksum for row in own})
        return {row.id for row in own if held.get(row.checksum) == row.uuid}

    def _matters(self, row: Kept) -> bool:
        """Return whether it may be locked that a row was not met, and a photo of ours with it.

        What is a partner's may not be shared any more, and whether it is locked is for the
        partner's own account to tell. What Immich did not find, it throws away by itself.
        """
        was_there = row.is_trashed or not row.is_offline
        return self._is_own(row) and row.asset_id is not None and was_there

    def _decide(self, missed: Sequence[Kept], full_no: int) -> None:
        """Decide of photos of ours that Immich does not say to have."""
        if not self._are_many(missed):
            self._settle_unseen(self._unseen(missed))
            return
        if not self._asks_held:
            step = max(1, len(missed) // FEW)
            some = missed[::step][:FEW]
            if len(self._unseen(some)) < len(some):
                return  # they are there, and the pages cannot be believed: another time
        self._hold_back(missed, full_no)

    def _let_go(self, missed: Sequence[Kept]) -> None:
        """Note that these vanished, which hides nothing of ours."""
        shown = self._shown({row.uuid for row in missed})
        unseen = [row for row in missed if row.uuid not in shown]
        stays = {row.id for row in unseen if self._is_own(row) and not row.is_offline}
        self._settle_unseen([row for row in unseen if row.id in stays])
        self._forget([row for row in unseen if row.id not in stays], unlock=False)

    def _settle_unseen(self, unseen: Sequence[Kept]) -> None:
        """Forget what Immich says that it has not; else it may be locked."""
        # What was emptied out of the trash stays as if it were in there.
        self._forget([row for row in unseen if self._asks_held and not row.is_trashed])
        self._lock([row for row in unseen if not self._asks_held or row.is_trashed])

    def _was_locked(self, row: Kept) -> bool:
        """Return whether a row counts as locked, and no person said so."""
        is_ours = self._is_own(row) and not row.is_confirmed
        return is_ours and row.vanished_at is not None and not row.is_trashed

    def _is_own(self, row: Kept) -> bool:
        return row.owner_id == self._account.user_id

    def _unseen(self, rows: Sequence[Kept]) -> list[Kept]:
        """Return which of these Immich does not show by their ids either; the others are stored."""
        unseen: list[Kept] = []
        shown: list[Asset] = []
        for row in rows:
            asset = self._ask(row.uuid)
            if asset is None:
                unseen.append(row)
            else:
                shown.append(asset)
        for start in range(0, len(shown), BATCH):
            with self._database.write() as session:
                page = shown[start : start + BATCH]
                stored = store_page(session, self._account.id, self._account.paths, page)
            self._changed.update(stored.changed)
        return unseen

    def _are_many(self, missed: Sequence[Kept]) -> bool:
        """Return whether so many vanished at once that a person has to say what that means."""
        with self._database.read() as session:
            matched = {
                library: number
                for (owner, library), number in count_matched(session, self._account.id).items()
                if owner == self._account.user_id
            }
        ours = [row.library_id or "" for row in missed]
        if _is_most(len(ours), sum(matched.values())):
            return True
        return any(_is_most(ours.count(which), matched[which]) for which in {*ours})

    def _hold_back(self, missed: Sequence[Kept], full_no: int) -> None:
        for start in range(0, len(missed), BATCH):
            rows = missed[start : start + BATCH]
            with self._database.write() as session:
                change_rows(session, [{"id": row.id, "missed_in": full_no} for row in rows])
        self.decided += len(missed)

    def _lock(self, rows: Sequence[Kept]) -> None:
        """Note that these vanished, and withhold what they are here."""
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            with self._database.write() as session:
                vanish(session, some, self._now)
                self._changed.update(settle(session, _assets(some)))
        self.vanished += len(rows)
        self.decided += len(rows)

    def _forget(self, rows: Sequence[Kept], *, unlock: bool = True) -> None:
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            with self._database.write() as session:
                drop_rows(session, [row.id for row in some])
                self._changed.update(settle(session, _assets(some), unlock=unlock))
        self.decided += len(rows)

    def _drop_deleted(self, held: Collection[int]) -> None:
        """Forget what was taken in again, also into another library where the first is gone.

        Immich has each content, or each path of a library, once for a person. A file of a library
        that was moved is another one to it: the first is forgotten if nothing lies there any more,
        and Immich shows what does lie here.

        Args:
            held: Rows that Immich still has, so they were not deleted.
        """
        with self._database.read() as session:
            before = [row for row in gone(session, self._account.id) if row.id not in held]
            libraries = libraries_met(session, self._account.id)
            met = kept_by_checksum(session, self._account.id, {row.checksum for row in before})
            moved = self._moved(session, before)
        again = {(row.owner_id, row.checksum, row.library_id) for row in met}
        anywhere = {(row.owner_id, row.checksum) for row in met}
        self._forget(
            [
                row
                for row in before
                if (row.owner_id, row.checksum, row.library_id) in again
                or ((row.owner_id, row.checksum) in anywhere and row.library_id not in libraries)
                or row.id in moved
            ]
        )

    def _moved(self, session: Session, before: Sequence[Kept]) -> set[int]:
        """Return which of these lay in a library, and are shown by Immich where they lie now."""
        paths = self._account.paths
        lay = [row for row in before if row.library_id and row.matched_by == "path"]
        there = match_paths(session, {str(row.id): row.path for row in lay}, paths)
        left = [row for row in lay if not _is_there(there.get(str(row.id)))]
        alike = kept_by_asset(session, _assets(left))
        later = [
            (row, other)
            for row in left
            for other in alike.get(row.asset_id or 0, [])
            if other.account_id == row.account_id
            and other.owner_id == row.owner_id
            and other.id > row.id
            and _is_shown(other)
        ]
        theirs = {str(other.id): other.path for _, other in later}
        here = match_paths(session, theirs, paths)
        return {row.id for row, other in later if _is_there(here.get(str(other.id)))}

    def _shown(self, uuids: Collection[str]) -> set[str]:
        """Return which of these Immich shows: what it is only just taking in is on no full page."""
        if len(uuids) <= ASKED:
            return {uuid for uuid in uuids if self._ask(uuid) is not None}
        shown: set[str] = set()
        for page in self._client.pages(Wanted(trashed=True, bare=True)):
            shown |= {asset.id for asset in page if asset.id in uuids}
            self._check()
        return shown

    def _ask(self, uuid: str) -> Asset | None:
        self._check()
        return self._client.asset(uuid)

    def _held(self, checksums: Collection[str]) -> dict[str, str]:
        asked, held = list(checksums), dict[str, str]()
        for start in range(0, len(asked), CHECKED):
            self._check()
            held |= self._client.holds(asked[start : start + CHECKED])
        return held


def _is_most(some: int, of: int) -> bool:
    return some > FEW and some > MOST_SHARE * of


def _is_there(lies: Lies | None) -> bool:
    return lies is not None and lies.is_there


def _is_shown(row: Kept) -> bool:
    is_met = row.vanished_at is None and row.missed_in is None
    return is_met and row.visibility != "locked" and not row.is_trashed


def _assets(rows: Sequence[Kept]) -> set[int]:
    return {row.asset_id for row in rows if row.asset_id is not None}
