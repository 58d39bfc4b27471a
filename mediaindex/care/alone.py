"""Hold the worker's lock for a command that nobody else may work beside."""

from collections.abc import Iterator
from contextlib import contextmanager

from mediaindex.config import Config
from mediaindex.errors import AlreadyRunning
from mediaindex.store.lock import worker_lock


@contextmanager
def alone(config: Config, but: str = "") -> Iterator[None]:
    """Let nobody index until the end of the block.

    Args:
        config: The settings in force.
        but: What whoever is at work may do by itself; for people.

    Raises:
        AlreadyRunning: Somebody is at work; the text says how to stop it.
    """
    try:
        with worker_lock(config.state_dir):
            yield
    except AlreadyRunning as error:
        first = str(error).partition(";")[0]
        raise AlreadyRunning(
            f"{first}.{but} Stop it first: systemctl stop mediaindex (or end the run), and try "
            "again; then: systemctl start mediaindex"
        ) from error
