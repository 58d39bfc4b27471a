"""One request to a scripted Immich, and the table of what answers which."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from tests.servers.immich_archive import Archive, FakeUser

Numbers = tuple[int, int]
Reply = tuple[int, Any]
"""Status and JSON."""


@dataclass(frozen=True)
class Call:
    """One request of a user whose key was found good."""

    archive: Archive
    #: Major and minor.
    version: Numbers
    user: FakeUser
    key: str
    query: Mapping[str, str]
    #: The JSON that came; {} where none did.
    body: Any


Answers = Callable[..., Reply]


@dataclass(frozen=True)
class Route:
    """Which requests go where."""

    method: str
    pattern: re.Pattern[str]
    #: None: any key.
    permission: str | None
    #: The first version that has it.
    since: Numbers
    #: The first version that has it no more.
    until: Numbers
    admin: bool
    answer: Answers

    def ids(self, method: str, path: str, version: Numbers) -> list[str] | None:
        """Return the parts of a path that this route is for; None: it is not."""
        found = self.pattern.fullmatch(path)
        if method != self.method or not found or not self.since <= version < self.until:
            return None
        return [unquote(part) for part in found.groups()]


ROUTES: list[Route] = []


def route(
    line: str,
    permission: str | None,
    since: Numbers = (0, 0),
    until: Numbers = (99, 0),
    *,
    admin: bool = False,
) -> Callable[[Answers], Answers]:
    """Have a function answer `GET /assets/{}`."""
    method, _, path = line.partition(" ")
    pattern = re.compile("/api" + path.replace("{}", "([^/]+)"))

    def note(answer: Answers) -> Answers:
        ROUTES.append(Route(method, pattern, permission, since, until, admin, answer))
        return answer

    return note
