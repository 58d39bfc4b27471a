"""A look at a library, or at a part of it: what is new, changed, moved and gone.

The sweep is the truth about which files there are. It never believes that much is gone at once, and
it never takes a root that is not there, is empty, is another one or cannot be read for a library
without files.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex.pipeline import vanished
from mediaindex.pipeline.vanished import pair_up
from mediaindex.sources import presence
from mediaindex.sources.folder import FoundFile, FoundFolder, Rules, walk
from mediaindex.sources.pairs import pair_names
from mediaindex.sources.presence import Expected, Presence
from mediaindex.sources.settle import Settling
from mediaindex.store import assets, files, moved, postponed
from mediaindex.store.changed import change_file
from mediaindex.store.database import Database
from mediaindex.store.files import KnownFile, Role
from mediaindex.store.pairs import owners_of, read_again
from mediaindex.store.tables import LibraryRow

FOLDERS_A_COMMIT = 200

CHANGED_MEANWHILE = "something was mounted or unmounted here during the look; the next one tells"


@dataclass(frozen=True)
class Library:
    """What a sweep has to know of a library."""

    id: int
    name: str
    root: Path
    rules: Rules
    #: A file by which the right root is known, relative to it; None: none is asked for.
    sentinel: str | None = None


@dataclass
class SweepReport:
    """What a sweep found. Counts of files."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    back: int = 0
    #: Files that lie elsewhere than they did, or are named otherwise.
    moved: int = 0
    gone: int = 0
    #: Files that seem to be gone and are not believed to be; a person has to confirm.
    held_back: int = 0
    #: Folders that could not be looked into, with the reason.
    unreadable: dict[str, str] = field(default_factory=dict)
    #: Folders with files that may still be being written, and the earliest time to look again.
    unsettled: dict[str, datetime] = field(default_factory=dict)
    #: Why the whole library was left as it is; None if it was looked at.
    offline_reason: str | None = None


@dataclass(frozen=True)
class Changes:
    """What became of the files of one folder."""

    new: tuple[FoundFile, ...] = ()
    changed: tuple[tuple[KnownFile, FoundFile], ...] = ()
    back: tuple[int, ...] = ()
    gone: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.new or self.changed or self.back or self.gone)


def compare(found: Collection[FoundFile], known: Mapping[str, KnownFile]) -> Changes:
    """Return what changed in a folder since it was known. Decides only; touches nothing."""
    new, changed, back = [], [], []
    for file in found:
        before = known.get(file.name)
        if before is None:
            new.append(file)
        elif (before.size_bytes, before.mtime_ns) != (file.size_bytes, file.mtime_ns):
            changed.append((before, file))
        elif before.missing:
            back.append(before.id)
    names = {file.name for file in found}
    gone = [file.id for name, file in known.items() if name not in names and not file.missing]
    return Changes(tuple(new), tuple(changed), tuple(back), tuple(gone))


def sweep(
    database: Database,
    library: Library,
    now: datetime,
    *,
    max_vanish_fraction: float,
    confirmed: bool = False,
    below: str = "",
    shallow: bool = False,
    settle: Settling | None = None,
    on_folder: Callable[[SweepReport], None] = lambda _: None,
) -> SweepReport:
    """Bring what is known of a library's files in line with its folders; commits as it goes.

    One at a time of each library; only `on_folder` may sweep a part of it in between.

    Args:
        database: Where the files are kept.
        library: The library.
        now: When this is.
        max_vanish_fraction: If more than this share of the files is gone, none is marked missing.
        confirmed: A person said that what is gone is gone, and that what is mounted is meant.
        below: Look only here, relative to the root. If it is not there any more, all that was in it
            is gone.
        shallow: Only at the files of that very folder.
        settle: Says which files may still be being written; they are left as they were. None: none.
        on_folder: Told the counts so far after every batch of folders.
    """
    report = SweepReport()
    seen = presence_of(database, library, confirmed=confirmed)
    look = _begin(database, library, now, seen, report, settle)
    if look is None:
        return report
    found = walk(library.root, library.rules, below, shallow=shallow)
    while batch := list(islice(found, FOLDERS_A_COMMIT)):
        with database.write() as session:
            look.take_in(session, batch)
        on_folder(report)
    gone = _missed(database, look, below, shallow=shallow)
    # Whatever came loose in the middle of the look is not to be taken for gone.
    is_doubtful = bool(gone or report.unreadable)
    is_whole = not is_doubtful or _is_as_before(database, look, seen)
    is_part = bool(below) or shallow
    if is_whole:
        max_gone = math.inf if confirmed else max_vanish_fraction
        _let_go(database, look, gone, max_gone, is_part=is_part)
    with database.write() as session:
        _end(session, look, is_part=is_part, is_whole=is_whole)
    return report


