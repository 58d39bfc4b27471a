"""Checks of what is sent to Immich: strict in each version's own way, and what it says then."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tests.servers.base import Refusal

Check = Callable[[Any], str | None]
"""Returns what is wrong; None: nothing."""

UUID = re.compile(r"[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")


class Invalid(Refusal):
    """400: a field that is not as it should be."""

    def __init__(self, name: str, what: str, code: str = "invalid_type") -> None:
        super().__init__(400, f"{name} {what}")
        self.name, self.what, self.code = name, what, code


def is_uuid(value: object) -> str | None:
    return None if isinstance(value, str) and UUID.fullmatch(value) else "must be a UUID"


def is_uuids(value: object) -> str | None:
    wrong = not isinstance(value, list) or any(is_uuid(one) for one in value)
    return "each value must be a UUID" if wrong else None


def is_text(value: object) -> str | None:
    return None if isinstance(value, str) else "must be a string"


def is_texts(value: object) -> str | None:
    fits = isinstance(value, list) and all(isinstance(one, str) for one in value)
    return None if fits else "each value must be a string"


def is_flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "must be a boolean value"


def is_time(value: object) -> str | None:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", value):
        return None
    return "must be a valid ISO 8601 date string"


def is_within(least: int, most: int | None) -> Check:
    def check(value: object) -> str | None:
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be an integer number"
        if value < least or (most is not None and value > most):
            return f"must be between {least} and {most}"
        return None

    return check


def is_one_of(*values: str) -> Check:
    def check(value: object) -> str | None:
        return None if value in values else f"must be one of the following values: {values}"

    return check


def or_null(check: Check) -> Check:
    return lambda value: None if value is None else check(value)


def checked(body: Mapping[str, Any], checks: Mapping[str, Check], *required: str) -> dict[str, Any]:
    """Return the known fields; unknown ones are dropped without a word, as both frameworks do.

    Raises:
        Invalid: One is wrong, or missing.
    """
    for name in required:
        if name not in body:
            raise Invalid(name, "is required")
    known = {name: value for name, value in body.items() if name in checks}
    for name, value in known.items():
        if wrong := checks[name](value):
            raise Invalid(name, wrong)
    return known


def check_uuid(value: str) -> str:
    """Return the id that stands in a path.

    Raises:
        Invalid: It is none.
    """
    if wrong := is_uuid(value):
        raise Invalid("id", wrong, "invalid_format")
    return value


def time_of(text: str) -> datetime:
    """Return the time that a checked text says."""
    return datetime.fromisoformat(text)


def error_body(version: tuple[int, int], status: int, text: str, reason: str) -> dict[str, Any]:
    """Return an error: only its message from v3 on."""
    if version >= (3, 0):
        return {"message": text}
    return {"message": text, "error": reason, "statusCode": status, "correlationId": "qj3k1x8v"}


def invalid_body(version: tuple[int, int], error: Invalid) -> dict[str, Any]:
    """Return the error of a form: Zod's from v3 on, class-validator's before."""
    if version >= (3, 0):
        issue = {"code": error.code, "path": error.name.split("."), "message": error.what}
        return {"message": "Validation failed", "errors": [issue]}
    body = error_body(version, 400, "", "Bad Request")
    return {**body, "message": [f"{error.name} {error.what}"]}
