"""What is left over of kills, migrations, restores and other databases: found, and removed.

Nothing that cannot be made again is ever removed, but copies made before a migration: those are as
old as a person's memory of it, and newer ones are there.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from mediaindex import parts
from mediaindex.config import Config
from mediaindex.store.copying import PART, sweep_parts
from mediaindex.vectors.seal import in_use

BROKEN_FOR = timedelta(days=30)
"""So long an index that was set aside is kept, for whoever wants to see what happened."""

BEFORE_FOR, BEFORE_KEPT = timedelta(days=90), 2
"""So long copies from before a migration are kept, and so many of them for ever."""

WRITING = timedelta(days=1)
"""What was half written so long ago is not being written now."""

_DATABASE_ID = re.compile("[0-9a-f]{32}")

Fate = Literal["goes", "asked", "stays"]
"""`goes`: by itself. `asked`: if a person says so. `stays`: a person may remove it, we never do."""


@dataclass(frozen=True)
class Leftover:
    """A file or folder that nothing needs."""

    path: Path
    #: What it is; for people.
    what: str
    fate: Fate
    size_bytes: int


def leftovers(config: Config, database_id: str | None, now: datetime) -> list[Leftover]:
    """Return what is left over.

    Args:
        config: The settings in force.
        database_id: Of the database in use; None: not known, and no index is another's.
        now: The time.
    """
    found = [*_half_written(config, now), *_copies(config, now)]
    if database_id is not None:
        found += _indexes(config, database_id, now)
    return found


def remove(leftover: Leftover) -> bool:
    """Remove it; False if that cannot be done, or somebody is writing it."""
    path = leftover.path
    if path.name.endswith(PART):
        return bool(sweep_parts(path.parent, path.name.removesuffix(PART)))
    with suppress(OSError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        return True
    return False


def _half_written(config: Config, now: datetime) -> Iterator[Leftover]:
    name = config.database_path.name
    copies = [*config.state_dir.glob(f"{name}*{PART}"), *config.state_dir.glob(f"{name}.restored")]
    copies += config.backup_dir.glob(f"mediaindex-*.db{PART}")
    for path in copies:
        yield _leftover(path, "a copy of the database that was not completed", "goes")
    for path in parts.previews(config).leftovers():
        if _is_older(path, WRITING, now):
            yield _leftover(path, "a preview that was not completed", "goes")


def _copies(config: Config, now: datetime) -> Iterator[Leftover]:
    path = config.database_path
    before = sorted(path.parent.glob(f"{path.name}.before-*Z"), key=_changed_s, reverse=True)
    for number, copy in enumerate(before):
        goes = number >= BEFORE_KEPT and _is_older(copy, BEFORE_FOR, now)
        yield _leftover(copy, "the database before a migration", "goes" if goes else "stays")
    for copy in sorted(path.parent.glob(f"{path.name}.replaced-*")):
        if not copy.name.endswith(("-wal", "-shm")):
            yield _leftover(copy, "the database before a restore", "stays")


def _indexes(config: Config, database_id: str, now: datetime) -> Iterator[Leftover]:
    for folder in sorted((config.cache_dir / "index").glob("*")):
        if folder.name != database_id:
            if _DATABASE_ID.fullmatch(folder.name) and not in_use(folder / "chroma"):
                yield _leftover(folder, "the index of another database", "asked")
            continue
        for broken in sorted(folder.glob("*.broken-*")):
            old = _is_older(broken, BROKEN_FOR, now)
            yield _leftover(
                broken, "a damaged index that was set aside", "goes" if old else "asked"
            )


def _leftover(path: Path, what: str, fate: Fate) -> Leftover:
    return Leftover(path, what, fate, _size(path))


def _size(path: Path) -> int:
    if not path.is_dir() or path.is_symlink():
        with suppress(OSError):
            return path.lstat().st_size
        return 0
    return sum(_size(Path(entry.path)) for entry in os.scandir(path))


def _changed_s(path: Path) -> float:
    with suppress(OSError):
        return path.lstat().st_mtime
    return 0.0


def _is_older(path: Path, than: timedelta, now: datetime) -> bool:
    changed = _changed_s(path)
    return changed > 0 and now - datetime.fromtimestamp(changed, UTC) > than
