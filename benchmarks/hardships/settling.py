"""When is a daemon done, and is what it then knows what a clean run would?"""

import json
import sqlite3
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil

from mediaindex.config import SweepSettings
from mediaindex.sources.folder import Rules, walk
from tests.acceptance.program import Program
from tests.acceptance.serving import Daemon, NeverCame

State = dict[str, list[tuple[object, ...]]]
Known = set[tuple[str, str, int, int]]
"""Folder, name, bytes, mtime in ns."""

KEYED_BY_CONTENT = (
    "words", "moments", "vectors", "documents", "captions", "results"
)  # fmt: skip


def on_disk(root: Path) -> Known:
    """Return the files that a sweep would find."""
    sweep = SweepSettings()
    return {
        (folder.path, file.name, file.size_bytes, file.mtime_ns)
        for folder in walk(root, Rules(sweep.exclude, sweep.exclude_marker))
        for file in folder.files
    }


def rows(program: Program, query: str) -> list[tuple[Any, ...]]:
    """Return what a query gives, of the file as it is now; waits for whoever has it locked."""
    path = program.home / "state" / "mediaindex.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=120)) as connection:
        return connection.execute(query).fetchall()


def known(program: Program) -> Known:
    """Return the files that the daemon believes to be there."""
    query = """SELECT folder.path, name, size_bytes, mtime_ns FROM file
               JOIN folder ON folder.id = folder_id WHERE file.missing_since IS NULL"""
    with suppress(sqlite3.OperationalError):  # no database yet
        return set(rows(program, query))
    return set()


def is_done(daemon: Daemon, root: Path) -> bool:
    """Return True if all that is on the disk is known and nothing is left to do."""
    if known(daemon.program) != on_disk(root):
        return False
    # A stage that is blocked, or a job put off, leaves the rest idle; but it is not done.
    # One of what is gone is kept for the case that it comes back.
    left = """SELECT (SELECT count(*) FROM index_change) + (SELECT count(*) FROM asset_change)
        + (SELECT count(*) FROM blocked)
        + (SELECT count(*) FROM job LEFT JOIN file ON file.id = file_id
           LEFT JOIN asset ON asset.id = job.asset_id WHERE state <> 'failed'
           AND file.missing_since IS NULL AND asset.missing_since IS NULL)"""
    return rows(daemon.program, left) == [(0,)] and daemon.is_idle()


def settle(daemon: Daemon, root: Path, limit_s: float) -> float:
    """Wait until it is done, and still is a moment later; returns the seconds.

    Raises:
        NeverCame: It is not by then; the text tells the difference.
    """
    began = time.monotonic()
    while True:
        if is_done(daemon, root):
            time.sleep(1)
            if is_done(daemon, root):
                return time.monotonic() - began
        if time.monotonic() - began > limit_s:
            there, here = on_disk(root), known(daemon.program)
            told = json.dumps(daemon.status())[:2000]
            raise NeverCame(
                f"not settled after {limit_s:g} s\nunknown: {sorted(there - here)[:5]}\n"
                f"gone and not noticed: {sorted(here - there)[:5]}\n{told}\n{daemon.last_words()}"
            )
        time.sleep(0.25)


def present(state: State) -> State:
    """Return an end state without what is kept only for the case that it comes back."""
    kept: State = {name: list(values) for name, values in state.items()}
    kept["files"] = [row for row in state["files"] if row[-1]]
    # An asset may be kept for a file of it that came and went; such as have a file are compared.
    there = {row[5] for row in kept["files"] if row[5]}
    kept["assets"] = [row for row in state["assets"] if row[0] in there]
    for name in KEYED_BY_CONTENT:
        kept[name] = [row for row in state[name] if row[0] in there]
    # Names stand in the order in which the files came, which is the order of a person's deeds.
    kept["documents"] = sorted(
        (
            (*row[:3], "\n".join(sorted(str(row[3]).split("\n"))), *row[4:])
            for row in kept["documents"]
        ),
        key=repr,
    )
    kept["previews"] = [row for row in state["previews"] if _sha256(str(row[0])) in there]
    names = {row[1] for row in kept["files"]} | there
    kept["jobs"] = [row for row in state["jobs"] if row[3] in names]
    del kept["fulltext"]  # a count, and what is gone counts too
    return kept


def _sha256(preview: str) -> str:
    return Path(preview).name.partition("-")[0]


def differences(found: State, wanted: State) -> list[str]:
    """Return what is not the same, one line each."""
    lines = []
    for name, want in wanted.items():
        have = found[name]
        if have == want:
            continue
        more = [row for row in have if row not in want or have.count(row) > want.count(row)]
        less = [row for row in want if row not in have]
        lines.append(f"{name}: {len(more)} too many {more[:3]}; {len(less)} lacking {less[:3]}")
    return lines


def compare(daemon: Daemon, root: Path) -> list[str]:
    """Return how the daemon's end state differs from that of a clean run over the same files."""
    clean = Program(daemon.program.home.with_name(f"{daemon.program.home.name}-clean"))
    done = clean.run("index", str(root), limit_s=3600)
    if done.returncode != 0:
        return [f"the clean run ended with {done.returncode}: {done.stderr[-500:]}"]
    wrong = differences(present(daemon.program.end_state()), present(clean.end_state()))
    sound = rows(daemon.program, "PRAGMA integrity_check")
    return wrong if sound == [("ok",)] else [*wrong, f"integrity: {sound[:3]}"]


def survivors(home: Path) -> list[psutil.Process]:
    """Return every process whose home lies there: daemons, their children, and orphans."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if Path(process.environ().get("HOME", "/")).is_relative_to(home):
                found.append(process)
    return found


def end_survivors(home: Path) -> None:
    """Kill them all, and wait until none of them writes there any more."""
    while left := survivors(home):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=10)


def leftovers(daemon: Daemon) -> list[str]:
    """Return what a stopped daemon should have cleared away: processes and half-written files."""
    home = daemon.program.home
    left = [f"process {' '.join(process.cmdline())[:80]}" for process in survivors(home)]
    left += [str(path) for path in (home / "tmp").rglob("*")]
    for folder in ("state", "cache"):
        for pattern in (".part-*", "*.part", ".asked-*", "tmp*"):
            left += [str(path) for path in (home / folder).rglob(pattern)]
    return left
