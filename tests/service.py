"""A daemon that does no work of its own: it answers from a real store, and notes what is asked."""

import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx

from mediaindex import asking, parts
from mediaindex.api.server import Doors, serve
from mediaindex.config import Config, load_config
from mediaindex.daemon.events import Events
from mediaindex.daemon.service import LibraryState, Phase, State
from mediaindex.errors import ConfigError
from mediaindex.listening import hook_secret
from mediaindex.media.previews import PreviewStore
from mediaindex.pipeline.lane import Progress
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.store import files
from mediaindex.store.database import Database
from mediaindex.store.forget import forget_library
from mediaindex.store.libraries import add_library

BEGAN = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class StandingService:
    """A `Service` whose worker never moves."""

    config: Config
    database: Database
    phase: Phase = "idle"
    events: Events = field(default_factory=Events)
    #: (ids, confirmed) of every sweep that was wanted.
    sweeps: list[tuple[tuple[int, ...] | None, bool]] = field(default_factory=list)
    wakes: int = 0
    reloads: int = 0
    #: Of every reading of Immich that was wanted: whether all of it.
    readings: list[bool] = field(default_factory=list)
    #: How often Immich woke us.
    heard: int = 0

    @property
    def hook_secret(self) -> str | None:
        return hook_secret(self.config)

    def read_immich(self, *, full: bool = False) -> int:
        self.readings.append(full)
        return len(self.readings)

    def hear_of_immich(self) -> None:
        self.heard += 1

    @property
    def previews(self) -> PreviewStore:
        return parts.previews(self.config)

    def state(self) -> State:
        with self.database.read() as session:
            libraries = tuple(
                LibraryState(
                    id=row.id,
                    name=row.name,
                    root=row.root,
                    watching="inotify",
                    watch_trouble=None,
                    offline_reason=row.offline_reason,
                    is_sweeping=False,
                    sweep_trouble=None,
                    held_back=row.held_back,
                )
                for row in files.libraries(session)
            )
        return State(
            started_at=BEGAN,
            phase=self.phase,
            trouble=None,
            config_trouble=None,
            libraries=libraries,
            stages=(Progress("decode", done=3),),
            videos={os.fsdecode(b"/films/\xff.mp4"): 0.5},
            index_trouble=None,
        )

    def ask(self, asked: Asked, today: date) -> Answer:
        return asking.ask(self.config, asked, today)

    def wake(self) -> None:
        self.wakes += 1

    def sweep_soon(
        self, library_ids: Collection[int] | None = None, *, confirmed: bool = False
    ) -> None:
        self.sweeps.append((None if library_ids is None else tuple(library_ids), confirmed))

    def add_library(self, folder: Path) -> str:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is not a folder that is there")
        with self.database.write() as session:
            return add_library(session, folder.name, folder, BEGAN).name

    def forget_library(self, library_id: int) -> int:
        with self.database.write() as session:
            return len(forget_library(session, library_id, BEGAN))

    def reload(self) -> None:
        self.reloads += 1


def environment(home: Path, **more: str) -> dict[str, str]:
    """Return what a program sees; `serve__listen="..."` sets `serve.listen`."""
    return {
        "HOME": str(home),
        "MEDIAINDEX_STATE_DIR": str(home / "state"),
        "MEDIAINDEX_CACHE_DIR": str(home / "cache"),
        "MEDIAINDEX__EMBEDDER__USE": "colour",
        "MEDIAINDEX__CAPTION__USE": "off",
        **{f"MEDIAINDEX__{key.upper()}": value for key, value in more.items()},
    }


def settings(home: Path, **more: str) -> Config:
    """Return the settings of a home of its own; `more` is as for `environment`."""
    return load_config(environ=environment(home, **more))


@contextmanager
def standing(config: Config) -> Iterator[StandingService]:
    """Give a service over the store of these settings."""
    service = StandingService(config, parts.store(config))
    try:
        yield service
    finally:
        service.database.close()


@contextmanager
def client(doors: Doors) -> Iterator[httpx.Client]:
    """Give a client of the Unix socket."""
    transport = httpx.HTTPTransport(uds=str(doors.socket))
    with httpx.Client(transport=transport, base_url="http://mediaindex", timeout=30) as opened:
        yield opened


@contextmanager
def tcp_client(doors: Doors, **headers: str) -> Iterator[httpx.Client]:
    """Give a client of the TCP port."""
    assert doors.listen is not None
    host, port = doors.listen
    url = f"http://{host}:{port}"
    with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as opened:
        yield opened


@contextmanager
def served(config: Config) -> Iterator[tuple[StandingService, httpx.Client]]:
    """Give a service that is served, and a client of its Unix socket."""
    with standing(config) as service, serve(service) as doors, client(doors) as opened:
        yield service, opened


def problem(answer: httpx.Response) -> tuple[int, str]:
    """Return an error's status and kind; its shape is checked on the way."""
    assert answer.headers["content-type"] == "application/json"
    error: Mapping[str, Any] = json.loads(answer.content)["error"]
    assert set(error) == {"kind", "message"}
    assert error["message"]
    return answer.status_code, str(error["kind"])
