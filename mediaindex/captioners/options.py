"""What every captioner is told when it is built."""

from collections.abc import Mapping
from dataclasses import dataclass

from mediaindex.errors import ConfigError

LEAST_NUM_CTX = 4096


@dataclass(frozen=True)
class Options:
    """The options of `captioners.load`, with their types."""

    url: str
    model: str
    #: Never shown.
    api_key: str | None
    allow_remote: bool
    keep_alive: str
    num_ctx: int
    load_time_limit_s: float
    time_limit_s: float


def read_options(options: Mapping[str, object]) -> Options:
    """Return the options with their types, and defaults for all but `url` and `model`.

    Raises:
        ConfigError: The key holds what cannot be sent.
    """
    # Keys out of files end in a line break more often than not.
    key = str(options.get("api_key") or "").strip()
    if not (key.isascii() and key.isprintable()):
        raise ConfigError("caption.api_key: holds characters that no key has")
    return Options(
        url=str(options["url"]),
        model=str(options["model"]),
        api_key=key or None,
        allow_remote=bool(options.get("allow_remote", False)),
        keep_alive=str(options.get("keep_alive", "30m")),
        num_ctx=max(LEAST_NUM_CTX, int(str(options.get("num_ctx", LEAST_NUM_CTX)))),
        load_time_limit_s=float(str(options.get("load_time_limit_s", 900))),
        time_limit_s=float(str(options.get("time_limit_s", 180))),
    )
