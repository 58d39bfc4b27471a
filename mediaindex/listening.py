"""What has to be right in the settings before somebody is let in: an address, a token, a secret."""

import logging
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from mediaindex.config import Config
from mediaindex.errors import ConfigError

log = logging.getLogger(__name__)

CREDENTIAL = "serve_token"

SHORTEST_TOKEN = 16


def check_listening(config: Config, environ: Mapping[str, str] = os.environ) -> None:
    """Check, before a start would fail of it, that what the settings open can be opened.

    Raises:
        ConfigError: The address is none, there is no token, or it cannot be read.
    """
    listen = config.settings.serve.listen
    hook_secret(config)
    if listen is not None:
        split_listen(listen)
        token(config, environ)


def token(config: Config, environ: Mapping[str, str] = os.environ) -> str:
    """Return the token that opens TCP.

    Raises:
        ConfigError: There is none, or it cannot be read.
    """
    section = config.settings.serve
    if section.token is not None:
        return _checked(section.token, config.place_of("serve", "token"))
    file = _token_file(config, environ)
    if file is None:
        raise ConfigError(
            f"serve.listen ({config.place_of('serve', 'listen')}) opens {section.listen} to "
            "programs, and there is no token to keep others out. Make one with "
            "(umask 077; openssl rand -hex 32 > ~/.config/mediaindex/token) and name that file as "
            "serve.token_file"
        )
    return _read(file, "token")


def hook_secret(config: Config) -> str | None:
    """Return what Immich has to show to wake the daemon (`immich.webhook_secret`).

    Returns:
        None: None is set, and nobody wakes it.

    Raises:
        ConfigError: It cannot be read, or could be guessed.
    """
    section = config.settings.immich
    if section.webhook_secret is not None:
        place = config.place_of("immich", "webhook_secret")
        return _checked(section.webhook_secret, place, "secret")
    if section.webhook_secret_file is None:
        return None
    return _read(Path(section.webhook_secret_file).expanduser(), "secret")


def _read(file: Path, what: str) -> str:
    try:
        found = file.read_text()
        if stat.S_IMODE(file.stat().st_mode) & stat.S_IROTH:
            log.warning("all users of this machine can read the %s: chmod 600 %s", what, file)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ConfigError(f"the {what} cannot be read from {file}: {reason}") from error
    return _checked(found, str(file), what)


def _token_file(config: Config, environ: Mapping[str, str]) -> Path | None:
    named = config.settings.serve.token_file
    if named is not None:
        return Path(named).expanduser()
    folder = environ.get("CREDENTIALS_DIRECTORY")
    file = Path(folder, CREDENTIAL) if folder else None
    return file if file is not None and file.exists() else None


def _checked(found: str, where: str, what: str = "token") -> str:
    found = found.strip()
    if not found or not found.isascii() or not found.isprintable() or " " in found:
        raise ConfigError(
            f"the {what} of {where} has to be plain letters and digits without blanks"
        )
    if len(found) < SHORTEST_TOKEN:
        raise ConfigError(
            f"the {what} of {where} is shorter than {SHORTEST_TOKEN} letters, and could be "
            "guessed; openssl rand -hex 32 makes one"
        )
    return found


def split_listen(listen: str) -> tuple[str, int]:
    """Return the host and the port of `serve.listen`: `127.0.0.1:8420`, `[::1]:8420`.

    Raises:
        ConfigError: It is no such thing.
    """
    host, colon, port = listen.rpartition(":")
    is_bracketed = host.startswith("[") and host.endswith("]")
    if is_bracketed:
        host = host[1:-1]
    known = port.isascii() and port.isdigit() and int(port) < 65536
    if not colon or not host or not known or (":" in host) != is_bracketed:
        raise ConfigError(
            f"serve.listen: expected an address and a port, such as 127.0.0.1:8420 or [::1]:8420, "
            f"not {listen!r}"
        )
    return host, int(port)
