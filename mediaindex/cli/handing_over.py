"""Have the daemon look at folders, and look on until nothing is left to do."""

import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from mediaindex.cli.libraries import libraries
from mediaindex.cli.progress import SLOW, Display
from mediaindex.clients.daemon import Daemon, quoted
from mediaindex.errors import ConfigError, MediaIndexError, RetryLater
from mediaindex.indexing import RunReport
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.sweep import SweepReport
from mediaindex.store.counts import WorkCounts

LOOK_S = 0.5
"""How often it is looked at least; not so often that it takes a tenth of the daemon's time."""

LISTENING_S = 5.0

CALM_LOOKS = 2
"""So many looks in a row that find nothing left: what a sweep found is not work at once."""

CHANGES = ("new", "changed", "back", "moved", "gone")

AT_WORK = ("starting", "working")

RESTING = "The daemon rests in its quiet hours; what waits goes on after them."


@dataclass
class Watched:
    """What was handed over, and what was seen since."""

    began: datetime = field(default_factory=lambda: datetime.now(UTC))
    #: Names of libraries.
    wanted: Sequence[str] = ()
    #: What sweeps that ended since told, by the library's name.
    swept: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def hand_over(
    daemon: Daemon,
    folders: Sequence[Path],
    display: Display,
    *,
    confirmed: bool = False,
    captions: bool = True,
) -> RunReport:
    """Have the daemon look at folders, or at every library, and return what it did until the end.

    Ctrl-C ends the looking on and nothing else; the report tells of it.

    Args:
        daemon: Who works.
        folders: They become libraries if they are in none.
        display: Shows how it goes.
        confirmed: Files that seem to be gone really are.
        captions: Wait for what takes hours or weeks after everything can be found.

    Raises:
        ConfigError: A folder is not there, or there is no library at all.
        RetryLater: The daemon went away, or can do nothing at all now.
    """
    now = before = _status(daemon)
    watched = Watched()
    interrupted = False
    try:
        _listen(daemon, watched.swept)
        watched.wanted = _ask(daemon, folders, confirmed=confirmed)
        calm = 0
        while calm < CALM_LOOKS:
            looked_s = time.monotonic()
            now = _status(daemon)
            _check_able(now)
            _show(display, now)
            calm = calm + 1 if is_over(now, watched, captions=captions) else 0
            time.sleep(max(LOOK_S, 10 * (time.monotonic() - looked_s)))
        if now["daemon"]["phase"] == "resting":
            display.say(RESTING)
    except KeyboardInterrupt:
        interrupted = True
    report = report_of(before, now, watched)
    report.interrupted = interrupted
    return report


def is_over(status: Mapping[str, Any], watched: Watched, *, captions: bool) -> bool:
    """Return whether the daemon has done what was wanted, as far as it can now.

    Args:
        status: As `/api/v1/status` tells it.
        watched: What was handed over.
        captions: Whether what takes hours or weeks counts too.
    """
    daemon = status["daemon"]
    if any(library["is_sweeping"] for library in daemon["libraries"]):
        return False
    if daemon["phase"] == "resting":  # it may be hours before it looks
        return True
    if set(watched.wanted) - _looked_at(status, watched):
        return False
    if daemon["phase"] not in AT_WORK:
        return True
    return not captions and not any(
        work["waiting"] and not work.get("blocked") and name not in status["paused"]
        for name, work in status["stages"].items()
        if name not in SLOW
    )


def _check_able(status: Mapping[str, Any]) -> None:
    daemon = status["daemon"]
    if daemon["phase"] == "stuck":
        raise RetryLater(f"the daemon can do nothing now: {daemon['trouble']}")
    if daemon["phase"] == "stopping":
        raise RetryLater("the daemon is stopping")


def _looked_at(status: Mapping[str, Any], watched: Watched) -> set[str]:
    """Return the libraries that were swept since, or cannot be."""
    offline = {one["name"] for one in status["daemon"]["libraries"] if one["offline_reason"]}
    since = {
        one["name"]
        for one in status["libraries"]
        if one["swept_at"] and datetime.fromisoformat(one["swept_at"]) >= watched.began
    }
    return offline | since | set(watched.swept)


