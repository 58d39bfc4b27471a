"""How large a request's body may be, and how long it may take to come."""

import asyncio
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediaindex.api.paths import OPEN
from mediaindex.api.problems import told

MB = 1_000_000

LIMITS: Mapping[str, int] = {
    "/api/v1/search/like": 20 * MB,
    # The same picture as base64, which is a third longer, and the question.
    "/cli/ask": 28 * MB,
}

OTHERS = 1 * MB

COMES_WITHIN_S = 60.0

TAKES_A_BODY = frozenset({"POST", "PUT", "PATCH"})

HEARD_OUT = 4
"""A sender of so many times too much still hears why; one of more is cut off."""


class Bounds:
    """Takes a body in whole before the app is asked, so that nothing waits for a slow sender."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body, or say why not."""
        if _has_body(scope) and (scope["method"] not in TAKES_A_BODY or scope["path"] in OPEN):
            # At once: anybody may ask here, and waiting for a body would keep others out.
            refused = told(413, "TooLarge", "a request has no body here", {"Connection": "close"})
            await refused(scope, receive, send)
            return
        limit = LIMITS.get(scope["path"], OTHERS)
        try:
            async with asyncio.timeout(COMES_WITHIN_S):
                body = await _body(receive, limit)
        except TimeoutError:
            late = told(408, "WrongRequest", f"the request took over {COMES_WITHIN_S:.0f} s")
            await late(scope, receive, send)
            return
        except _TooLarge:
            words = f"a request may have {limit // MB} MB here"
            await told(413, "TooLarge", words)(scope, receive, send)
            return
        if body is not None:
            await self._app(scope, _again(body, receive), send)


def _has_body(scope: Scope) -> bool:
    headers = dict(scope["headers"])
    return b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"


class _TooLarge(Exception):  # noqa: N818 - what it is
    pass


async def _body(receive: Receive, limit: int) -> bytes | None:
    """Return the body; None: the sender went away.

    Raises:
        _TooLarge: It is longer than `limit`; most of it was read all the same, as a sender that is
            cut off while it sends does not hear the reason.
    """
    parts: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part: bytes = message.get("body", b"")
        size, more = size + len(part), bool(message.get("more_body", False))
        if size <= limit:
            parts.append(part)
        else:
            parts.clear()
        if size > HEARD_OUT * limit:
            raise _TooLarge
    if size > limit:
        raise _TooLarge
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the app the body first, and then what comes after it."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again
