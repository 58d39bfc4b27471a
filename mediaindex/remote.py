"""Ask a running daemon instead of the store: which one, and its answers as our own values.

It is asked so that a command costs no more than its own start, so nothing heavy is imported here.
"""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from mediaindex import __version__
from mediaindex.clients.daemon import Daemon, NotAllowed, NotKnown, TooLarge, find
from mediaindex.config import Config
from mediaindex.errors import RetryLater, Unusable
from mediaindex.search.asked import Asked
from mediaindex.search.hits import Answer

if TYPE_CHECKING:
    from mediaindex.store.about import About

SYSTEM_SOCKET = Path("/run/mediaindex/mediaindex.sock")
"""Where the service of this machine listens (`deploy/mediaindex.service`)."""

LARGEST_PICTURE_BYTES = 20_000_000

TIMES = ("taken_at", "taken_local", "added_at")
"""Facts of an asset that are times."""

Value = TypeVar("Value")


def daemon_of(config: Config, system_socket: Path = SYSTEM_SOCKET) -> Daemon | None:
    """Return the running daemon that these settings mean; None if there is none.

    It is the one that listens at `config.socket_path`. The machine's service, which has settings
    of its own, is meant by a person who has said nothing else and has nothing else: no `state_dir`
    and no `serve.socket` are set, and there is no database in the usual place. A person with an
    index of their own keeps it, and asks the service with `serve.socket`.

    Raises:
        NotAllowed: It listens at `config.socket_path`, and may not be asked by this person.
        Silent: It does not answer at all.
    """
    found = find(config.socket_path)
    if found is not None or not _may_mean_the_service(config):
        return found
    try:
        return find(system_socket)
    except NotAllowed:
        return None  # a person who is no member of its group may still have an index of their own


def _may_mean_the_service(config: Config) -> bool:
    has_chosen = ("state_dir",) in config.places or config.settings.serve.socket is not None
    return not has_chosen and not config.database_path.exists()


def ask(daemon: Daemon, asked: Asked, today: date) -> Answer:
    """Have the daemon answer one question; the picture, if there is one, is sent along.

    Raises:
        OtherVersion: It is of another version, so its answers may have another shape.
        TooLarge: The picture is too large to be sent.
        QueryError, RetryLater, StoreError, Unusable: As `asking.ask`.
    """
    body = {
        "asked": {**vars(asked), "like": None if asked.like is None else str(asked.like)},
        "today": today.isoformat(),
        "picture": None if asked.like is None else _picture(asked.like),
        "version": __version__,
    }
    # Through Python's own JSON: lone surrogates, which stand for bytes of names, survive in it.
    return _as(Answer, daemon.post("/cli/ask", body))


def as_about(told: Mapping[str, Any]) -> "About":
    """Return what the daemon's `/api/v1/info` tells as `store.about` has it."""
    from mediaindex.store.about import About

    facts = {
        name: datetime.fromisoformat(value) if name in TIMES else value
        for name, value in told["facts"].items()
    }
    return _as(About, {**told, "facts": facts})


def preview(daemon: Daemon, sha256: str, at_ms: int) -> bytes:
    """Return the preview of a moment, a JPEG.

    Raises:
        NotKnown: There is none.
    """
    return daemon.get_bytes(f"/api/v1/previews/{sha256}/{at_ms}")


def check_told(config: Config, file: Path) -> None:
    """Check that a model may be shown a file, with the service where that keeps the index.

    Raises:
        Unusable: It is locked, hidden, or in the trash.
        Silent: The service does not answer at all.
    """
    daemon = None if config.database_path.exists() else daemon_of(config)
    if daemon is None:
        return
    from mediaindex.store.withheld import UNTOLD

    path = file.expanduser()
    try:
        told = daemon.get("/api/v1/info", path=str(path.parent.resolve() / path.name))
    except NotKnown:
        return
    if told["withheld"] in UNTOLD:
        raise Unusable(f"no model is told of it: it is {told['withheld']}")


def _picture(path: Path) -> str:
    import base64

    with path.open("rb") as file:
        content = file.read(LARGEST_PICTURE_BYTES + 1)
    if len(content) > LARGEST_PICTURE_BYTES:
        most = LARGEST_PICTURE_BYTES // 1_000_000
        raise TooLarge(f"{path} is larger than the {most} MB that can be sent to the daemon")
    return base64.b64encode(content).decode("ascii")


def _as(kind: type[Value], told: object) -> Value:
    try:
        return msgspec.convert(told, kind)
    except msgspec.ValidationError as error:
        raise RetryLater(f"the daemon's answer is not understood: {error}") from error
