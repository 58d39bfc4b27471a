"""A running daemon, asked over its Unix socket. It loads at once, as commands need it."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mediaindex.clients.unix_http import Response, answered, connected
from mediaindex.errors import (
    AlreadyRunning,
    ConfigError,
    MediaIndexError,
    QueryError,
    RetryLater,
    StoreError,
    Unusable,
)

KNOCK_S = 5.0
"""So long a daemon may take to say that it is there, which is no work, whatever else it does."""

SILENT_S = 120.0
"""A daemon that says nothing for so long hangs; a first question may wait for its model."""


class NotKnown(MediaIndexError):  # noqa: N818 - a state, said as users say it
    """The daemon knows no such file, library or stage."""


class OtherVersion(MediaIndexError):  # noqa: N818 - as above
    """The daemon is of another version than this program."""


class NotAllowed(MediaIndexError):  # noqa: N818 - as above
    """There is a daemon, and this person may not ask it."""


class Silent(RetryLater):
    """Somebody listens where the daemon does, and answers nothing."""


class TooLarge(Unusable):
    """More was to be sent than the daemon takes."""


KINDS: dict[str, type[MediaIndexError]] = {
    "QueryError": QueryError,
    "WrongRequest": QueryError,
    "ConfigError": ConfigError,
    "AlreadyRunning": AlreadyRunning,
    "Unusable": Unusable,
    "TooLarge": TooLarge,
    "StoreError": StoreError,
    "RetryLater": RetryLater,
    "Busy": RetryLater,
    "NotKnown": NotKnown,
    "NotFound": NotKnown,
    "WrongVersion": OtherVersion,
}
"""What an answer with an error is raised as, by the error's kind."""


def find(socket_path: Path) -> "Daemon | None":
    """Return the daemon that listens at a socket; None if nobody does.

    Raises:
        NotAllowed: Somebody does, and may not be asked by this person.
        Silent: Somebody does, and does not answer.
    """
    try:
        _knock(socket_path)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return None
    except PermissionError as error:
        raise NotAllowed(
            f"the daemon at {socket_path} may not be asked by you: join its group (sudo usermod "
            "-aG mediaindex $USER, then log in again), or use sudo"
        ) from error
    except OSError as error:
        raise Silent(f"the daemon at {socket_path} does not answer: {error}") from error
    return Daemon(socket_path)


def _knock(socket_path: Path) -> None:
    """Wait until the daemon says anything at all; raises OSError if it does not."""
    with answered(connected(socket_path, KNOCK_S), "GET", "/health", None):
        pass


class Daemon:
    """Asks a running daemon. Safe from any thread: every request has a connection of its own.

    All methods raise the error that the daemon tells of as ours (`KINDS`), `MediaIndexError` where
    it is none of these, and `RetryLater` if the daemon hangs or goes away.
    """

    def __init__(self, socket_path: Path) -> None:
        self.socket_path = socket_path

    def get(self, path: str, /, **params: str | int) -> Any:  # noqa: ANN401 - any JSON value
        """Return the JSON value at a path; text of parameters may hold bytes that are no UTF-8."""
        return _value(self._request("GET", path + _query(params)))

    def get_bytes(self, path: str) -> bytes:
        """Return what is at a path as it is, such as a JPEG."""
        return self._request("GET", path)

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401 - any JSON value
        """Send a JSON value and return the one that is answered."""
        return _value(self._request("POST", path, {} if body is None else body))

    def delete(self, path: str) -> Any:  # noqa: ANN401 - any JSON value
        """Have what is at a path removed, and return the JSON value that is answered."""
        return _value(self._request("DELETE", path))

    @contextmanager
    def events(self) -> Iterator[Iterator[tuple[str, dict[str, Any]]]]:
        """Give kinds and data of all that happens from the start of the block on.

        They end with the daemon. Waiting for the next can take for ever, and is not to be broken
        off but by the end of the program.
        """
        with self._answer("GET", "/api/v1/events", None) as response:
            yield _events(response.parts())

    def _request(self, method: str, path: str, body: object = None) -> bytes:
        with self._answer(method, path, body) as response:
            return response.read()

    @contextmanager
    def _answer(self, method: str, path: str, body: object) -> Iterator[Response]:
        # ASCII: names that are no UTF-8 hold lone surrogates, which no other form carries.
        sent = None if body is None else json.dumps(body).encode("ascii")
        try:
            with answered(connected(self.socket_path, SILENT_S), method, path, sent) as response:
                if response.status >= 400:
                    raise _error(response.status, response.read())
                yield response
        except TimeoutError as error:
            raise RetryLater(
                f"the daemon at {self.socket_path} has not answered for {SILENT_S:.0f} s"
            ) from error
        except OSError as error:
            raise RetryLater(f"the daemon at {self.socket_path} went away: {error}") from error


def _query(params: Mapping[str, str | int]) -> str:
    pairs = "&".join(f"{name}={quoted(str(value))}" for name, value in params.items())
    return f"?{pairs}" if pairs else ""


def quoted(name: str) -> str:
    """Return a name as a part of a path takes it, slashes and bytes that are no UTF-8 too."""
    from urllib.parse import quote_from_bytes

    return quote_from_bytes(os.fsencode(name), safe="")


def _value(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(body)
    except ValueError as error:
        raise RetryLater(f"the daemon answered what is no JSON: {body[:80]!r}") from error


def _error(status: int, body: bytes) -> MediaIndexError:
    """Return what an answer with an error tells of."""
    try:
        told = json.loads(body)["error"]
        kind, message = str(told["kind"]), str(told["message"])
    except (ValueError, KeyError, TypeError):
        return MediaIndexError(f"the daemon answered with HTTP {status}")
    return KINDS.get(kind, MediaIndexError)(message)


def _events(parts: Iterator[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a stream of server-sent events tells; those of ours have one line of data each."""
    kind, rest = "", b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            name, _, value = line.partition(b": ")
            if name == b"event":
                kind = value.decode()
            elif name == b"data":
                yield kind, _value(value)
