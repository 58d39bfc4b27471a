"""Assets that are not shown, for somebody wants it so; nothing of them is forgotten."""

import json
from collections.abc import Mapping

from sqlalchemy import String, bindparam, cast, func, update
from sqlalchemy.orm import Session

from mediaindex.store.tables import AssetRow

ARCHIVED, TRASHED, HIDDEN, LOCKED = "archived", "trashed", "hidden", "locked"
"""Why. Archived and trashed ones are found by those who ask for them (`is:archived`); what is
locked is never shown, described or sent to anybody, and `hidden` is no picture by itself."""

ASKED_FOR = (ARCHIVED, TRASHED)
"""Those that a question can ask for."""


def withhold(session: Session, reasons: Mapping[int, str | None]) -> None:
    """Say why each of these assets is not shown; None: it is."""
    session.connection().execute(_WITHHOLD, {"reasons": json.dumps(reasons)})


_GIVEN = func.json_each(bindparam("reasons")).table_valued("key", "value")
_REASON = cast(_GIVEN.c.value, String)
_WITHHOLD = (
    update(AssetRow)
    .where(AssetRow.id == _GIVEN.c.key + 0, AssetRow.withheld.is_distinct_from(_REASON))
    .values(withheld=_REASON)
)