@dataclass
class _Look:
    """One sweep on its way."""

    library: Library
    sweep_no: int
    now: datetime
    report: SweepReport
    settle: Settling | None
    #: Folders on which nothing is mounted now; see `Presence`.
    away: tuple[str, ...]
    #: Files with higher ids are new since it began.
    above_id: int
    has_listed: bool = False
    #: Files that were not found in folders that were.
    gone: list[int] = field(default_factory=list)
    #: Assets that some file of changed or came back.
    assets: set[int] = field(default_factory=set)

    def take_in(self, session: Session, folders: Collection[FoundFolder]) -> None:
        """Note what was found in these folders."""
        seen = []
        for folder in folders:
            self.has_listed = True
            reason = folder.unreadable
            if any(_is_within(folder.path, path) for path in self.away):
                reason = presence.NOT_MOUNTED
            if reason is not None:
                self.report.unreadable[folder.path] = reason
                files.see_below(session, self.library.id, folder.path, self.sweep_no)
                continue
            folder_id, known = files.known_folder(session, self.library.id, folder.path)
            seen.append(folder_id)
            self.report.seen += len(folder.files)
            changes = self._settled(folder.path, compare(folder.files, known))
            if changes:
                self._store(session, folder_id, folder, known, changes)
        files.see_folders(session, seen, self.sweep_no)

    def _settled(self, path: str, changes: Changes) -> Changes:
        """Return the changes less the files that may still be being written."""
        if self.settle is None:
            return changes
        waiting = {}
        for file in (*changes.new, *(file for _, file in changes.changed)):
            again_at = self.settle.look_again_at(self.library.id, path, file, self.now)
            if again_at is not None:
                waiting[file.name] = again_at
        if not waiting:
            return changes
        self.report.unsettled[path] = min(waiting.values())
        new = tuple(file for file in changes.new if file.name not in waiting)
        changed = tuple(pair for pair in changes.changed if pair[1].name not in waiting)
        return replace(changes, new=new, changed=changed)

    def _store(
        self,
        session: Session,
        folder_id: int,
        folder: FoundFolder,
        known: Mapping[str, KnownFile],
        changes: Changes,
    ) -> None:
        sidecars = pair_names([file.name for file in folder.files]).sidecars
        files.add_files(
            session,
            [
                {
                    "folder_id": folder_id,
                    "name": file.name,
                    "size_bytes": file.size_bytes,
                    "mtime_ns": file.mtime_ns,
                    "role": "sidecar" if file.name in sidecars else "media",
                    "found_at": self.now,
                }
                for file in changes.new
            ],
        )
        for before, file in changes.changed:
            role: Role = "sidecar" if file.name in sidecars else "media"
            change_file(session, before.id, file.size_bytes, file.mtime_ns, role)
        files.find_again(session, changes.back)
        # What seems to be gone counts until that is believed.
        there = {file.name for file in folder.files}
        names = {name for name, file in known.items() if name in there or not file.missing}
        pair_up(session, folder_id, names | {file.name for file in changes.new})
        read_again(session, owners_of(session, [before.id for before, _ in changes.changed]))
        read_again(session, owners_of(session, changes.back), present=True)
        assets.refresh_names(session, changes.back)
        self._count(session, changes)

    def _count(self, session: Session, changes: Changes) -> None:
        self.gone += changes.gone
        self.report.new += len(changes.new)
        self.report.changed += len(changes.changed)
        self.report.back += len(changes.back)
        self.assets |= {before.asset_id for before, _ in changes.changed if before.asset_id}
        self.assets |= assets.assets_of(session, changes.back)


