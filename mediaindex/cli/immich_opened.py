"""The store, for commands that decide something about Immich, and the daemon that has to notice."""

from collections.abc import Iterator
from contextlib import contextmanager

from mediaindex import parts
from mediaindex.cli.state import check_is_ours
from mediaindex.config import Config
from mediaindex.errors import ConfigError
from mediaindex.remote import daemon_of
from mediaindex.store.database import Database

NOBODY = "no Immich is connected; mediaindex immich connect URL --key-file FILE does that"


@contextmanager
def opened(config: Config) -> Iterator[Database]:
    """Give the store until the end of the block.

    Raises:
        ConfigError: There is none yet, so nothing was ever connected.
        StoreError: It is another user's, or cannot be used.
    """
    check_is_ours(config)
    if not config.database_path.exists():
        raise ConfigError(NOBODY)
    database = parts.store(config)
    try:
        yield database
    finally:
        database.close()


def have_noticed(config: Config) -> None:
    """Have the daemon, if one runs, look at what was decided."""
    daemon = daemon_of(config)
    if daemon is not None:
        daemon.post("/api/v1/immich/sync")
