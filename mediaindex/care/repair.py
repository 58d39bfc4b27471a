"""Look at everything that can be out of order, and put right what can be."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from mediaindex import parts
from mediaindex.care import OnNote, index, unheard
from mediaindex.care.alone import alone
from mediaindex.care.integrity import check_at_start, damage, note_sound, remedy
from mediaindex.care.leftovers import leftovers, remove
from mediaindex.care.upkeep import MOST_FREE_SHARE, vacuum
from mediaindex.config import Config
from mediaindex.errors import StoreError
from mediaindex.store import jobs, mending, settings
from mediaindex.store.database import SCHEMA, Database, schema_of
from mediaindex.store.needed import moments_of_all

BUT = " The daemon rebuilds its index by itself."

State = Literal["ok", "mended", "to mend", "left", "bad"]
"""`to mend`: with `is_dry`. `left`: nobody has to do anything. `bad`: a person has to."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, and what became of it."""

    what: str
    state: State
    said: str


@dataclass(frozen=True)
class Bench:
    """What a repair works with."""

    config: Config
    database: Database
    now: datetime
    is_dry: bool
    #: Whether what only a person can decide to remove goes too.
    is_thorough: bool
    on_note: OnNote

    @property
    def mended(self) -> State:
        """What is said of what can be put right."""
        return "to mend" if self.is_dry else "mended"


def repair(
    config: Config,
    now: datetime,
    *,
    is_dry: bool = False,
    is_thorough: bool = False,
    on_note: OnNote = unheard,
) -> Iterator[Finding]:
    """Yield what is found, each thing after it was put right.

    Args:
        config: The settings in force.
        now: The time.
        is_dry: Only look.
        is_thorough: Also remove indexes of other databases, and those set aside lately.
        on_note: Told what takes a while.

    Raises:
        AlreadyRunning: The daemon or a run is at work.
    """
    with alone(config, BUT):
        on_note("looking through the database")
        trouble = _trouble(config, now)
        if trouble is not None:
            yield trouble
            return
        database = parts.store(config)
        bench = Bench(config, database, now, is_dry, is_thorough, on_note)
        try:
            if not is_dry:
                note_sound(database, now)
            yield Finding("database", "ok", f"{config.database_path} is sound")
            for look in (_links, _fulltext, _leases, _previews, _index, _room, _leftovers):
                yield from look(bench)
        finally:
            database.close()


def _trouble(config: Config, now: datetime) -> Finding | None:
    """Return why nothing can be done: the database is missing, damaged, or to be migrated."""
    path = config.database_path
    if not path.exists():
        return Finding("database", "bad", f"there is no {path}; {remedy(config)}")
    try:
        check_at_start(config, now)
    except StoreError as error:
        return Finding("database", "bad", str(error))
    found = damage(path)
    if found is not None:
        return Finding("database", "bad", f"{path} is damaged ({found}); {remedy(config)}")
    if schema_of(path) != SCHEMA:
        return Finding(
            "database", "left", f"{path} is older; mediaindex status brings it up to date"
        )
    return None


def _links(bench: Bench) -> Iterator[Finding]:
    with bench.database.read() as session:
        broken = mending.broken_links(session)
    if not broken:
        yield Finding("links", "ok", "every row's owner is there")
        return
    if not bench.is_dry:
        with bench.database.write() as session:
            mending.mend_links(session)
    tables = ", ".join(sorted({table for table, _, _ in broken}))
    said = f"{len(broken):,} rows whose owners are gone ({tables}) are deleted"
    yield Finding("links", bench.mended, said)


def _fulltext(bench: Bench) -> Iterator[Finding]:
    bench.on_note("comparing the full text")
    if mending.is_fulltext_sound(bench.database):
        yield Finding("full text", "ok", "in line with what is known")
        return
    if not bench.is_dry:
        bench.on_note("making the full text anew")
        mending.rebuild_fulltext(bench.database)
    yield Finding("full text", bench.mended, "damaged or not in line; made anew")


def _leases(bench: Bench) -> Iterator[Finding]:
    if bench.is_dry:
        with bench.database.read() as session:
            freed = mending.count_leases(session)
    else:
        with bench.database.write() as session:
            freed = jobs.release_leases(session)
    if freed:
        yield Finding("jobs", bench.mended, f"{freed:,} that a killed run had begun are free again")
    else:
        yield Finding("jobs", "ok", "none is held by a run that is dead")


def _previews(bench: Bench) -> Iterator[Finding]:
    bench.on_note("looking at previews")
    kept = list(parts.previews(bench.config).kept())
    with bench.database.read() as session:
        wanted = moments_of_all(session)
    known = {sha256 for sha256, _ in wanted}
    orphans = [preview for preview in kept if preview.sha256 not in known]
    there = {preview.path.stem for preview in kept}
    missing = sum(f"{sha256}-{at_ms}" not in there for sha256, at_ms in wanted)
    if not bench.is_dry:
        for preview in orphans:
            preview.path.unlink(missing_ok=True)
    if orphans:
        mb = sum(preview.size_bytes for preview in orphans) / 1e6
        said = f"{len(orphans):,} of nothing that is known ({mb:,.0f} MB) are removed"
        yield Finding("previews", bench.mended, said)
    if missing:
        said = f"{missing:,} of {len(wanted):,} are not kept; made again when needed"
        yield Finding("previews", "left", said)
    if not orphans and not missing:
        yield Finding("previews", "ok", f"{len(wanted):,}, one for each moment")


def _index(bench: Bench) -> Iterator[Finding]:
    found = index.compare(bench.config, bench.database, bench.on_note)
    if found.told and bench.is_dry:
        yield Finding("index", "to mend", "; ".join(found.told))
        return
    trouble = None
    if not bench.is_dry:
        trouble = index.mend(bench.config, bench.database, found, bench.on_note)
    if trouble is not None:
        yield Finding("index", "bad", trouble)
    elif found.told:
        yield Finding("index", "mended", "; ".join(found.told) + "; built again from the database")
    else:
        yield Finding("index", "ok", "holds just what the database has")


def _room(bench: Bench) -> Iterator[Finding]:
    with bench.database.read() as session:
        room = mending.room(session)
    free = f"{room.free_bytes / 1e6:,.0f} MB of {room.size_bytes / 1e6:,.0f} MB hold nothing"
    if room.free_share <= MOST_FREE_SHARE:
        yield Finding("room", "ok", free)
    elif bench.is_dry:
        yield Finding("room", "to mend", free)
    elif vacuum(bench.database):
        yield Finding("room", "mended", f"{free}; given back")
    else:
        yield Finding("room", "bad", f"{free}; to give it back, more of the disk has to be free")


def _leftovers(bench: Bench) -> Iterator[Finding]:
    with bench.database.read() as session:
        known = settings.recall(session, settings.DATABASE_ID)
    found = leftovers(bench.config, known, bench.now)
    for left in found:
        said = f"{left.path}: {left.what}, {left.size_bytes / 1e6:,.1f} MB"
        goes = left.fate == "goes" or (left.fate == "asked" and bench.is_thorough)
        if goes and (bench.is_dry or remove(left)):
            yield Finding("left over", bench.mended, f"{said}; removed")
        elif left.fate == "asked":
            yield Finding("left over", "left", f"{said}; --leftovers removes it")
        else:
            yield Finding("left over", "left", said)
    if not found:
        yield Finding("left over", "ok", "nothing")
