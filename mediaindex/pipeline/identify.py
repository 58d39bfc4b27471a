"""Stage: a new file -> the asset of its content."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Select
from sqlalchemy.orm import Session

from mediaindex.errors import Unusable
from mediaindex.media.animation import format_of
from mediaindex.media.formats import MEDIA_SUFFIXES
from mediaindex.media.hashing import content_hash
from mediaindex.pipeline.stage import on_any_file
from mediaindex.store import jobs
from mediaindex.store.assets import Identity, identify_file
from mediaindex.store.due import files_due
from mediaindex.store.files import Lying, path_of
from mediaindex.store.jobs import Subject


@dataclass(frozen=True)
class NotMedia:
    """The file holds neither a picture nor a video, and does not claim to."""


class Identify:
    """Reads each new file once: what kind of picture it holds, and the hash of its bytes."""

    name = "identify"
    subject: Subject = "file"
    lasting = False
    batch = 8
    width = 2

    def ready(self) -> None:
        """It needs nothing."""

    def due(self) -> Select[int]:
        """Return the query for files that nobody has looked into."""
        return files_due(self.name)

    def load(self, session: Session, subject_id: int) -> Path:
        """Return where the file lies."""
        return path_of(session, subject_id)

    def work(self, inputs: Sequence[Path]) -> list[Identity | NotMedia | Exception]:
        """Look into each file; see `identify`."""
        return [on_any_file((Lying(path),), identify) for path in inputs]

    def save(
        self, session: Session, subject_id: int, result: Identity | NotMedia, now: datetime
    ) -> None:
        """Link the file to its asset."""
        identity = result if isinstance(result, Identity) else None
        identify_file(session, subject_id, identity, now)
        jobs.finish(session, self.name, self.subject, subject_id)

    def close(self) -> None:
        """It holds nothing."""


def identify(path: Path) -> Identity | NotMedia:
    """Return what the bytes of a file are.

    Raises:
        Unusable: It is named like a picture or a video and holds none.
        RetryLater: It cannot be read now, or changed while it was read.
    """
    kind = format_of(path)
    if kind is None:
        if path.suffix.lower() not in MEDIA_SUFFIXES:
            return NotMedia()
        if path.stat().st_size == 0:
            raise Unusable("the file is empty")
        raise Unusable(f"is named {path.suffix} but holds no picture or video that is known")
    found = content_hash(path)
    return Identity(found.sha256, found.size_bytes, kind.kind, kind.name)
