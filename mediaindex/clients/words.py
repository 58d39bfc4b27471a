"""What servers say with an error, in whichever form they say it."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx


def error_text(body: object) -> str:
    """Return the error in an answer's JSON, in whichever of the usual places it stands; or ""."""
    if not isinstance(body, Mapping):
        return ""
    for key in ("error", "message", "detail"):
        found = body.get(key)
        if isinstance(found, Mapping):
            found = found.get("message") or json.dumps(found)
        if found:
            return str(found)
    return ""


def said(response: httpx.Response, start: bytes) -> str:
    """Return what a server says with an error status.

    Args:
        response: Its headers.
        start: The first bytes of its body.
    """
    if is_packed(response):
        return f"status {response.status_code}"
    text = start.decode("utf-8", "replace")
    with suppress(ValueError):
        return error_text(json.loads(text)) or text
    # The page of a proxy says nothing more than its status does.
    page = text.lstrip().startswith("<") or "html" in response.headers.get("content-type", "")
    return f"status {response.status_code}" if page else text


def is_packed(response: httpx.Response) -> bool:
    """Return whether an answer's bytes would have to be unpacked."""
    return response.headers.get("content-encoding", "").strip().lower() not in {"", "identity"}


def after_s(response: httpx.Response) -> float | None:
    """Return what `Retry-After` says: seconds, or a date."""
    text = response.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d+)?", text):
        return float(text)
    with suppress(ValueError, OverflowError):
        at = parsedate_to_datetime(text)
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (at - datetime.now(UTC)).total_seconds())
    return None
