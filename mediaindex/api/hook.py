"""Whether whoever wakes us is the Immich that we know."""

import hmac
from collections.abc import Iterable

from mediaindex.api.plain import Plain
from mediaindex.api.problems import told

HEADER = "x-mediaindex-secret"
"""A workflow of Immich sends exactly one header of one's own."""

BEARER = b"bearer"


def is_shown(headers: Iterable[tuple[bytes, bytes]], secret: str | None) -> bool:
    """Return whether a request shows the secret, in our header or as a bearer's token.

    Args:
        headers: Of the request, names in small letters.
        secret: From the settings; None: none is set, and nothing that is shown will do.
    """
    sent = dict(headers)
    scheme, _, token = sent.get(b"authorization", b"").partition(b" ")
    shown = sent.get(HEADER.encode()) or (token.strip() if scheme.lower() == BEARER else b"")
    # Compared where none is set, too, so that the time it takes does not tell.
    is_same = hmac.compare_digest(shown, (secret or "no secret is set").encode())
    return is_same and secret is not None


def refused(headers: dict[str, str] | None = None) -> Plain:
    """Return what whoever does not show it is told: the same whether or not there is one."""
    return told(401, "Unauthorized", f"show the secret of the settings: {HEADER}: SECRET", headers)
