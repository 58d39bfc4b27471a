"""Numbers for Prometheus: what the door counts, and what the store says."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    Info,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mediaindex import __version__
from mediaindex.daemon.service import Service
from mediaindex.immich.standing import standing
from mediaindex.store import counts, pauses
from mediaindex.store.columns import shown

KEPT_S = 15.0
"""So long the store's numbers serve: they take a second of a large library."""

BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """All numbers of one daemon; nothing is shared with others in the process."""

    def __init__(self, service: Service) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        Info("mediaindex_build", "Which mediaindex this is.", registry=self._registry).info(
            {"version": __version__}
        )
        self.searches = Counter(
            "mediaindex_searches",
            "Questions asked, by what came of them: found, nothing, error.",
            ["result"],
            registry=self._registry,
        )
        self.seconds = Histogram(
            "mediaindex_search_seconds",
            "How long answers took, waiting for a turn aside.",
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self.errors = Counter(
            "mediaindex_request_errors",
            "Requests that were not served, by kind.",
            ["kind"],
            registry=self._registry,
        )
        ProcessCollector(registry=self._registry)
        self._registry.register(_Stored(service))
        self._registry.register(_Now(service))

    def text(self) -> bytes:
        """Return all numbers in Prometheus' text format."""
        return generate_latest(self._registry)


class _Stored(Collector):
    """What the store says, asked for at most every `KEPT_S`."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._lock = threading.Lock()
        self._found: list[Metric] = []
        self._good_until = 0.0

    def describe(self) -> list[Metric]:
        return []  # registering must not read the store

    def collect(self) -> list[Metric]:
        with self._lock:
            if time.monotonic() >= self._good_until:
                self._found = list(_stored(self._service))
                self._good_until = time.monotonic() + KEPT_S
            return self._found


class _Now(Collector):
    """What the daemon says of this moment."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        state = self._service.state()
        phase = GaugeMetricFamily(
            "mediaindex_phase", "What the daemon does as a whole: 1.", labels=["phase"]
        )
        phase.add_metric([state.phase], 1)
        yield phase
        offline = _family("mediaindex_library_offline", "1: it cannot be looked at.", "library")
        held = _family(
            "mediaindex_library_held_back_files", "Gone, to be confirmed by a person.", "library"
        )
        for library in state.libraries:
            offline.add_metric([shown(library.name)], library.offline_reason is not None)
            held.add_metric([shown(library.name)], library.held_back)
        yield offline
        yield held
        yield _one(
            "mediaindex_started_timestamp_seconds",
            "When the daemon started.",
            state.started_at.timestamp(),
        )
        listeners = self._service.events.listeners
        yield _one("mediaindex_event_listeners", "Programs that listen to events.", listeners)


def _stored(service: Service) -> Iterator[Metric]:
    with service.database.read() as session:
        assets, files = counts.count_assets(session), counts.count_files(session)
        work, blocked = counts.count_work(session), counts.count_stages(session)
        paused, libraries = pauses.paused(session), counts.count_libraries(session)
    yield _one("mediaindex_moments", "Photos, and frames of videos.", assets.pop("moments"))
    yield _by("mediaindex_assets", "Different photos and videos.", "kind", assets)
    yield _by("mediaindex_files", "Files that are there.", "kind", files)
    stages = _family("mediaindex_stage_items", "Work by stage and state.", "stage", "state")
    for name, one in work.items():
        for state in ("done", "waiting", "failed"):
            stages.add_metric([name, state], getattr(one, state))
    yield stages
    yield _one(
        "mediaindex_queue",
        "How much work of all stages waits.",
        sum(one.waiting for one in work.values()),
    )
    is_blocked = {one.stage for one in blocked if one.blocked_reason}
    yield _by(
        "mediaindex_stage_blocked",
        "1: it cannot work now.",
        "stage",
        {name: name in is_blocked for name in work},
    )
    yield _by(
        "mediaindex_stage_paused",
        "1: a person paused it.",
        "stage",
        {name: name in paused for name in work},
    )
    yield _by(
        "mediaindex_library_files",
        "Files that are there.",
        "library",
        {shown(one.name): one.files for one in libraries},
    )
    yield _by(
        "mediaindex_library_last_sweep_timestamp_seconds",
        "When the last full sweep ended.",
        "library",
        {shown(one.name): one.swept_at.timestamp() for one in libraries if one.swept_at},
    )
    yield from _immich(service)
    yield _one(
        "mediaindex_database_bytes",
        "The database, its journal included.",
        sum(map(_size, (service.database.path, Path(f"{service.database.path}-wal")))),
    )


def _immich(service: Service) -> Iterator[Metric]:
    """Yield the numbers of the accounts of Immich."""
    families = {
        "assets": "Photos and videos that Immich has.",
        "matched": "So many of them are ours.",
        "vanished": "Matched, and not to be read any more.",
        "held_back": "Vanished at once; a person has to say why.",
        "written": "So many have words of ours in Immich.",
        "wiped": "So many of these lost them there at some time.",
        "trouble": "1: it cannot be read or written now.",
        "last_read_timestamp_seconds": "When it was last read.",
    }
    made = {
        key: _family(f"mediaindex_immich_{key}", about, "account")
        for key, about in families.items()
    }
    accounts = standing(service.database)["accounts"]
    yield _one("mediaindex_immich_accounts", "Accounts of Immich connected.", len(accounts))
    for account in accounts:
        read_at = account["read_at"] or account["full_at"]
        numbers = {**account, "trouble": account["trouble"] is not None}
        numbers["last_read_timestamp_seconds"] = read_at.timestamp() if read_at else 0
        for key, family in made.items():
            family.add_metric([f"{shown(account['person'])} at {account['url']}"], numbers[key])
    yield from made.values()


def _family(name: str, about: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, labels=labels)


def _one(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(name, about, value=value)


def _by(name: str, about: str, label: str, values: Any) -> Metric:  # noqa: ANN401 - numbers by name
    family = _family(name, about, label)
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
