"""Files of ours that Immich has and shows on no page: they were locked before we connected.

Only a key that may check (`asset.upload`) can tell, and only of its own person's. Files of external
libraries are known by their paths; what was uploaded only by its content, which is read once for
it where our file lies below a folder that is mapped, some of it in each full reading. So what is
never known, and stays shown: what was locked before we came, if the key may not check, or if it was
uploaded and our copy lies in no folder that is mapped.
"""

import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from mediaindex.immich.account import Account
from mediaindex.immich.checksums import MOST_BYTES, hash_asset
from mediaindex.immich.facts import Facts, stored
from mediaindex.immich.matching import theirs_of
from mediaindex.immich.paging import match_paths
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import Row, add_rows, kept_by_uuid
from mediaindex.store.immich_paths import forms
from mediaindex.store.immich_places import NotMet, files_not_met

CHECKED = 5000
"""Files of one step, and at most as many paths or contents in one question."""

BATCH = 1000

Holds = Callable[[Collection[str]], Mapping[str, str]]
"""Returns which of these checksums Immich has, and the ids of those assets."""

Shows = Callable[[Collection[str]], set[str]]
"""Returns which of these ids Immich shows."""


@dataclass
class _Held:
    """What Immich has, by its ids: at which path of its own, or what of ours it is."""

    paths: dict[str, str] = field(default_factory=dict)
    contents: dict[str, tuple[str, int]] = field(default_factory=dict)


class Unmet:
    """Looks for what of ours an account has and does not show."""

    def __init__(
        self,
        database: Database,
        account: Account,
        now: datetime,
        changed: Seen,
        check: Callable[[], None],
    ) -> None:
        """Take what is needed.

        Args:
            database: The store.
            account: The account.
            now: The time.
            changed: The assets of ours of which something else is known are put in.
            check: Called before each block is read; raises if it is to end.
        """
        self._database, self._account, self._now = database, account, now
        self._changed, self._check = changed, check
        self._left_bytes = MOST_BYTES
        #: How many were found.
        self.locked = 0

    def lock(self, holds: Holds, shows: Shows) -> None:
        """Withhold those files of ours."""
        after_id, held = 0, _Held()
        while True:
            with self._database.read() as session:
                files = files_not_met(session, self._account.id, after_id, CHECKED)
            if not files:
                break
            after_id = files[-1].file_id
            mapped = [
                (file, theirs)
                for file in files
                if (theirs := theirs_of(file.path, self._account.paths)) is not None
            ]
            paths = {path_checksum(form): form for _, path in mapped for form in forms(path)}
            held.paths |= {uuid: paths[one] for one, uuid in holds(paths).items()}
            contents = self._contents([file for file, _ in mapped if not file.is_matched])
            held.contents |= {uuid: (one, contents[one]) for one, uuid in holds(contents).items()}
        self._lock(held, shows)

    def _contents(self, files: Sequence[NotMet]) -> dict[str, int]:
        """Return our assets by the SHA-1 of their contents, as far as these were read by now."""
        found: dict[str, int] = {}
        for asset_id, sha1 in {file.asset_id: file.sha1 for file in files}.items():
            known = sha1
            if known is None and self._left_bytes > 0:
                known, size_bytes = hash_asset(self._database, asset_id, self._check)
                self._left_bytes -= size_bytes
            if known is not None:
                found[known] = asset_id
        return found

    def _lock(self, held: _Held, shows: Shows) -> None:
        with self._database.read() as session:
            known = kept_by_uuid(session, self._account.id, {*held.paths, *held.contents})
        fresh = {*held.paths, *held.contents} - {*known}
        # What it is only just taking in is on no full page.
        unseen = list(fresh - shows(fresh))
        for start in range(0, len(unseen), BATCH):
            self._add(unseen[start : start + BATCH], held)

    def _add(self, uuids: Sequence[str], held: _Held) -> None:
        """Store assets that are locked."""
        with self._database.write() as session:
            paths = {uuid: held.paths[uuid] for uuid in uuids if uuid in held.paths}
            ours = match_paths(session, paths, self._account.paths)
            rows = [
                # Of some library: what was uploaded is not known by its path.
                self._row(uuid, lies.asset_id, "path", path_checksum(paths[uuid]))
                | {"library_id": "", "file_id": lies.file_id, "path": paths[uuid]}
                for uuid, lies in ours.items()
            ]
            rows += [
                self._row(uuid, held.contents[uuid][1], "checksum", held.contents[uuid][0])
                for uuid in uuids
                if uuid not in paths
            ]
            add_rows(session, rows)
            ids = {row["asset_id"] for row in rows if isinstance(row["asset_id"], int)}
            self._changed.update(settle(session, ids))
            self.locked += len(rows)

    def _row(self, uuid: str, asset_id: int | None, by: str, checksum: str) -> Row:
        return {
            "account_id": self._account.id,
            "uuid": uuid,
            "owner_id": self._account.user_id,
            "library_id": None,
            "asset_id": asset_id,
            "file_id": None,
            "matched_by": by,
            "path": "",
            "checksum": checksum,
            "visibility": "locked",
            "updated_at": "",
            "facts": stored(Facts()),
            "vanished_at": self._now,
        }


def path_checksum(path: str) -> str:
    """Return the checksum that Immich has for a file of an external library."""
    named = f"path:{path}".encode(errors="replace")
    return hashlib.sha1(named, usedforsecurity=False).hexdigest()
