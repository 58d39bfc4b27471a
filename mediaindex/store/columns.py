"""Column types that SQLite does not have: times that are always UTC, and names of files."""

import os
import unicodedata
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

from mediaindex.shown import readable as shown

__all__ = ["FsText", "Utc", "folded", "shown"]


class Utc(TypeDecorator[datetime]):
    """A moment in UTC: aware in Python, ISO text without a zone in the file."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return `value` in UTC without its zone.

        Raises:
            ValueError: `value` has no zone, so what it means is not known.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the stored time as an aware one."""
        return None if value is None else value.replace(tzinfo=UTC)


class FsText(TypeDecorator[str]):
    """A path or name as the file system has it, also where it is not UTF-8.

    Python holds undecodable bytes as lone surrogates, which SQLite cannot store as text; such a
    name is stored as a blob of its bytes. All others stay readable text.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:  # noqa: ANN401 - text or blob
        """Return `value` as text, or as bytes if it holds undecodable ones."""
        if value is None:
            return None
        try:
            value.encode()
        except UnicodeEncodeError:
            return os.fsencode(value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:  # noqa: ANN401 - text or blob
        """Return the name as `os` functions take it."""
        return os.fsdecode(value) if isinstance(value, bytes) else value


def folded(name: str | bytes) -> str:
    """Return a name as it is compared: "Été" however it is composed, and in any case.

    SQL knows it as `folded`; SQLite's own LIKE and lower() know the case of English only.
    """
    text = os.fsdecode(name) if isinstance(name, bytes) else name
    return unicodedata.normalize("NFC", text).casefold()
