"""Whether Immich's machine and ours agree on what time it is."""

from datetime import datetime

import httpx

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_wire import read_date


def ahead_s(client: ImmichClient, now: datetime) -> float | None:
    """Return how many seconds Immich's clock is ahead of ours; None: it does not tell.

    Args:
        client: Its time limits are the caller's.
        now: UTC.

    Raises:
        MediaIndexError: What `ImmichClient` raises.
    """
    # A client of its own on the same way out: what is wanted is no answer, but a header of it.
    with httpx.Client(transport=client.wire, follow_redirects=False, trust_env=False) as asking:
        answer = asking.get(f"{client.wire.host.url}/api/server/ping")
    told_at = read_date(answer.headers.get("date"))
    return None if told_at is None else (told_at - now).total_seconds()
