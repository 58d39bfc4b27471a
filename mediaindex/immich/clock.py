"""Whether Immich's machine and ours agree on what time it is."""

from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from mediaindex.clients.immich import ImmichClient


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
    try:
        return (parsedate_to_datetime(answer.headers["date"]) - now).total_seconds()
    except (KeyError, ValueError, TypeError):
        return None
