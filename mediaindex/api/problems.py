"""What goes wrong, as programs are told of it: one shape, a status, and words for people."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from mediaindex.api.plain import Plain
from mediaindex.errors import (
    AlreadyRunning,
    ConfigError,
    MediaIndexError,
    QueryError,
    RetryLater,
    StoreError,
    Unusable,
)

log = logging.getLogger(__name__)

RETRY_AFTER_S = 2

STATUS: dict[type[MediaIndexError], int] = {
    QueryError: 400,
    ConfigError: 400,
    AlreadyRunning: 409,
    Unusable: 422,
    StoreError: 500,
    RetryLater: 503,
}

HTTP_KINDS = {404: "NotFound", 405: "WrongRequest"}


class Problem(Exception):  # noqa: N818 - what is told, not what broke
    """A request that cannot be served, for a reason of the door itself."""

    def __init__(self, status: int, kind: str, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        #: `Retry_After` stands for `Retry-After`.
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


class NotFound(Problem):
    """What was asked for is not known."""

    def __init__(self, message: str) -> None:
        super().__init__(404, "NotFound", message)


class WrongRequest(Problem):
    """The request itself is wrong; the message says what would be right."""

    def __init__(self, message: str) -> None:
        super().__init__(400, "WrongRequest", message)


class Busy(Problem):
    """There is too much to do now."""

    def __init__(self, message: str) -> None:
        super().__init__(503, "Busy", message, Retry_After=str(RETRY_AFTER_S))


def told(status: int, kind: str, message: str, headers: dict[str, str] | None = None) -> Plain:
    """Return what is told of something that went wrong."""
    return Plain({"error": {"kind": kind, "message": message}}, status, headers)


def tell(error: Exception) -> Plain:
    """Return what is told of an error; of one of ours its own words, of others nothing inside."""
    if isinstance(error, Problem):
        return told(error.status, error.kind, str(error), error.headers)
    if isinstance(error, MediaIndexError):
        family = next((kind for kind in STATUS if isinstance(error, kind)), None)
        status = 500 if family is None else STATUS[family]
        return told(status, "Error" if family is None else family.__name__, str(error))
    if isinstance(error, RequestValidationError):
        return told(400, "WrongRequest", _what_is_wrong(error))
    if isinstance(error, HTTPException):
        kind = HTTP_KINDS.get(error.status_code, "WrongRequest")
        headers = dict(error.headers or {})
        return told(error.status_code, kind, str(error.detail), headers)
    if isinstance(error, OperationalError):
        log.warning("a request failed: %s", error.orig)
        return told(503, "RetryLater", f"the database cannot be used now: {error.orig}")
    log.error("a request failed", exc_info=error)
    return told(500, "Internal", "something went wrong inside; the daemon's log says what")


def tell_all(app: FastAPI) -> None:
    """Have the app tell every error in our shape."""

    def handle(request: Request, error: Exception) -> Plain:
        answer = tell(error)
        request.app.state.house.metrics.errors.labels(answer.kind).inc()
        return answer

    kinds: tuple[Any, ...] = (
        Problem,
        MediaIndexError,
        RequestValidationError,
        HTTPException,
        OperationalError,
        Exception,
    )
    for kind in kinds:
        app.add_exception_handler(kind, handle)


def _what_is_wrong(error: RequestValidationError) -> str:
    """Return in words what of a request does not fit; values may be secret and are not repeated."""
    return "; ".join(
        f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}"
        for one in error.errors()
    )
