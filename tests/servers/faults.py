"""The ways in which a scripted server goes wrong when a test asks it to."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

JSON = "application/json; charset=utf-8"
BUSY = "server busy, please try again.  maximum pending requests exceeded"


@dataclass(frozen=True)
class Fault:
    """One way to go wrong, for the next request that it is meant for."""

    kind: Literal["refuse", "raw", "reset", "silence", "half", "killed"]
    status: int = 200
    text: str = ""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Only for a request that holds this: `POST /api/chat`; "" is any.
    at: str = "/chat"

    def of(self, path: str) -> Self:
        """Return the same fault for another path."""
        return replace(self, at=path)

    @classmethod
    def refuse(cls, status: int = 500, text: str = "boom") -> Self:
        """An error in the server's own form."""
        return cls("refuse", status, text)

    @classmethod
    def busy(cls) -> Self:
        """503: too many wait already."""
        return cls.refuse(503, BUSY)

    @classmethod
    def too_many(cls, retry_after_s: int = 1) -> Self:
        """429 with the seconds to wait."""
        return cls("refuse", 429, "too many requests", headers={"Retry-After": str(retry_after_s)})

    @classmethod
    def html(cls, status: int = 502) -> Self:
        """The page of a proxy whose server is down."""
        return cls("raw", status, "<html><h1>Bad Gateway</h1></html>", "text/html")

    @classmethod
    def not_json(cls) -> Self:
        """200, and a body that is no JSON."""
        return cls("raw", 200, '{"model": "x", oh')

    @classmethod
    def redirect(cls, url: str) -> Self:
        """307: a POST would be sent again, pictures and all, to `url`."""
        return cls("raw", 307, "", headers={"Location": url})

    @classmethod
    def reset(cls) -> Self:
        """The connection is reset before any byte."""
        return cls("reset")

    @classmethod
    def silence(cls) -> Self:
        """No byte ever, until the client leaves or the server is stopped."""
        return cls("silence")

    @classmethod
    def half(cls) -> Self:
        """The ordinary answer breaks off in its middle."""
        return cls("half")

    @classmethod
    def killed(cls) -> Self:
        """The model dies in the middle of its answer and the server says so."""
        return cls("killed")