def presence_of(database: Database, library: Library, *, confirmed: bool = False) -> Presence:
    """Return whether the library's root can be trusted; waits for it, and holds no lock."""
    with database.read() as session:
        expected = Expected(
            library.name,
            has_files=files.has_present(session, library.id),
            identity=session.get_one(LibraryRow, library.id).identity,
            sentinel=library.sentinel,
        )

    def sample() -> list[tuple[str, int]]:
        with database.read() as session:
            return files.sample(session, library.id, presence.SAMPLE)

    return presence.check(library.root, expected, sample, confirmed=confirmed)


def _begin(
    database: Database,
    library: Library,
    now: datetime,
    seen: Presence,
    report: SweepReport,
    settle: Settling | None,
) -> _Look | None:
    """Note whether the root can be trusted, and begin a sweep if it can."""
    report.offline_reason = seen.offline_reason
    with database.write() as session:
        if seen.offline_reason is not None:
            files.set_offline(session, library.id, seen.offline_reason)
            return None
        if files.trust(session, library.id, seen.identity):
            postponed.resume(session, library.id)
        sweep_no = files.begin_sweep(session, library.id)
        for path in seen.away:
            report.unreadable[path] = presence.NOT_MOUNTED
            files.see_below(session, library.id, path, sweep_no)
        above_id = moved.last_file(session)
    return _Look(library, sweep_no, now, report, settle, seen.away, above_id)


def _missed(database: Database, look: _Look, below: str, *, shallow: bool) -> list[int]:
    """Return the files that were not found, and are not there now either."""
    gone = vanished.still_gone(database, look.library.root, look.library.rules, look.gone)
    if not (shallow and look.has_listed):
        with database.read() as session:
            gone += files.files_of_unseen_folders(session, look.library.id, look.sweep_no, below)
    return gone


def _is_as_before(database: Database, look: _Look, before: Presence) -> bool:
    """Return True if the root can be trusted as it could when the sweep began."""
    now = presence_of(database, look.library)
    if now.offline_reason is not None:
        look.report.offline_reason = now.offline_reason
        with database.write() as session:
            files.set_offline(session, look.library.id, now.offline_reason)
        return False
    if now.identity == before.identity and now.away == before.away:
        return True
    look.report.unreadable[""] = CHANGED_MEANWHILE
    return False


def _let_go(
    database: Database, look: _Look, gone: Sequence[int], max_gone: float, *, is_part: bool
) -> None:
    """Follow the files that moved, and believe that the others are gone, if that may be."""
    library_id, report = look.library.id, look.report
    moves, replaced = vanished.follow(database, library_id, set(gone), look.above_id, look.now)
    report.moved, report.new = len(moves), report.new - replaced
    rest = [file_id for file_id in gone if file_id not in moves]
    if not rest:
        return
    with database.read() as session:
        since = look.now - vanished.AT_ONCE
        lately = files.count_missing_since(session, library_id, since) if is_part else 0
        present = files.count_present(session, library_id) - report.new
    if vanished.believable(len(rest) + lately, present + lately, max_gone):
        vanished.believe(database, rest, look.now)
        report.gone = len(rest)
    else:
        report.held_back = len(rest)


def _end(session: Session, look: _Look, *, is_part: bool, is_whole: bool) -> None:
    report, library_id = look.report, look.library.id
    if is_part:
        files.settle_assets(session, look.now, look.assets)
    elif report.gone or report.moved or report.new or report.changed or report.back:
        files.settle_assets(session, look.now)
    held_back = report.held_back
    if is_part:
        # A look at a part knows nothing of what the others hold back.
        held_back = max(held_back, session.get_one(LibraryRow, library_id).held_back)
    if is_whole:
        files.hold_back(session, library_id, held_back)
    if is_whole and not is_part:
        files.end_sweep(session, library_id, look.now)


def _is_within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")
