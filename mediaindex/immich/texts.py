"""What Immich's own OCR read in pictures -> what can be read in them.

It takes a request for each photo, so a few are asked for at a time, and each once.
"""

from collections.abc import Callable

import msgspec

from mediaindex.clients.immich import ImmichClient
from mediaindex.immich.facts import read_facts, stored
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.store.database import Database
from mediaindex.store.immich_assets import change_rows, kept, newest_without_text

MOST = 200
"""Photos of one reading."""


def read_texts(
    database: Database,
    client: ImmichClient,
    account_id: int,
    changed: Seen,
    check: Callable[[], None],
) -> None:
    """Ask for the text in the newest photos that nobody asked for.

    Args:
        database: The store.
        client: Of a server that reads texts.
        account_id: The account.
        changed: The assets of ours of which something else is known are put in.
        check: Called before each request; raises if it is to end.
    """
    with database.read() as session:
        asked = newest_without_text(session, account_id, MOST)
    for row_id, uuid, asset_id in asked:
        check()
        text = client.text_in(uuid) or ""
        with database.write() as session:
            for row in kept(session, [row_id]):
                facts = stored(msgspec.structs.replace(read_facts(row.facts), seen=text))
                change_rows(session, [{"id": row_id, "facts": facts, "text_asked": True}])
                changed.update(settle(session, [asset_id or 0]))
