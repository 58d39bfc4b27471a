"""Assets that are not shown, for somebody wants it so; nothing of them is forgotten."""

from collections.abc import Mapping

from sqlalchemy.orm import Session

ARCHIVED, TRASHED, HIDDEN, LOCKED = "archived", "trashed", "hidden", "locked"
"""Why. Archived and trashed ones are found by those who ask for them (`is:archived`); what is
locked is never shown, described or sent to anybody, and `hidden` is no picture by itself."""

ASKED_FOR = (ARCHIVED, TRASHED)
"""Those that a question can ask for."""


def withhold(session: Session, reasons: Mapping[int, str | None]) -> None:
    """Say why each of these assets is not shown; None: it is."""
    raise NotImplementedError
