"""An Immich without pictures: its API in the shapes of v1.13x, v2, v3.0, v3.1 and v3.2.

It refuses what the real one refuses, so that a client that asks wrongly fails here.
"""

import http.client
import json
import time
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

# Imported for their routes.
from tests.servers import immich_edits, immich_readings  # noqa: F401
from tests.servers.base import Exchange, Refusal, ScriptedServer
from tests.servers.immich_access import check_permission, who
from tests.servers.immich_archive import Archive, FakeUser
from tests.servers.immich_call import ROUTES, Call, Numbers, Reply, Route
from tests.servers.immich_forms import Invalid, error_body, invalid_body

MOST_BYTES = 10 * 2**20
NAMED_SINCE = (1, 138)
"""Before, most routes had no permission of their own, and any key might use them."""


class Immich(Archive, ScriptedServer):
    """An Immich of some version; see `ScriptedServer` and `Archive` for what can be set.

    A fault may be meant for a method too: `Fault.too_many().of("PUT /api/assets")`.
    """

    def __init__(self, version: str = "3.1.0", *, record: bool = True) -> None:
        ScriptedServer.__init__(self, 1, 512, record=record)
        Archive.__init__(self)
        #: May be changed while it runs: an upgrade.
        self.version = version
        #: What it takes for every answer.
        self.slow_s = 0.0
        #: How much later it is on its clock than here.
        self.ahead_s = 0.0

    @property
    def numbers(self) -> Numbers:
        """Major and minor."""
        major, minor, *_ = self.version.split(".")
        return int(major), int(minor)

    def error_body(self, status: int, text: str) -> object:
        """Return an error in the form of this version."""
        return error_body(self.numbers, status, text, http.client.responses.get(status, ""))

    def last_words(self) -> bytes:
        """Return nothing: it streams nothing."""
        return b""

    def route(self, exchange: Exchange) -> None:
        """Answer one request."""
        if self.slow_s:
            exchange.wait(self.slow_s)
        try:
            with self.guard:
                status, value = self._answer(exchange)
        except Invalid as invalid:
            status, value = 400, invalid_body(self.numbers, invalid)
        headers = {"X-Correlation-ID": "qj3k1x8v"} if self.numbers >= (3, 0) else {}
        headers["Date"] = formatdate(time.time() + self.ahead_s, usegmt=True)
        body = b"" if status == 204 else json.dumps(value).encode()
        exchange.send(status, body, headers=headers)

    def _answer(self, exchange: Exchange) -> Reply:
        seen = exchange.seen
        parts = urlsplit(seen.path)
        if int(seen.headers.get("content-length") or 0) > MOST_BYTES:
            raise Refusal(413, "request entity too large")
        told = self._told_to_all(seen.method, parts.path)
        if told is not None:
            return 200, told
        for route in ROUTES:
            ids = route.ids(seen.method, parts.path, self.numbers)
            if ids is not None:
                user, key = self._let_in(exchange, route)
                body = {} if seen.body is None else seen.body
                if not isinstance(body, dict):
                    raise Invalid("body", "Invalid input: expected object")
                query = dict(parse_qsl(parts.query))
                return route.answer(Call(self, self.numbers, user, key, query, body), *ids)
        raise Refusal(404, f"Cannot {seen.method} {parts.path}")

    def _told_to_all(self, method: str, path: str) -> dict[str, Any] | None:
        """Return what needs no key; None: it does."""
        major, minor, patch = (int(number) for number in self.version.split("."))
        match method, path:
            case "GET", "/api/server/ping":
                return {"res": "pong"}
            case "GET", "/api/server/version":
                return {"major": major, "minor": minor, "patch": patch}
            case "GET", "/api/server/features":
                return {"smartSearch": True, "ocr": self.numbers >= (2, 2), "trash": True}
        return None

    def _let_in(self, exchange: Exchange, route: Route) -> tuple[FakeUser, str]:
        user, key = who(self, exchange.seen.headers)
        if route.admin and not user.is_admin:
            raise Refusal(403, "Forbidden")
        if route.permission is not None and self.numbers >= NAMED_SINCE:
            check_permission(user, key, route.permission)
        return user, key
