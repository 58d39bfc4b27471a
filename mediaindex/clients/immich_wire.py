"""The way out to an Immich: where its key goes, and what its errors mean."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from email.utils import parsedate_to_datetime

import httpx

from mediaindex.clients.advice import Advice
from mediaindex.clients.hosts import Host
from mediaindex.clients.wire import Wire
from mediaindex.clients.words import is_packed, said
from mediaindex.errors import Gone, Lacking, MediaIndexError, ServerBusy, ServerOff

MOST_BYTES = 64_000_000
"""Of one answer: a page of a thousand assets with everything has 2 to 3 million, and before v3 the
box of every face in them comes too; an album's assets came in one piece."""

KEYS = "under Account settings > API keys"
_ADVICE = Advice(
    start="start it",
    key=f"make a new one {KEYS}, and connect again",
    sent_on="if that is right, connect again with that address",
    stranger="Connect again with Immich's own address",
)
_GONE = re.compile(r"Not found or no (\w+)\.\w+ access")
_LACKING = re.compile(r"Missing required permission: ([\w.]+)")


class ImmichWire(Wire):
    """Connections to one Immich, with one key. Safe from any thread."""

    def __init__(self, host: Host, api_key: str) -> None:
        super().__init__(host, "Immich", "", api_key)
        self.advice = _ADVICE

    @property
    def most_bytes(self) -> int:
        """How long one answer may be."""
        return MOST_BYTES

    def put_key(self, headers: httpx.Headers, api_key: str) -> None:
        """Put the key where Immich looks for it: as a bearer's it would be taken for a session."""
        headers["x-api-key"] = api_key

    def told(self, response: httpx.Response, start: bytes) -> str:
        """Return what an error says: its message, and each field that was wrong.

        `error` is but the status in words until v2, and a message may be a list there.
        """
        if not is_packed(response):
            with suppress(ValueError, RecursionError):
                body = json.loads(start)
                if isinstance(body, Mapping) and body.get("message"):
                    return _message(body)
        return said(response, start)

    def judged(self, status: int, words: str) -> MediaIndexError | None:
        """Return what an error means with Immich alone; None: what it usually does.

        A proxy's 502 and 504 mean that Immich is not up yet, or cannot keep up: no asset's fault,
        and to be waited for. 500 is Immich's own fault with what was asked: as any other error, it
        counts against that.
        """
        gone, lacking = _GONE.search(words), _LACKING.search(words)
        if status in {400, 404} and gone:
            return Gone(f"{self.who}: {words}", gone[1])
        if status == 403 and lacking:
            return Lacking(
                f"{self.who}: our key lacks the permission {lacking[1]}; give it that {KEYS}",
                lacking[1],
            )
        if status == 403 and words == "Forbidden":
            return Lacking(f"{self.who} tells that only to an administrator's key", "admin")
        if status == 401:
            return ServerOff(f"{self.who} refuses our key ({words}); {self.advice.key}")
        if status in {502, 504}:
            return ServerBusy(f"{self.who} is busy: {words or f'status {status}'}")
        return None


def read_date(header: str | None) -> datetime | None:
    """Return what time it was when an answer was sent, by its `Date`; None: that does not tell."""
    try:
        at = parsedate_to_datetime(header or "")
    except (ValueError, TypeError):
        return None
    return at if at.tzinfo is not None else None


def _message(body: Mapping[str, object]) -> str:
    message = body["message"]
    texts = [str(one) for one in message] if isinstance(message, list) else [str(message)]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if isinstance(error, Mapping):
            path = error.get("path")
            where = ".".join(map(str, path)) if isinstance(path, list) else str(path)
            texts.append(f"{where}: {error.get('message')}")
    return "; ".join(texts)
