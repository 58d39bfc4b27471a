"""JSON as our commands write it: times as ISO 8601, and no name that is not text."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import Response


class Plain(Response):
    """A response of plain values, datetimes and paths among them."""

    media_type = "application/json"

    def __init__(
        self,
        content: Any,  # noqa: ANN401 - any JSON value
        status_code: int = 200,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(content, status_code, headers)
        error = content.get("error") if isinstance(content, dict) else None
        #: What kind of error it tells of; "" for none.
        self.kind: str = error["kind"] if isinstance(error, dict) else ""

    def render(self, content: Any) -> bytes:  # noqa: ANN401 - any JSON value
        """Return the bytes; what is not UTF-8 becomes U+FFFD."""
        text = json.dumps(content, ensure_ascii=False, default=_plain, separators=(",", ":"))
        return text_only(text).encode()


def text_only(text: str) -> str:
    """Return a text in which every lone surrogate is U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no JSON")
