"""What an account's key cannot see any more: locked, or deleted? Nothing tells the two apart.

A locked photo just stops being listed, for no key ever sees it. So what a full reading, read to its
end, did not meet is asked for by its id, and counts as locked if that shows nothing either. With
the permission `asset.upload` Immich tells by their checksums which of them it still has.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import EVERYTHING, Asset, Wanted
from mediaindex.immich.account import Account
from mediaindex.immich.facts import Facts, stored
from mediaindex.immich.matching import theirs_of
from mediaindex.immich.paging import match_paths, store_page, vanish
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import count_held_back
from mediaindex.store.immich_assets import (
    Kept,
    Row,
    add_rows,
    change_rows,
    count_matched,
    drop_rows,
    gone,
    kept,
    kept_by_checksum,
    kept_by_uuid,
    libraries_met,
    listed_ids,
)
from mediaindex.store.immich_paths import forms
from mediaindex.store.immich_places import Lies, files_not_met

FEW = 20
"""So many may vanish at once without anybody being asked, whatever share of all that is."""

MOST_SHARE = 0.5
"""Of what an account has, or one person's library in it: if more vanishes at once, it was more
likely the library that went, or what the key may see, than that all of it was locked."""

CHECKED = 5000
"""Checksums of one question."""

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
        check: Callable[[], None],
    ) -> None:
        """Take what is needed.

        Args:
            database: The store.
            client: With the account's key.
            account: The account.
            now: The time.
            check: Called before each request; raises if it is to end.
        """
        self._database, self._client, self._account = database, client, account
        self._now, self._check = now, check
        may = account.permissions or frozenset()
        self._can_check = bool({EVERYTHING, "asset.upload"} & may)
        #: How many vanished; and of how many of our assets something else is known.
        self.vanished, self.changed = 0, 0

    def look(self, seen: Seen, full_no: int) -> int:
        """Decide of all that was not met; returns how many a person has to decide of.

        Args:
            seen: The rows that were met.
            full_no: The number of this reading.
        """
        with self._database.read() as session:
            ids = [id_ for id_ in listed_ids(session, self._account.id) if id_ not in seen]
            missed = [row for row in kept(session, ids) if row.missed_in is None]
        if self._can_check:
            self._look_by_checksum(missed, full_no)
        else:
            self._look_by_id(missed, full_no)
        self._drop_deleted()
        with self._database.write() as session:
            return count_held_back(session, self._account.id)

    def _look_by_id(self, missed: Sequence[Kept], full_no: int) -> None:
        if self._are_many(missed):
            step = max(1, len(missed) // FEW)
            some = missed[::step][:FEW]
            if len(self._unseen(some)) == len(some):
                self._hold_back(missed, full_no)
            return  # or they are there, and the pages cannot be believed: another time
        self._lock(self._unseen(missed))

    def _look_by_checksum(self, missed: Sequence[Kept], full_no: int) -> None:
        """Lock what Immich says that it has and does not show; also what was before we came."""
        with self._database.read() as session:
            before = gone(session, self._account.id)
        held = self._held({row.checksum for row in (*missed, *before)})
        self._lock(self._unseen([row for row in missed if self._is_held(row, held)]))
        rest = [row for row in missed if not self._is_held(row, held)]
        if self._are_many(rest):
            self._hold_back(rest, full_no)
        else:
            unseen = self._unseen(rest)
            # What was emptied out of the trash stays as if it were in there.
            self._forget([row for row in unseen if self._is_own(row) and not row.is_trashed])
            self._lock([row for row in unseen if not self._is_own(row) or row.is_trashed])
        vanished = [row for row in before if row.vanished_at and not row.is_trashed]
        self._forget(
            [row for row in vanished if self._is_own(row) and not self._is_held(row, held)]
        )
        self._lock_unmet()

    def _is_own(self, row: Kept) -> bool:
        return row.owner_id == self._account.user_id

    def _is_held(self, row: Kept, held: Mapping[str, str]) -> bool:
        return self._is_own(row) and held.get(row.checksum) == row.uuid

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
                store_page(session, self._account.id, self._account.paths, page)
        return unseen

    def _are_many(self, missed: Sequence[Kept]) -> bool:
        """Return whether so many vanished at once that a person has to say what that means."""
        with self._database.read() as session:
            matched = count_matched(session, self._account.id)
        ours = [(row.owner_id, row.library_id or "") for row in missed if row.asset_id is not None]
        if _is_most(len(ours), sum(matched.values())):
            return True
        return any(_is_most(ours.count(which), matched[which]) for which in {*ours})

    def _hold_back(self, missed: Sequence[Kept], full_no: int) -> None:
        for start in range(0, len(missed), BATCH):
            rows = missed[start : start + BATCH]
            with self._database.write() as session:
                change_rows(session, [{"id": row.id, "missed_in": full_no} for row in rows])

    def _lock(self, rows: Sequence[Kept]) -> None:
        """Note that these vanished, and withhold what they are here.

        But not where nothing lies any more at the path that was matched: then it was the file that
        went, and Immich noticed.
        """
        by_path = {str(row.id): row.path for row in rows if row.matched_by == "path"}
        with self._database.read() as session:
            there = match_paths(session, by_path, self._account.paths)
        moved = [
            row
            for row in rows
            if row.matched_by == "path"
            and not row.is_trashed
            and not (str(row.id) in there and there[str(row.id)].is_there)
        ]
        self._forget(moved)
        locked = [row for row in rows if row not in moved]
        for start in range(0, len(locked), BATCH):
            some = locked[start : start + BATCH]
            with self._database.write() as session:
                vanish(session, some, self._now)
                self.changed += settle(session, _assets(some))
        self.vanished += len(locked)

    def _forget(self, rows: Sequence[Kept]) -> None:
        for start in range(0, len(rows), BATCH):
            some = rows[start : start + BATCH]
            with self._database.write() as session:
                drop_rows(session, [row.id for row in some])
                self.changed += settle(session, _assets(some), unlock=True)

    def _drop_deleted(self) -> None:
        """Forget what was taken in again, also into another library where the first is gone.

        Immich has each content, or each path of a library, once for a person.
        """
        with self._database.read() as session:
            before = gone(session, self._account.id)
            libraries = libraries_met(session, self._account.id)
            met = kept_by_checksum(session, self._account.id, {row.checksum for row in before})
        again = {(row.owner_id, row.checksum, row.library_id) for row in met}
        anywhere = {(row.owner_id, row.checksum) for row in met}
        self._forget(
            [
                row
                for row in before
                if (row.owner_id, row.checksum, row.library_id) in again
                or ((row.owner_id, row.checksum) in anywhere and row.library_id not in libraries)
            ]
        )

    def _lock_unmet(self) -> None:
        """Withhold our files that Immich has and showed in no page: locked before we connected."""
        after_id, locked = 0, dict[str, str]()
        while True:
            with self._database.read() as session:
                files = files_not_met(session, self._account.id, after_id, CHECKED)
            if not files:
                break
            after_id = files[-1][0]
            paths = {
                _checksum(form): form
                for _, path in files
                for form in forms(theirs_of(path, self._account.paths) or "")
                if form
            }
            held = self._held(paths)
            locked |= {held[checksum]: paths[checksum] for checksum in held}
        shown = self._shown(locked)
        unseen = [uuid for uuid in locked if uuid not in shown]
        for start in range(0, len(unseen), BATCH):
            self._add_locked({uuid: locked[uuid] for uuid in unseen[start : start + BATCH]})

    def _shown(self, uuids: Collection[str]) -> set[str]:
        """Return which of these Immich shows: what it is only just taking in is on no full page."""
        if len(uuids) <= ASKED:
            return {uuid for uuid in uuids if self._ask(uuid) is not None}
        shown: set[str] = set()
        for page in self._client.pages(Wanted(trashed=True, bare=True)):
            shown |= {asset.id for asset in page if asset.id in uuids}
            self._check()
        return shown

    def _add_locked(self, paths: Mapping[str, str]) -> None:
        """Store assets that are locked, by their ids."""
        with self._database.write() as session:
            known = kept_by_uuid(session, self._account.id, paths)
            ours = match_paths(session, paths, self._account.paths)
            rows = [
                self._locked(uuid, paths[uuid], lies)
                for uuid, lies in ours.items()
                if uuid not in known
            ]
            add_rows(session, rows)
            ids = {lies.asset_id for lies in ours.values()} - {None}
            self.changed += settle(session, {id_ for id_ in ids if id_ is not None})
            self.vanished += len(rows)

    def _locked(self, uuid: str, path: str, lies: Lies) -> Row:
        return {
            "account_id": self._account.id,
            "uuid": uuid,
            "owner_id": self._account.user_id,
            # Of some library: what was uploaded is not known by its path.
            "library_id": "",
            "asset_id": lies.asset_id,
            "file_id": lies.file_id,
            "matched_by": "path",
            "path": path,
            "checksum": _checksum(path),
            "visibility": "locked",
            "updated_at": "",
            "facts": stored(Facts()),
            "vanished_at": self._now,
        }

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


def _checksum(path: str) -> str:
    """Return the checksum that Immich has for a file of an external library."""
    named = f"path:{path}".encode(errors="replace")
    return hashlib.sha1(named, usedforsecurity=False).hexdigest()


def _assets(rows: Sequence[Kept]) -> set[int]:
    return {row.asset_id for row in rows if row.asset_id is not None}
