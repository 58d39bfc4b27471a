"""A full look at a library: what is new, changed, moved and gone.

The sweep is the truth about which files there are. It never believes that much is gone at once, and
it never takes a root that is not there, is empty or cannot be read for a library without files.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex.sources.folder import FoundFile, FoundFolder, Rules, walk, why_offline
from mediaindex.sources.pairs import Pairs, pair_names
from mediaindex.store import assets, files
from mediaindex.store.database import Database
from mediaindex.store.files import KnownFile, Role

FEW = 20
"""So many files may vanish from any library unasked; people delete a folder now and then."""

FOLDERS_A_COMMIT = 200


@dataclass(frozen=True)
class Library:
    """What a sweep has to know of a library."""

    id: int
    name: str
    root: Path
    rules: Rules


@dataclass
class SweepReport:
    """What a sweep found. Counts of files."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    back: int = 0
    gone: int = 0
    #: Files that seem to be gone and are not believed to be; a person has to confirm.
    held_back: int = 0
    #: Folders that could not be looked into, with the reason.
    unreadable: dict[str, str] = field(default_factory=dict)
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


def believable(gone: int, present: int, max_fraction: float) -> bool:
    """Return True if `gone` of `present` files may have been deleted rather than unmounted."""
    return gone <= FEW or gone <= present * max_fraction


def sweep(
    database: Database,
    library: Library,
    now: datetime,
    *,
    max_vanish_fraction: float,
    confirmed: bool = False,
    below: str = "",
    on_folder: Callable[[SweepReport], None] = lambda _: None,
) -> SweepReport:
    """Bring what is known of a library's files in line with its folders; commits as it goes.

    Args:
        database: Where the files are kept.
        library: The library.
        now: When this is.
        max_vanish_fraction: If more than this share of the files is gone, none is marked missing.
        confirmed: A person said that what is gone is gone.
        below: Look only here, relative to the root.
        on_folder: Told the counts so far after every batch of folders.
    """
    report = SweepReport()
    with database.write() as session:
        present = files.count_present(session, library.id)
        report.offline_reason = why_offline(library.root, expects_files=present > 0)
        files.set_offline(session, library.id, report.offline_reason)
        if report.offline_reason is not None:
            return report
        sweep_no = files.begin_sweep(session, library.id)
    gone: list[int] = []
    found = walk(library.root, library.rules, below)
    while batch := list(islice(found, FOLDERS_A_COMMIT)):
        with database.write() as session:
            _take_in(session, library.id, batch, sweep_no, now, report, gone)
        on_folder(report)
    with database.write() as session:
        gone += files.files_of_unseen_folders(session, library.id, sweep_no, below)
        if confirmed or believable(len(gone), present, max_vanish_fraction):
            _believe(session, gone, now)
            report.gone = len(gone)
        else:
            report.held_back = len(gone)
        if report.gone or report.new or report.changed or report.back:
            files.settle_assets(session, now)
        if not below:
            files.end_sweep(session, library.id, now)
    return report


def _take_in(
    session: Session,
    library_id: int,
    folders: Collection[FoundFolder],
    sweep_no: int,
    now: datetime,
    report: SweepReport,
    gone: list[int],
) -> None:
    seen = []
    for folder in folders:
        if folder.unreadable is not None:
            report.unreadable[folder.path] = folder.unreadable
            files.see_below(session, library_id, folder.path, sweep_no)
            continue
        folder_id, known = files.known_folder(session, library_id, folder.path)
        seen.append(folder_id)
        changes = compare(folder.files, known)
        report.seen += len(folder.files)
        if changes:
            _store(session, folder_id, folder, known, changes, now)
            gone += changes.gone
            report.new += len(changes.new)
            report.changed += len(changes.changed)
            report.back += len(changes.back)
    files.see_folders(session, seen, sweep_no)


def _store(
    session: Session,
    folder_id: int,
    folder: FoundFolder,
    known: Mapping[str, KnownFile],
    changes: Changes,
    now: datetime,
) -> None:
    pairs = pair_names([file.name for file in folder.files])
    roles = _roles(pairs)
    rows = [
        {
            "folder_id": folder_id,
            "name": file.name,
            "size_bytes": file.size_bytes,
            "mtime_ns": file.mtime_ns,
            "role": roles.get(file.name, "media"),
            "found_at": now,
        }
        for file in changes.new
    ]
    files.add_files(session, rows)
    for before, file in changes.changed:
        role = roles.get(file.name, "media")
        files.change_file(session, before.id, file.size_bytes, file.mtime_ns, role)
    files.find_again(session, changes.back)
    files.set_pairs(session, folder_id, dict(_pairs(pairs)))
    touched = [before.id for before, _ in changes.changed]
    files.read_again(session, files.owners_of(session, [*touched, *changes.back]))
    assets.refresh_names(session, changes.back)


def _believe(session: Session, gone: Collection[int], now: datetime) -> None:
    files.read_again(session, files.owners_of(session, gone))
    files.miss_files(session, gone, now)
    assets.refresh_names(session, gone)


def _roles(pairs: Pairs) -> dict[str, Role]:
    return dict.fromkeys(pairs.sidecars, "sidecar")


def _pairs(pairs: Pairs) -> Iterator[tuple[tuple[str, str], str]]:
    for name, owners in pairs.sidecars.items():
        for owner in owners:
            yield (name, owner), "sidecar"
    for name, owner in pairs.companions.items():
        yield (name, owner), "companion"
