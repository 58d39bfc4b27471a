"""Whether a library's root can be trusted now, or its disk or share is away.

A folder that is not there, is empty or is another one than it was says nothing of its files.
"""

import os
import shlex
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from mediaindex.sources.mounts import Identity, identity_from, identity_of

LIMIT_S = 10.0
"""A server that is gone lets whoever asks for its files wait for ever."""

NOT_MOUNTED = "the disk or share that was mounted here is not"

SAMPLE = 100
"""So many known files are looked for where something else seems to be mounted."""

Out = TypeVar("Out")


@dataclass(frozen=True)
class Expected:
    """What is known of a root from before."""

    #: The library's name, for people.
    name: str
    #: Whether any file should be there.
    has_files: bool
    #: `Identity.text` when it was last trusted; None: it never was.
    identity: str | None = None
    #: A file that is there whenever the right thing is mounted, relative to the root.
    sentinel: str | None = None


@dataclass(frozen=True)
class Presence:
    """What a look at a root said."""

    #: Why it cannot be trusted, for people; None: it can.
    offline_reason: str | None
    #: What it is mounted from; None where that could not be found out.
    identity: str | None
    #: Folders in it on which something was mounted and now nothing is, as paths from the root.
    away: tuple[str, ...] = ()


def check(
    root: Path,
    expected: Expected,
    sample: Callable[[], Sequence[tuple[str, int]]],
    *,
    confirmed: bool = False,
    limit_s: float = LIMIT_S,
) -> Presence:
    """Return whether `root` can be trusted now; takes up to twice `limit_s`.

    Args:
        root: The library's root.
        expected: What is known of it.
        sample: Gives known files, as path from the root and size in bytes; asked for only where
            something else seems to be mounted.
        confirmed: A person said that what is mounted now is meant.
        limit_s: A root that does not answer in this time is offline.
    """
    before = identity_from(expected.identity) if expected.identity else None
    found = _in_time(root, lambda: _look(root, expected, before), limit_s)
    if found is None:
        return _silent()
    if isinstance(found, str):
        return Presence(found, None)
    identity, away = found
    if confirmed or before is None:
        return Presence(None, identity.text)
    kept = replace(identity, inner=tuple(sorted({*identity.inner, *away})))
    if before != identity:
        known = sample()
        there = _in_time(root, lambda: _count(root, known), limit_s)
        if there is None:
            return _silent()
        if there * 2 < len(known):
            return Presence(_swapped(expected.name, before, identity), identity.text)
    return Presence(None, kept.text, away)


def why_offline(root: Path, *, has_files: bool, sentinel: str | None = None) -> str | None:
    """Return why the root of a library cannot be trusted, or None if it can, for all it shows.

    An empty folder where there were files is what an unmounted share looks like.
    """
    try:
        with os.scandir(root) as listing:
            is_empty = next(listing, None) is None
        if is_empty and has_files:
            return "the folder is empty; is its disk or share mounted?"
        if sentinel is not None and not (root / sentinel).exists():
            return (
                f"{sentinel} is not in it, by which the settings tell it from an empty mount "
                "point; mount its disk or share, or make that file"
            )
    except OSError as error:
        return error.strerror or str(error)
    return None


def _look(
    root: Path, expected: Expected, before: Identity | None
) -> tuple[Identity, tuple[str, ...]] | str:
    # The look into it comes first: it is what makes an automounter mount.
    reason = why_offline(root, has_files=expected.has_files, sentinel=expected.sentinel)
    if reason is not None:
        return reason
    try:
        found = identity_of(root)
    except OSError as error:
        return error.strerror or str(error)
    lost = sorted(set(before.inner) - set(found.inner)) if before else []
    return found, tuple(path for path in lost if _is_bare(root / path))


def _is_bare(folder: Path) -> bool:
    """Return True if nothing is in a folder, or it is not there: a mount point without a mount."""
    try:
        with os.scandir(folder) as listing:
            return next(listing, None) is None
    except OSError:
        return True


def _count(root: Path, known: Sequence[tuple[str, int]]) -> int:
    """Return how many files are there in the size that is known."""
    count = 0
    for path, size_bytes in known:
        try:
            count += (root / path).stat().st_size == size_bytes
        except OSError:
            continue
    return count


def _swapped(name: str, before: Identity, now: Identity) -> str:
    was = f" (it was {before.shown})" if before.shown != now.shown else ""
    return (
        f"something else is mounted here now: {now.shown}{was}, and hardly any of the files that "
        "are known is in it; mount the right disk or share, or, if this is meant: "
        f"mediaindex confirm-removal {shlex.quote(name)}"
    )


def _silent() -> Presence:
    return Presence("its disk or share does not answer; is its server on, and the network?", None)


_asking: dict[Path, threading.Thread] = {}
_asking_lock = threading.Lock()


def _in_time(root: Path, ask: Callable[[], Out], limit_s: float) -> Out | None:
    """Return what `ask` returns, None if it takes longer than `limit_s`.

    A thread that waits for a dead server cannot be ended; so there is one at most for each root.
    """
    with _asking_lock:
        stuck = _asking.get(root)
    if stuck is not None:
        stuck.join(limit_s)
        if stuck.is_alive():
            return None
    answers: list[Out] = []
    thread = threading.Thread(target=lambda: answers.append(ask()), name="presence", daemon=True)
    with _asking_lock:
        _asking[root] = thread
    thread.start()
    thread.join(limit_s)
    if not thread.is_alive():
        with _asking_lock:
            if _asking.get(root) is thread:
                del _asking[root]
    return answers[0] if answers else None