def added(before: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """Return what two sweeps of a library told, as one: the second finds nothing new any more."""
    sums = {name: told[name] + before.get(name, 0) for name in CHANGES if name in told}
    return {**told, **sums}


def report_of(before: Mapping[str, Any], now: Mapping[str, Any], watched: Watched) -> RunReport:
    """Return what was done between two looks, as a run of our own would tell it."""
    state = now["daemon"]
    known = {library["name"]: library for library in state["libraries"]}
    files, files_before = _files(now), _files(before)
    failures = sum(work["failed"] for work in now["stages"].values())
    return RunReport(
        began=watched.began,
        sweeps={
            name: _sweep_report(
                watched.swept.get(name, {}),
                known.get(name, {}),
                files.get(name, 0),
                files_before.get(name, 0),
            )
            for name in watched.wanted
        },
        stages=_since(_stages(before), _stages(now)),
        failures=failures,
        waiting=max(0, now["trouble_count"] - failures),
        index_trouble=state["index_trouble"],
    )


def _sweep_report(
    told: Mapping[str, Any], library: Mapping[str, Any], files: int, files_before: int
) -> SweepReport:
    """Return what sweeps told; where none did, what stands of their library.

    Looks at single folders tell nothing, and take in what was being written while it was swept.
    """
    names = {one.name for one in fields(SweepReport)}
    standing = {name: library[name] for name in ("held_back", "offline_reason") if name in library}
    report = SweepReport(**{**standing, **{key: told[key] for key in names & told.keys()}})
    report.new = max(report.new, files - files_before - report.back)
    report.seen = max(report.seen, files)
    return report


def _files(status: Mapping[str, Any]) -> dict[str, int]:
    return {library["name"]: library["files"] for library in status["libraries"]}


def _stages(status: Mapping[str, Any]) -> list[Progress]:
    return msgspec.convert(status["daemon"]["stages"], list[Progress])


def _since(before: Sequence[Progress], now: Sequence[Progress]) -> list[Progress]:
    earlier = {stage.stage: stage for stage in before}
    for stage in now:
        then = earlier.get(stage.stage)
        # It counts from nothing again where the settings were read anew.
        if then is not None and then.done <= stage.done and then.failed <= stage.failed:
            stage.done -= then.done
            stage.failed -= then.failed
            stage.postponed = max(0, stage.postponed - then.postponed)
    return list(now)


def _ask(daemon: Daemon, folders: Sequence[Path], *, confirmed: bool) -> list[str]:
    """Tell the daemon what to do, and return the names of the libraries that it is about."""
    if folders:
        # From / on: the daemon stands elsewhere.
        bodies = [{"path": str(folder.expanduser().resolve())} for folder in folders]
        names = [daemon.post("/api/v1/libraries", body)["name"] for body in bodies]
        wanted = list(dict.fromkeys(names))
    else:
        wanted = [library["name"] for library in libraries(daemon)]
        if not wanted:
            raise ConfigError(
                "there is no library yet: name a folder (mediaindex index ~/Pictures) "
                "or set libraries: in the daemon's config.yaml"
            )
        if not confirmed:
            daemon.post("/api/v1/sweep")
    if confirmed:
        for name in wanted:
            confirm(daemon, name)
    return wanted


def confirm(daemon: Daemon, name: str) -> None:
    """Say that the files which are gone from a library are gone for good."""
    daemon.post(f"/api/v1/libraries/{quoted(name)}/confirm-removal")


def _listen(daemon: Daemon, swept: dict[str, Mapping[str, Any]]) -> None:
    """Keep what sweeps that end from now on tell; without it their counts are not known."""
    ready = threading.Event()

    def listen() -> None:
        with suppress(MediaIndexError), daemon.events() as told:
            ready.set()
            for kind, data in told:
                if kind == "sweep":
                    name = str(data.get("library") or data.get("name"))
                    swept[name] = added(swept.get(name, {}), data)

    threading.Thread(target=listen, daemon=True).start()
    ready.wait(LISTENING_S)


def _status(daemon: Daemon) -> dict[str, Any]:
    found: dict[str, Any] = daemon.get("/api/v1/status", failures=0)
    return found


def _show(display: Display, status: Mapping[str, Any]) -> None:
    sweeping = [one["name"] for one in status["daemon"]["libraries"] if one["is_sweeping"]]
    if sweeping:
        display.events.on_note(f"looking at {', '.join(sweeping)}")
    work = {
        name: WorkCounts(*(counts[one.name] for one in fields(WorkCounts)))
        for name, counts in status["stages"].items()
    }
    stages = [stage for stage in _stages(status) if stage.stage in work]
    if not sweeping or any(counts.waiting for counts in work.values()):
        display.events.on_progress(stages, work)
    display.show_videos({Path(path): share for path, share in status["daemon"]["videos"].items()})
