"""Who may come in by TCP: whoever shows the token, and no page in somebody's browser."""

import hmac
import ipaddress
import socket
from collections.abc import Callable, Collection
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mediaindex.api.hook import is_shown
from mediaindex.api.hook import refused as not_shown
from mediaindex.api.paths import HOOK, OPEN
from mediaindex.api.problems import told

OUR_OWN = (".local", ".localhost", ".internal", ".home.arpa")
"""Endings that nobody can buy: names below them are of the network that we are in."""

HANG_UP = {"Connection": "close"}
"""Of strangers each request has a connection of its own, so that none can be kept busy."""


class Guard:
    """Stands before the app on TCP.

    A page that some browser has open may send requests to us and may have its own name point at us
    (DNS rebinding), so a request whose `Host` could be a stranger's, or whose `Origin` is not
    ourselves, is refused before anything is looked at.
    """

    def __init__(
        self,
        app: ASGIApp,
        token: str,
        names: Collection[str] = (),
        hook_secret: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._app = app
        self._hook_secret = hook_secret
        self._token = token.encode()
        # Not the name with its domain, which the system would ask the network for.
        self._names = {*names, "localhost", socket.gethostname().lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the reason, or pass the request on."""
        headers = dict(scope["headers"])
        host = headers.get(b"host", b"").decode("latin-1")
        if not is_ours(host, self._names):
            refused = told(
                403,
                "Forbidden",
                f"{host!r} is not known as a name of this machine: ask by its address or its short "
                "name; a proxy has to send one of these as Host",
                HANG_UP,
            )
        elif b"origin" in headers and not _is_of(headers[b"origin"].decode("latin-1"), host):
            refused = told(403, "Forbidden", "pages of other sites may not ask here", HANG_UP)
        elif scope["path"] == HOOK:
            if is_shown(scope["headers"], self._hook_secret()):
                await self._app(scope, receive, send)
                return
            refused = not_shown(HANG_UP)  # before anything of a body is taken in
        elif self._is_shown(headers.get(b"authorization", b"")):
            await self._app(scope, receive, send)
            return
        elif scope["path"] in OPEN:
            await self._app(scope, receive, _last(send))
            return
        else:
            refused = told(
                401,
                "Unauthorized",
                "show the token of the settings: Authorization: Bearer TOKEN",
                {"WWW-Authenticate": "Bearer", **HANG_UP},
            )
        await refused(scope, receive, send)

    def _is_shown(self, authorization: bytes) -> bool:
        scheme, _, shown = authorization.partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(shown.strip(), self._token)


def _last(send: Send) -> Send:
    """Return what sends an answer and then hangs up."""

    async def send_last(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower().encode(), value.encode()) for name, value in HANG_UP.items()]
            message = {**message, "headers": [*message.get("headers", ()), *headers]}
        await send(message)

    return send_last


def is_ours(host: str, names: Collection[str]) -> bool:
    """Return whether a `Host` is a name that no stranger's site can have.

    Addresses are, names without a dot, names below `OUR_OWN`, and those in `names` (small letters).
    """
    name = _name(host)
    if not name:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in names or "." not in name or name.endswith(OUR_OWN)
    return True


def _name(host: str) -> str:
    """Return the name of a `Host`, in small letters and without its port; "" if it is none."""
    if not host.isascii() or not host.isprintable() or set(host) & set("/?#@\\ "):
        return ""
    try:
        return (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return ""


def _is_of(origin: str, host: str) -> bool:
    """Return whether an `Origin` is the very host that was asked."""
    scheme, _, rest = origin.partition("://")
    return scheme in ("http", "https") and rest.lower() == host.lower()
