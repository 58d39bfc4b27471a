"""What the daemon does for its own health, by the clock: backups, upkeep, a cache of its size."""

import errno
import logging
import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from mediaindex.care import backup, cache, integrity, upkeep
from mediaindex.errors import MediaIndexError

if TYPE_CHECKING:
    from mediaindex.daemon.daemon import Daemon

log = logging.getLogger(__name__)


class Chores:
    """The daemon's chores, and what went wrong with each."""

    def __init__(self, daemon: "Daemon") -> None:
        self._daemon = daemon
        #: By name; for people.
        self.troubles: dict[str, str] = {}

    def by_name(self) -> dict[str, Callable[[], None]]:
        """Return what there is to do, as `Timetable` takes it; none of it ever raises."""
        chores = {"backup": self._back_up, "upkeep": self._keep_up, "trim": self._trim}
        return {name: partial(self._do, name, chore) for name, chore in chores.items()}

    def _do(self, name: str, chore: Callable[[], str | None]) -> None:
        try:
            trouble = chore()
        except (MediaIndexError, OSError) as error:
            trouble = _with_remedy(str(error))
            log.warning("%s: %s", name, trouble)
        except Exception as error:  # the thread's main: tomorrow it is tried again
            trouble = str(error)
            log.exception("%s failed", name)
        if trouble is None:
            self.troubles.pop(name, None)
        else:
            self.troubles[name] = f"{name}: {trouble}"

    def _back_up(self) -> None:
        daemon = self._daemon
        done = backup.back_up(daemon.config, datetime.now(UTC), log.debug)
        log.info("backed up: %s", done.made.path)

    def _keep_up(self) -> str | None:
        daemon, now = self._daemon, datetime.now(UTC)
        integrity.look_through(daemon.config, daemon.database, now, log.info)
        report = upkeep.keep_up(daemon.config, daemon.database, now, log.info)
        return "; ".join(report.notes) or None

    def _trim(self) -> str | None:
        daemon = self._daemon
        return cache.hold_size(daemon.config, daemon.database, datetime.now(UTC), log.info).trouble


def _with_remedy(trouble: str) -> str:
    """Say what helps where the kernel refuses what was allowed to nobody at the start."""
    if os.strerror(errno.EACCES) in trouble:
        return (
            f"{trouble} (it may write only to folders that were there when it started; if this one "
            "came later, restart mediaindex)"
        )
    return trouble
