"""Open an index behind a probe: a bad one is set aside, and never tried again without end.

A damaged index may raise, hang, or take its process along (Chroma's open reports tell of all
three), so a child opens it first. That costs a second; it is only done where the last writer did
not come to an orderly end.
"""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mediaindex.errors import RetryLater
from mediaindex.vectors import VectorIndex, load
from mediaindex.vectors.chroma import DIRTY

TIME_LIMIT_S = 120

LOOK = """
import sys
import chromadb
from chromadb.config import Settings

settings = Settings(anonymized_telemetry=False, is_persistent=True)
client = chromadb.PersistentClient(sys.argv[1], settings=settings)
for collection in client.list_collections():
    count = collection.count()
    some = collection.get(limit=3, include=["embeddings"])
    for vector in some["embeddings"]:
        found = collection.query(query_embeddings=[vector], n_results=min(3, count))
        assert found["ids"][0], "a vector does not find itself"
"""


@dataclass(frozen=True)
class Opened:
    """An index that works."""

    index: VectorIndex
    #: Why an older one was set aside; None where none was. The index is empty then.
    set_aside: str | None = None


def probe(folder: Path, time_limit_s: float = TIME_LIMIT_S, look: str = LOOK) -> str | None:
    """Return what is wrong with a Chroma folder, found out in a child; None if nothing is.

    Args:
        folder: The index's folder.
        time_limit_s: A child that takes longer is killed, and the folder is bad.
        look: What the child runs, the folder being its argument.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-c", look, str(folder)],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            text=True,
            errors="replace",
            timeout=time_limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it does not answer within {time_limit_s:g} s"
    if done.returncode < 0:
        return f"opening it ends the process (signal {-done.returncode})"
    if done.returncode > 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return " ".join(last.split())[:300]
    return None


def open_checked(folder: Path, use: str) -> Opened:
    """Open an index, after a look in a child where its last writer was killed.

    A bad one is renamed to `<folder>.broken-<time>`, of which one is kept for whoever wants to see
    what happened, and an empty one is opened in its place.

    Raises:
        RetryLater: The empty one cannot be opened either; nothing more is tried.
    """
    reason = probe(folder) if (folder / DIRTY).exists() else None
    if reason is None:
        try:
            return Opened(load(use, folder))
        except RetryLater as error:
            reason = str(error)
    _set_aside(folder)
    return Opened(load(use, folder), set_aside=reason)


def _set_aside(folder: Path) -> None:
    for older in folder.parent.glob(f"{folder.name}.broken-*"):
        shutil.rmtree(older, ignore_errors=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    try:
        folder.rename(folder.with_name(f"{folder.name}.broken-{stamp}"))
    except OSError as error:
        raise RetryLater(f"the index in {folder} cannot be set aside: {error.strerror}") from error
