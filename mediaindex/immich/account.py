"""One person's archive in an Immich, as it was connected."""

import stat
from dataclasses import dataclass
from pathlib import Path

from mediaindex.clients.immich import ImmichClient, read_immich_host
from mediaindex.clients.immich_shapes import Version
from mediaindex.config import Config
from mediaindex.errors import ConfigError

MOST_KEY_BYTES = 4096
"""Immich's have 43 characters; whatever is longer than this is another file."""


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
    host = read_immich_host(account.url, allow_remote=config.settings.immich.allow_remote)
    return ImmichClient(host, read_key(account.key_file), account.version)


def read_key(path: str | Path) -> str:
    """Return the API key that a file holds on its only line.

    Raises:
        ConfigError: There is no such file, it cannot be read, or what it holds is no key. The text
            never has a word of the file in it.
    """
    file = Path(path).expanduser()
    try:
        with file.open("rb") as opened:
            held = opened.read(MOST_KEY_BYTES + 1)
    except FileNotFoundError as error:
        raise ConfigError(f"there is no {file}, which is to hold the key of Immich") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{file} is a folder, not a file that holds the key") from error
    except PermissionError as error:
        raise ConfigError(
            f"{file}, which holds the key of Immich, cannot be read by the user that runs this;"
            " make that user its owner"
        ) from error
    except OSError as error:
        raise ConfigError(f"{file} cannot be read: {error.strerror or error}") from error
    return _key_in(held, file)


def is_readable_by_others(path: str | Path) -> bool:
    """Return whether every user of this machine may read a file; False where it is not there."""
    try:
        mode = Path(path).expanduser().stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IROTH)


def _key_in(held: bytes, file: Path) -> str:
    # Some editors begin a file with such a mark.
    text = held.decode("utf-8-sig", "replace").strip()
    if not text:
        raise ConfigError(f"{file} is empty; it is to hold the API key of Immich")
    if len(held) <= MOST_KEY_BYTES and len(text.splitlines()) > 1:
        raise ConfigError(
            f"{file} has more than one line; it is to hold the API key and nothing else"
        )
    # It goes into a header.
    if len(held) > MOST_KEY_BYTES or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(f"{file} does not hold an API key of Immich")
    return text
