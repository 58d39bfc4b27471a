"""Store what a stage made of one subject, and put what went wrong into words."""

from datetime import datetime
from typing import Any

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from mediaindex.errors import RetryLater, Unusable
from mediaindex.pipeline.lane import Claimed
from mediaindex.pipeline.stage import Stage
from mediaindex.store import jobs
from mediaindex.store.assets import lose_asset
from mediaindex.store.columns import shown
from mediaindex.store.files import path_of, paths_of_asset
from mediaindex.store.jobs import Subject
from mediaindex.store.postponed import READING


class Elsewhere(RetryLater):
    """A subject could not be read where it lay, and lies elsewhere by now."""


def settled(
    session: Session,
    stage: Stage[Any, Any],
    one: Claimed,
    outcome: Any,  # noqa: ANN401 - the stage's own result, or an error
    now: datetime,
) -> BaseException | None:
    """Store a result and return None, or return what went wrong."""
    if not isinstance(outcome, BaseException):
        return saved(session, stage, one.subject_id, outcome, now)
    # No kind of them: those say more than that a file could not be read, or not be used.
    if type(outcome) in (RetryLater, Unusable) and stage.name in ("identify", *READING):
        inputs = stage.load(session, one.subject_id)
        return outcome if inputs == one.inputs else Elsewhere("it was moved meanwhile")
    return outcome


def saved(
    session: Session,
    stage: Stage[Any, Any],
    subject_id: int,
    result: Any,  # noqa: ANN401 - the stage's own
    now: datetime,
) -> Exception | None:
    """Store a result and return None, or undo it alone and return what went wrong."""
    try:
        with session.begin_nested():
            stage.save(session, subject_id, result, now)
    except OperationalError:
        raise  # the disk is full, or another program holds the lock: no file is to blame
    except Exception as error:  # noqa: BLE001 - it counts against this one
        return error
    return None


def give_up(
    session: Session, stage: Stage[Any, Any], subject_id: int, error: Unusable, now: datetime
) -> None:
    """Note that a subject cannot be used; a file does not hold what it held before, then."""
    reason = reason_of(error)
    jobs.fail(session, stage.name, stage.subject, subject_id, reason=reason, now=now)
    if stage.subject == "file":
        lose_asset(session, subject_id, now)


def reason_of(error: BaseException) -> str:
    """Return the last line of what an error says; a traceback has what happened there."""
    return storable(str(error).strip().rpartition("\n")[2]) or type(error).__name__


def called(session: Session, subject: Subject, subject_id: int) -> str:
    """Return the path by which people know a subject; of one that lies nowhere, its number."""
    if subject == "file":
        return shown(str(path_of(session, subject_id)))
    paths = paths_of_asset(session, subject_id, missing=True)
    return shown(str(paths[0])) if paths else f"asset {subject_id}"


def storable(text: str) -> str:
    """Return a text without halves of characters, of which no database takes any."""
    return text.encode(errors="backslashreplace").decode()
