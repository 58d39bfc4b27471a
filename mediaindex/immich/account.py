"""One person's archive in an Immich, as it was connected."""

from dataclasses import dataclass

from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_shapes import Version
from mediaindex.config import Config


@dataclass(frozen=True)
class PathPair:
    """One of Immich's folders, and what it is here. Absolute, without a slash at the end."""

    theirs: str
    ours: str


@dataclass(frozen=True)
class Account:
    """A connected archive; read from `ImmichAccountRow` and plain from there on."""

    id: int
    url: str
    web_url: str
    user_id: str
    user_name: str
    key_file: str
    version: Version
    #: None: the server cannot tell.
    permissions: frozenset[str] | None
    paths: tuple[PathPair, ...]


def open_client(config: Config, account: Account) -> ImmichClient:
    """Read the account's key and return a client; nothing is contacted.

    Raises:
        ConfigError: The key cannot be read, or its host is far away and that is not allowed.
    """
    raise NotImplementedError
