"""For commands that read the state themselves: whose it is, where it is not ours."""

import os

from mediaindex.config import Config
from mediaindex.errors import StoreError
from mediaindex.remote import daemon_of


def check_is_ours(config: Config) -> None:
    """Check that a daemon which runs keeps its state where this person can read it.

    Raises:
        NotAllowed: The daemon may not even be asked by this person.
        StoreError: It is another user's.
    """
    if os.access(config.database_path, os.R_OK | os.W_OK):
        return
    daemon = daemon_of(config)
    if daemon is not None:
        raise StoreError(
            f"this command reads the index itself, and the one of the daemon at "
            f"{daemon.socket_path} is another user's: call it as that user (sudo -u mediaindex "
            "mediaindex ...)"
        )
