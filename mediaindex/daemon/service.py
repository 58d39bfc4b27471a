"""What the doors may ask of a running daemon."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Literal, Protocol

from mediaindex.config import Config
from mediaindex.daemon.events import Events
from mediaindex.immich.reading import Read
from mediaindex.media.previews import PreviewStore
from mediaindex.pipeline.lane import Progress
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer
from mediaindex.store.database import Database

Phase = Literal["starting", "working", "idle", "resting", "stuck", "stopping"]
"""`resting`: in the quiet hours. `stuck`: nothing can be done at all, and `State.trouble` says why.

In every phase but `starting` and `stopping` questions are answered.
"""

Watching = Literal["inotify", "poll", "off"]


@dataclass(frozen=True)
class LibraryState:
    """What the daemon does about one library now."""

    id: int
    name: str
    root: str
    #: How changes are noticed.
    watching: Watching
    #: Why it is not watched as it might be, with the remedy; None where it is.
    watch_trouble: str | None
    #: Why its root cannot be trusted now; None while it can.
    offline_reason: str | None
    is_sweeping: bool
    #: Why it could not be looked at when that was last tried; None where it could.
    sweep_trouble: str | None
    #: So many files seem to be gone; a person has to confirm it.
    held_back: int


@dataclass(frozen=True)
class ImmichState:
    """What the daemon does beside Immich now."""

    is_reading: bool = False
    #: How far it is with that, for people; None: it says nothing of it.
    doing: str | None = None
    #: Number of the last reading that began, and of the last that ended, since the start.
    begun: int = 0
    ended: int = 0
    #: Why it could not be read last, for people; None: it could.
    trouble: str | None = None
    #: What the last reading did, an account each.
    reads: tuple[Read, ...] = ()
    #: Why captions do not wait for Immich though they shall; None: they do, or need not.
    yield_trouble: str | None = None
    #: What the settings in force have written there; empty: nothing.
    writes: tuple[str, ...] = ()


@dataclass(frozen=True)
class State:
    """What the daemon does now."""

    started_at: datetime
    phase: Phase
    #: Why nothing can be done at all (the disk is full, the database is locked); None: it can.
    trouble: str | None
    #: Why the settings that were read last are not in force; None: they are.
    config_trouble: str | None
    libraries: tuple[LibraryState, ...]
    #: What each stage did since the settings in force were read.
    stages: Sequence[Progress]
    #: Videos that are looked through, and how much of each is done, 0 to 1.
    videos: Mapping[str, float]
    index_trouble: str | None
    #: What went wrong with a backup, or with other upkeep; for people.
    chore_troubles: tuple[str, ...] = ()
    immich: ImmichState = ImmichState()


class Service(Protocol):
    """A running daemon. Safe from any thread."""

    events: Events

    @property
    def config(self) -> Config:
        """The settings in force."""

    @property
    def database(self) -> Database:
        """The store; the same one as long as the daemon runs."""

    @property
    def hook_secret(self) -> str | None:
        """What Immich has to show to wake us; None: nobody may."""

    @property
    def previews(self) -> PreviewStore:
        """The previews."""

    def state(self) -> State:
        """Return what it does now."""

    def ask(self, asked: Asked, today: date) -> Answer:
        """Answer one question from the warm model; raises as `asking.ask`."""

    def wake(self) -> None:
        """Have the stages look for work at once: a person resumed or retried something."""

    def read_immich(self, *, full: bool = False) -> int:
        """Read what changed in Immich, or all of it, as soon as possible; returns at once.

        Returns:
            The number of the reading that will have all that there is now; see `ImmichState`.
        """

    def hear_of_immich(self) -> None:
        """Immich says that something changed: read it soon, many such words together."""

    def sweep_soon(
        self, library_ids: Collection[int] | None = None, *, confirmed: bool = False
    ) -> None:
        """Look at libraries, or at all, as soon as possible; returns at once.

        Args:
            library_ids: Which; None: all.
            confirmed: A person said that what is gone is gone.
        """

    def add_library(self, folder: Path) -> str:
        """Take a folder in, watch it, and sweep it soon; returns its library's name.

        Raises:
            ConfigError: The folder is not there.
        """

    def forget_library(self, library_id: int) -> int:
        """Take a library out of the index; returns how many assets went with it.

        Raises:
            ConfigError: The settings list it, so that it would come back.
        """

    def reload(self) -> None:
        """Read the settings again and let them take effect; returns at once.

        What is wrong with them is shown as `State.config_trouble`, and the old ones stay in force.
        """
