"""How many photos Immich counts, against how many we know: what was locked is counted no more.

Nothing else tells of it at once, as no key sees what is locked. What Immich counts and does not
list (what it is only just taking in) makes a surplus, which a full reading finds.
"""

import logging
from collections.abc import Callable

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import EVERYTHING
from mediaindex.clients.immich_versions import abilities
from mediaindex.errors import Faulty, Lacking
from mediaindex.immich.account import Account
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import find_account, note_surplus
from mediaindex.store.immich_assets import COUNTED, count_shown

log = logging.getLogger(__name__)

PERMISSION = "asset.statistics"


class Counting:
    """Compares both numbers in one reading of one account; asks nothing where the key may not."""

    def __init__(
        self,
        database: Database,
        client: ImmichClient,
        account: Account,
        check: Callable[[], None],
    ) -> None:
        """Take what is needed.

        Args:
            database: The store.
            client: With the account's key.
            account: With what the key may do now.
            check: Called before each request; raises if it is to end.
        """
        self._database, self._client, self._account = database, client, account
        self._check = check
        is_permitted = not {EVERYTHING, PERMISSION}.isdisjoint(account.permissions or ())
        # Before, nothing could be locked.
        self._may = is_permitted and abilities(account.version).visibility
        #: What Immich counted before the first page of a full reading.
        self._before: int | None = None
        #: The surplus that had a short reading go on as a full one.
        self._short: int | None = None

    def is_less(self) -> bool:
        """Return whether photos are missing, once all is stored that changed; see `surplus`."""
        with self._database.read() as session:
            account = find_account(session, self._account.id)
            remembered = None if account is None else account.surplus
        if remembered is not None:
            self._before = self._count()
        if remembered is None or self._before is None:
            return False
        self._short = self._before - self._known()
        return self._short < remembered

    def begin_full(self) -> None:
        """Count before the first page of a full reading."""
        if self._before is None:
            self._before = self._count()

    def end_full(self, decided: int) -> None:
        """Remember the surplus that a full reading leaves.

        Args:
            decided: Of how many that it did not meet it found out what became of them.
        """
        after, found = self._count(), None
        if after is not None and self._before is not None:
            found = surplus(self._before, after, self._known(), self._short, decided)
        with self._database.write() as session:
            note_surplus(session, self._account.id, found)

    def _count(self) -> int | None:
        """Return how many Immich counts; None: it does not say."""
        if not self._may:
            return None
        total = 0
        try:
            for visibility in COUNTED:
                self._check()
                total += self._client.count(visibility)
        except (Lacking, Faulty) as error:
            log.info("immich account=%d was not counted: %s", self._account.id, error)
            return None
        return total

    def _known(self) -> int:
        with self._database.read() as session:
            return count_shown(session, self._account.id, self._account.user_id)


def surplus(before: int, after: int, known: int, short: int | None, decided: int) -> int:
    """Return how many more Immich counts than we know, as it is to be remembered.

    If it counts fewer than that later, a full reading looks for them.

    Args:
        before: So many Immich counted before a full reading.
        after: And so many afterwards.
        known: So many we know afterwards.
        short: The surplus that led to the full reading; None: it was its time.
        decided: As in `Counting.end_full`.
    """
    if short is not None and decided == 0 and known >= before - short:
        return min(after - known, short)  # nothing was missing: so few are no reason to look again
    # What was locked while the pages were read counts as missing, for the next one to look.
    return max(before, after) - known
