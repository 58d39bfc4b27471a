"""All that is known of how indexing goes, as `status` shows it and as programs read it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import Any

from sqlalchemy.orm import Session

from mediaindex import describers
from mediaindex.captioners.speed import slowed
from mediaindex.config import Config
from mediaindex.pipeline.serving import serving
from mediaindex.store import counts, pauses
from mediaindex.store import describing as store
from mediaindex.store.database import Database
from mediaindex.store.describing import Timing
from mediaindex.store.withheld import count_withheld

RECENT, JUST_NOW = 50, 10
"""So many captions tell how long one takes, and how fast a server is now."""


def overview(
    config: Config, database: Database, failures: int, disk: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return what is indexed, what waits and why, and what failed; the README has its shape.

    Args:
        config: The settings in force.
        database: The store; it is only read.
        failures: How many failures, and moments without words, are named at most.
        disk: What `disk_bytes` said lately; None: it is asked.
    """
    with database.read() as session:
        model = serving(session)
        return {
            "version": 1,
            "libraries": [asdict(row) for row in counts.count_libraries(session)],
            "assets": counts.count_assets(session),
            "withheld": count_withheld(session),
            "files": counts.count_files(session),
            "stages": {
                name: asdict(work) | {"blocked": counts.blocked_reason(session, name)}
                for name, work in counts.count_work(session).items()
                if _is_wanted(config, name) or work.done
            },
            "blocked": [
                {"stage": row.stage, "reason": row.blocked_reason, "since": row.blocked_since}
                for row in counts.count_stages(session)
                if row.blocked_reason
            ],
            "paused": sorted(pauses.paused(session)),
            "captions": describing(config, session, failures),
            "troubles": [asdict(row) for row in counts.troubles(session, failures)],
            "trouble_count": counts.count_troubles(session),
            "model": None if model is None else model.model_id,
            "disk_bytes": disk_bytes(config) if disk is None else dict(disk),
        }


def _is_wanted(config: Config, stage: str) -> bool:
    """Return whether the settings have a stage work; most always do."""
    if stage == "publish":
        return bool(config.settings.immich.write)
    return stage != "caption" or config.settings.caption.use != "off"


def disk_bytes(config: Config) -> dict[str, int]:
    """Return how much of the disk is used for what; goes through all files that are ours."""
    return {
        "state": _disk(config.state_dir),
        "previews": _disk(config.cache_dir / "previews"),
        "index": _disk(config.cache_dir / "index"),
        "models": _disk(config.models_dir),
    }


def describing(config: Config, session: Session, most: int) -> dict[str, Any] | None:
    """Return how describing goes, None where nothing is to be described and nothing was.

    Args:
        config: The settings in force.
        session: An open session; it is only read.
        most: How many moments without words are named at most.
    """
    section = config.settings.caption
    is_off = section.use == "off"
    version = describers.version(config)
    standing = store.standing(session, version)
    if is_off and not (standing.described or standing.older):
        return None
    servers = describers.servers(config)
    timings = store.timings(session, {server.model or section.model for server in servers})
    each_s = fmean(one.duration_ms for one in timings[:RECENT]) / 1000 if timings else None
    at_once = sum(server.at_once for server in servers)
    slow = slow_servers(timings)
    return {
        "model": None if is_off else section.model,
        "total": standing.total,
        "described": standing.described,
        "older": standing.older,
        "rejected": standing.rejected,
        "reasons": dict(standing.reasons),
        "rejections": [asdict(one) for one in store.rejections(session, version, most)],
        "lacking": standing.lacking,
        "seconds_each": each_s,
        "eta_s": None if each_s is None or is_off else standing.lacking * each_s / at_once,
        "slowed": slow[0] if slow else None,
        "slowed_servers": slow,
    }


def slow_servers(timings: Sequence[Timing]) -> list[dict[str, Any]]:
    """Return which servers have become much slower than they were, the slowest first."""
    speeds: dict[str, list[float]] = {}
    for one in timings:
        if one.tokens_per_s is not None:
            speeds.setdefault(one.server, []).append(one.tokens_per_s)
    found = {
        server: slowed(latest[:JUST_NOW], latest[JUST_NOW:]) for server, latest in speeds.items()
    }
    slow = [
        {"server": server, **asdict(slowdown)}
        for server, slowdown in found.items()
        if slowdown is not None
    ]
    return sorted(slow, key=lambda one: float(one["now"]))


def _disk(folder: Path) -> int:
    total_bytes = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # a run that is at work makes and moves files
                total_bytes += Path(parent, name).lstat().st_size
    return total_bytes
