"""What a stage is. Each stands in a file of its own; `parts.stages` lists them in order."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.errors import BrokenOff, RetryLater
from mediaindex.media.reading import is_of_the_disk
from mediaindex.store.files import Lying
from mediaindex.store.jobs import Subject

POSTPONE = timedelta(minutes=5)
"""So long waits what the world did not let be done."""

In = TypeVar("In")
Out = TypeVar("Out")


STAGES = ("identify", "probe", "decode", "frames", "embed", "caption", "embed_text", "publish")
"""Every stage there is, in the order of the walk."""

PREVIEWED = ("decode", "frames")
"""The stages that make moments and previews: of photos, and of videos."""


class Redo(RetryLater):
    """What an earlier stage made is gone (a preview was deleted); that stage has to work again."""

    def __init__(self, stage: str, reason: str) -> None:
        super().__init__(reason)
        #: The earlier stage's name.
        self.stage = stage


class Blocked(RetryLater):
    """The stage cannot work at all now; no subject is to blame, and none is put off for it."""

    def __init__(self, reason: str, after_s: float | None = None) -> None:
        super().__init__(reason)
        #: When it is worth looking again, in seconds; None where nobody can tell.
        self.after_s = after_s


class Stage(Protocol[In, Out]):
    """One step of the walk from a file to what a search finds.

    The runner asks what is due, reads what each subject needs, lets `work` do the slow part in a
    thread without the database, and stores each result in one transaction with its job's end.
    """

    name: str
    #: What an id that is due means.
    subject: Subject
    #: How many subjects one call of `work` takes.
    batch: int
    #: How many calls of `work` may run side by side.
    width: int
    #: Whether it takes days or weeks, so that nothing else may wait for its end.
    lasting: bool

    def ready(self) -> None:
        """Make sure that the stage can work at all; called once before the first `work`.

        Raises:
            RetryLater: It cannot now; the text is shown as why the stage is blocked.
        """

    def due(self) -> Select[int]:
        """Return the query for the ids of what lacks this stage's current result.

        Asked for under the write lock, so nothing slow is done here. Before `ready` it may find
        too much.
        """

    def load(self, session: Session, subject_id: int) -> In:
        """Read what `work` needs; the session only reads."""

    def work(self, inputs: Sequence[In]) -> Sequence[Out | Exception]:
        """Do the work: one result, or the error that stands for it, for each input.

        Called from any thread. What rises instead of being returned counts against every input;
        `Blocked` stands for the stage itself.
        """

    def save(self, session: Session, subject_id: int, result: Out, now: datetime) -> None:
        """Store a result and note that the stage is done; the caller commits."""

    def close(self) -> None:
        """Let go of what `ready` took hold of."""


def on_any_file(files: Sequence[Lying], work: Callable[[Path], Out]) -> Out | Exception:
    """Return what `work` makes of the first of an asset's files that can be read at all.

    What goes wrong is returned too, whatever it is: raised, it would count against the other
    assets of the batch. What came of a file that is not any more as it was last seen is not the
    asset's: the file is passed over.

    Args:
        files: Where the same bytes lie.
        work: What to do with one; its `RetryLater` means that the next may do better.
    """
    trouble = RetryLater("none of its files is there now")
    for file in files:
        try:
            outcome: Out | Exception = work(file.path)
        except BrokenOff as error:  # not the file's fault: its next copy is not to be begun
            return error
        except RetryLater as error:
            trouble = error
            continue
        except Exception as error:  # noqa: BLE001 - as said above
            outcome = error
        if isinstance(outcome, OSError) and is_of_the_disk(outcome):
            trouble = RetryLater(f"this machine cannot do it now: {outcome.strerror}")
        elif _has_changed(file):
            trouble = RetryLater("it was changed since it was looked into")
        else:
            return outcome
    return trouble


def _has_changed(file: Lying) -> bool:
    if file.mtime_ns is None:
        return False
    try:
        found = file.path.stat()
    except OSError:
        return True
    return (found.st_size, found.st_mtime_ns) != (file.size_bytes, file.mtime_ns)
