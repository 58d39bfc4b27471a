"""What becomes of files that a sweep does not find: moved, gone, or not believed to be gone."""

import os
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex.sources.folder import Rules, may_be_there
from mediaindex.sources.moves import Trace, match
from mediaindex.sources.pairs import Pairs, pair_names
from mediaindex.store import assets, files, moved
from mediaindex.store.database import Database
from mediaindex.store.moved import Move, Spot
from mediaindex.store.pairs import owners_of, read_again, set_pairs
from mediaindex.store.postponed import READING

FEW = 20
"""So many files may vanish from any library unasked; people delete a folder now and then."""

LATELY = timedelta(days=1)
"""So far apart may be the looks that found a file gone here and new there."""

AT_ONCE = timedelta(minutes=10)
"""What looks at single folders found gone in this time counts as gone at once."""

FILES_A_COMMIT = 500
"""Whoever else wants to write waits for no more than this."""


def believable(gone: int, present: int, max_fraction: float) -> bool:
    """Return True if `gone` of `present` files may have been deleted rather than unmounted."""
    return gone <= FEW or gone <= present * max_fraction


def still_gone(database: Database, root: Path, rules: Rules, gone: Collection[int]) -> list[int]:
    """Return which of these files are not in their folders now either, or are to be passed by.

    A sweep takes its time: another look may have found meanwhile that one is back.
    """
    with database.read() as session:
        spots = list(moved.spots(session, gone))
    listed = {folder: _names_in(root / folder) for folder in {spot.folder for spot in spots}}
    back = {spot.id for spot in spots if _is_back(root, rules, spot, listed[spot.folder])}
    return [file_id for file_id in gone if file_id not in back]


def follow(
    database: Database, library_id: int, gone: set[int], above_id: int, now: datetime
) -> tuple[set[int], int]:
    """Let files that moved keep all that is known of them; commits as it goes.

    Args:
        database: Where the files are kept.
        library_id: The library, of which all is looked at that changed lately.
        gone: The files that the sweep missed.
        above_id: Files with higher ids are new since the sweep began.
        now: When this is.

    Returns:
        The ids of the files that moved, and how many of the new ones they took the place of.
    """
    with database.read() as session:
        folders = _matches(session, library_id, gone, above_id, now - LATELY)
    done: set[int] = set()
    replaced = 0
    # Whole folders: a file and its sidecar are never apart in between.
    for batch in _batches(folders):
        with database.write() as session:
            moves = moved.move_files(session, batch)
            _settle_moves(session, moves, now)
        done.update(move.file_id for move in moves)
        replaced += sum(move.replaced_id > above_id for move in moves)
    return done, replaced


def believe(database: Database, gone: Sequence[int], now: datetime) -> None:
    """Take it that files are gone; commits as it goes."""
    for start in range(0, len(gone), FILES_A_COMMIT):
        batch = gone[start : start + FILES_A_COMMIT]
        with database.write() as session:
            files.miss_files(session, batch, now)
            files.settle_assets(session, now, assets.assets_of(session, batch))
            read_again(session, owners_of(session, batch), present=True)
            assets.refresh_names(session, batch)
            for folder_id in files.folders_of(session, batch):
                pair_up(session, folder_id, files.names_there(session, folder_id))


def pair_up(session: Session, folder_id: int, names: Collection[str]) -> Pairs:
    """Store which of a folder's files, by name, belong to which; returns it."""
    pairs = pair_names(names)
    set_pairs(session, folder_id, dict(_by_names(pairs)))
    return pairs


def _by_names(pairs: Pairs) -> Iterator[tuple[tuple[str, str], str]]:
    for name, owners in pairs.sidecars.items():
        for owner in owners:
            yield (name, owner), "sidecar"
    for name, owner in pairs.companions.items():
        yield (name, owner), "companion"


def _settle_moves(session: Session, moves: Sequence[Move], now: datetime) -> None:
    ids = [move.file_id for move in moves]
    for folder_id in {folder_id for move in moves for folder_id in move.folder_ids}:
        pair_up(session, folder_id, files.names_there(session, folder_id))
    files.settle_assets(session, now, assets.assets_of(session, ids))
    assets.refresh_names(session, ids)
    # A name may tell when a picture was taken.
    read_again(session, [move.file_id for move in moves if move.is_renamed])
    moved.retry_reading(session, ids, READING)


def _names_in(folder: Path) -> set[str] | None:
    """Return what is in a folder, None if nobody knows."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208 - names are all that is asked
    except OSError:
        return None


def _is_back(root: Path, rules: Rules, spot: Spot, names: set[str] | None) -> bool:
    if names is None:
        return True
    # Listed, not asked for: some file systems find "A.jpg" where "a.jpg" is.
    path = Path(spot.folder, spot.name)
    is_passed_by = rules.marker in names or rules.excluded(path.as_posix(), spot.name)
    if is_passed_by or spot.name not in names:
        return False
    return may_be_there(root / path, follow_links=rules.follow_links)


def _matches(
    session: Session, library_id: int, gone: set[int], above_id: int, since: datetime
) -> dict[str, list[tuple[int, int]]]:
    """Return (file that is gone, file that appeared) by the folder of the first.

    Those of earlier sweeps too, so that it is the same whichever place is looked at first.
    """
    old = {spot.id: spot for spot in moved.spots(session, gone)}
    if moved.last_file(session) > above_id:
        old |= {spot.id: spot for spot in moved.gone_since(session, library_id, since)}
    looks = {(spot.size_bytes, spot.mtime_ns) for spot in old.values()}
    if not looks:
        return {}
    found = moved.found_since(session, library_id, since, None if gone else above_id)
    fresh = [
        spot for spot in found if (spot.size_bytes, spot.mtime_ns) in looks and spot.id not in gone
    ]
    folders: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for old_id, new_id in match(map(_trace, old.values()), map(_trace, fresh)).items():
        folders[old[old_id].folder].append((old_id, new_id))
    return folders


def _batches(folders: Mapping[str, list[tuple[int, int]]]) -> Iterator[list[tuple[int, int]]]:
    """Yield what is in the folders, a few hundred files or one folder at a time."""
    batch: list[tuple[int, int]] = []
    for pairs in folders.values():
        if batch and len(batch) + len(pairs) > FILES_A_COMMIT:
            yield batch
            batch = []
        batch = batch + pairs
    if batch:
        yield batch


def _trace(spot: Spot) -> Trace:
    return Trace(spot.id, spot.folder, spot.name, spot.size_bytes, spot.mtime_ns)
