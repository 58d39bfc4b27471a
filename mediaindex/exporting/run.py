"""One export: what a filter leaves over, in one format, into one folder."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import islice
from pathlib import Path

from sqlalchemy.orm import Session

from mediaindex import exporting, parts
from mediaindex.apart import media_folders
from mediaindex.config import Config
from mediaindex.errors import ConfigError, StoreError, Unusable
from mediaindex.exporting import Mirror, OneFile
from mediaindex.exporting.folder import MARKER, ExportFolder, Taken, open_folder
from mediaindex.exporting.names import Names
from mediaindex.exporting.place import checked_place
from mediaindex.search.check import check
from mediaindex.search.parse import parse
from mediaindex.store import exports
from mediaindex.store.exports import Lying
from mediaindex.store.filters import Filter
from mediaindex.store.withheld import ARCHIVED

NAMED = 5
"""So many of the files that are in the way are named; the rest is counted."""

TELL_EVERY = 100

OnProgress = Callable[[str, int, int], None]
"""Told what is done (`checking`, `exporting`), with how many photos and videos, and of how many."""


@dataclass(frozen=True)
class Wish:
    """What is to be written, and where."""

    #: One of `exporting.format_names()`.
    format: str
    to: Path
    #: Names and values of the operators that searches know.
    operators: tuple[tuple[str, str], ...] = ()
    #: Files that are gone as well.
    missing: bool = False


@dataclass
class Report:
    """What an export did."""

    #: The folder, without links.
    to: Path
    #: Photos and videos that were asked for.
    assets: int = 0
    #: Files that are there now; and those of them that were there before, just the same.
    files: int = 0
    unchanged: int = 0
    #: Lines or rows, of a format that is one file.
    lines: int = 0
    #: Of these, so many are of moments; the rest is of videos as a whole.
    moments: int = 0
    #: The one file, of such a format.
    file: Path | None = None
    #: Media whose words lie under another name, for theirs was too long or taken.
    altered: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class Export:
    """One export over one state of the database."""

    def __init__(
        self, config: Config, wish: Wish, session: Session, today: date, on_progress: OnProgress
    ) -> None:
        """See `export`."""
        self._config, self._wish, self._session = config, wish, session
        self._on_progress = on_progress
        self._wanted, notes = _filter(config, wish, session, today)
        self._place, self._media = _place(config, wish, session)
        self._ids = exports.assets_to_export(session, self._wanted, missing=wish.missing)
        self.report = Report(self._place, len(self._ids), notes=notes + self._left_out())

    def run(self) -> Report:
        """Write all of it; see `export`."""
        made = exporting.load(self._wish.format)
        if isinstance(made, OneFile):
            if self._ids:
                with open_folder(self._place, self._media) as folder:
                    self._write_one(folder, made)
        # Nothing to say: no folder is made.
        elif any(True for _ in islice(self._pieces(made, "checking"), 1)):
            with open_folder(self._place, self._media) as folder:
                self._write_tree(folder, made)
        return self.report

    def _left_out(self) -> list[str]:
        """Return what is said of the archived ones, which are exported as they are found: asked."""
        if self._wanted.withheld:
            return []
        archived = replace(self._wanted, withheld=(ARCHIVED,))
        count = len(exports.assets_to_export(self._session, archived, missing=self._wish.missing))
        return [f"{count:,} archived left out; to export those: --is archived"] if count else []

    def _write_one(self, folder: ExportFolder, made: OneFile) -> None:
        try:
            folder.check((made.name,))
            with folder.written((made.name,)) as file:
                file.write(made.head)
                for asset in self._assets("exporting"):
                    for line in made.lines(asset):
                        file.write(line)
                        self.report.lines += 1
                    self.report.moments += len(asset.moments)
        except Taken as error:
            raise _in_the_way(folder, [str(error)], 1) from error
        self.report.files, self.report.file = 1, folder.path / made.name

    def _write_tree(self, folder: ExportFolder, made: Mirror) -> None:
        if not folder.is_new:
            self._check_tree(folder, made)
        names = self._names(folder)
        for lying, content in self._pieces(made, "exporting"):
            try:
                target, is_altered = names.target(lying, made.suffix)
                is_changed = folder.put(target, content)
            except (Taken, Unusable) as error:
                raise _in_the_way(folder, [str(error)], 1) from error
            self.report.files += 1
            self.report.unchanged += not is_changed
            if is_altered:
                self.report.altered.append(lying.path)

    def _check_tree(self, folder: ExportFolder, made: Mirror) -> None:
        """Check, before anything is written, that nothing is in the way."""
        names, reasons, count = self._names(folder), list[str](), 0
        for lying, content in self._pieces(made, "checking"):
            try:
                folder.check(names.target(lying, made.suffix)[0], content)
            except (Taken, Unusable) as error:
                count += 1
                reasons += [str(error)] if count <= NAMED else []
        if count:
            raise _in_the_way(folder, reasons, count)

    def _names(self, folder: ExportFolder) -> Names:
        names = exports.library_names(self._session)
        reserved = (MARKER, *(made.name for made in _one_files()))
        return Names(names, folder.manners, reserved)

    def _pieces(self, made: Mirror, doing: str) -> Iterator[tuple[Lying, bytes]]:
        for asset in self._assets(doing):
            content = made.content(asset)
            if content is not None:
                yield from ((lying, content) for lying in asset.files if lying.is_wanted)

    def _assets(self, doing: str) -> Iterator[exports.Exported]:
        found = exports.exports(self._session, self._ids, self._wanted, missing=self._wish.missing)
        for done, asset in enumerate(found, start=1):
            yield asset
            if done % TELL_EVERY == 0:
                self._on_progress(doing, done, len(self._ids))


def export(
    config: Config,
    wish: Wish,
    today: date,
    on_progress: OnProgress = lambda _doing, _done, _of: None,
) -> Report:
    """Write what is known of the photos and videos that pass a filter.

    May be interrupted at any moment, and run while another process is indexing: it sees the
    database as it was at its start.

    Raises:
        AlreadyRunning: Another export writes to the same folder.
        ConfigError: The folder is none to write to, or something is in the way; nothing was
            written.
        QueryError: An operator means nothing.
        StoreError: There is no database, or it cannot be used.
    """
    if not config.database_path.exists():
        raise StoreError("nothing is indexed yet; try: mediaindex index ~/Pictures")
    with closing(parts.store(config)) as database, database.read() as session:
        return Export(config, wish, session, today, on_progress).run()


def _filter(config: Config, wish: Wish, session: Session, today: date) -> tuple[Filter, list[str]]:
    query = parse(
        "",
        today,
        (),
        operators=wish.operators,
        find_place=lambda name: parts.find_place(config, name),
    )
    return query.filter, [note.text for note in query.notes] + check(session, query.filter)


def _place(config: Config, wish: Wish, session: Session) -> tuple[Path, frozenset[tuple[int, int]]]:
    roots, linked = media_folders(config, session)
    return checked_place(wish.to, roots, linked, (config.state_dir, config.cache_dir))


def _one_files() -> list[OneFile]:
    found = map(exporting.load, exporting.format_names())
    return [made for made in found if isinstance(made, OneFile)]


def _in_the_way(folder: ExportFolder, reasons: list[str], count: int) -> ConfigError:
    more = f", and {count - len(reasons):,} more" if count > len(reasons) else ""
    return ConfigError(
        f"in {folder.path}, {'; '.join(reasons)}{more}; move it away or name another folder"
    )
