"""Open an index behind a probe: a bad one is set aside, and never tried again without end.

A damaged index may raise, hang, or take its process along (Chroma's open reports tell of all
three), so a child opens it first. That costs a second or two; it is done only where the folder is
not as it was left, or where its last user did not come to an orderly end.
"""

import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from mediaindex.errors import RetryLater
from mediaindex.vectors import VectorIndex, load
from mediaindex.vectors.seal import forget_the_dead, in_use, is_sound

TIME_LIMIT_S = 120

LOOK = """
import sys
from pathlib import Path

# Should memory run out, this process is the one to end.
try:
    Path("/proc/self/oom_score_adj").write_text("1000")
except OSError:
    pass

import chromadb
from chromadb.config import Settings

settings = Settings(anonymized_telemetry=False, is_persistent=True)
client = chromadb.PersistentClient(sys.argv[1], settings=settings)
for collection in client.list_collections():
    count = collection.count()
    for offset in sorted({count * part // 8 for part in range(8)}):
        some = collection.get(limit=4, offset=offset, include=["embeddings"])["embeddings"]
        if not len(some):
            continue
        found = collection.query(
            query_embeddings=some, n_results=min(10, count), include=["distances"]
        )
        for distances in found["distances"]:
            assert len(distances) == min(10, count), "vectors are missing from the graph"
            assert distances[0] < 0.01, "a vector does not find itself"
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
        time_limit_s: A child that takes longer is killed with its own children: the folder is bad.
        look: What the child runs, the folder being its argument.
    """
    child = subprocess.Popen(
        [sys.executable, "-c", look, str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    )
    with child:
        try:
            _, said = child.communicate(timeout=time_limit_s)
        except subprocess.TimeoutExpired:
            return f"it does not answer within {time_limit_s:g} s"
        finally:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)  # It leads its own session.
    if child.returncode < 0:
        return f"opening it ends the process (signal {-child.returncode})"
    if child.returncode > 0:
        last = (said.strip().splitlines() or ["no reason given"])[-1]
        return " ".join(last.split())[:300]
    return None


def open_checked(folder: Path, use: str, time_limit_s: float = TIME_LIMIT_S) -> Opened:
    """Open an index, after a look in a child where the folder cannot be trusted unseen.

    A bad one is renamed to `<folder>.broken-<time>`, of which one is kept for whoever wants to see
    what happened, and an empty one is opened in its place. What somebody else has open right now
    is neither looked at nor set aside.

    Raises:
        RetryLater: It is bad and somebody else has it open, or the empty one cannot be opened
            either; nothing more is tried.
    """
    reason = None
    if not in_use(folder) and not is_sound(folder):
        reason = probe(folder, time_limit_s)
        if reason is None:
            forget_the_dead(folder)
    if reason is None:
        try:
            return Opened(load(use, folder))
        except RetryLater as error:
            if in_use(folder):
                raise
            reason = str(error)
    _set_aside(folder)
    return Opened(load(use, folder), set_aside=reason)


def _set_aside(folder: Path) -> None:
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    for older in folder.parent.glob(f"{folder.name}.broken-*"):
        if older.is_dir():
            shutil.rmtree(older, ignore_errors=True)
        else:
            older.unlink(missing_ok=True)
    try:
        folder.rename(folder.with_name(f"{folder.name}.broken-{stamp}"))
    except OSError as error:
        raise RetryLater(f"the index in {folder} cannot be set aside: {error.strerror}") from error
