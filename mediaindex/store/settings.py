"""What the program remembers about itself between runs, as JSON values under names."""

import json
import uuid
from typing import Any

from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.orm import Session

from mediaindex.store.tables import SettingRow

DATABASE_ID = "database_id"

_VALUE = select(SettingRow.value).where(SettingRow.name == bindparam("name"))


def recall(session: Session, name: str) -> Any:  # noqa: ANN401 - any JSON value
    """Return what was remembered under `name`, or None."""
    value = session.connection().scalar(_VALUE, {"name": name})
    return None if value is None else json.loads(value)


def remember(session: Session, name: str, value: object) -> None:
    """Keep a JSON value under `name`; None forgets it."""
    if value is None:
        session.execute(delete(SettingRow).where(SettingRow.name == name))
        return
    text = json.dumps(value)
    statement = insert(SettingRow).values(name=name, value=text)
    session.execute(
        statement.on_conflict_do_update(index_elements=[SettingRow.name], set_={"value": text})
    )


def database_id(session: Session) -> str:
    """Return a name that no other database has, made if new; caches made from this one carry it."""
    known = recall(session, DATABASE_ID)
    if known is None:
        known = uuid.uuid4().hex
        remember(session, DATABASE_ID, known)
    return str(known)
