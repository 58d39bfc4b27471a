"""What a captioner is, and how one is found by name.

To add one, add one file here with a `build(options)` function; config.yaml then names it:
`caption: {use: ollama, ...}`. A name with a colon (`my_package.my_module:build`) is looked up
outside this package, so nobody has to fork.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules, resolve_name
from typing import Protocol, cast

from mediaindex.errors import ConfigError


@dataclass(frozen=True)
class Ask:
    """One request to a model."""

    prompt: str
    system: str = ""
    #: JPEG files, in order; none for a question about words alone.
    pictures: tuple[bytes, ...] = ()
    #: A JSON schema for the answer, where the server can hold the model to one; None: plain text.
    schema: Mapping[str, object] | None = None
    temperature: float = 0.2
    seed: int = 1
    #: The answer is cut off after so many tokens.
    max_tokens: int = 400


@dataclass(frozen=True)
class Reply:
    """What a model answered, just as it came."""

    text: str
    #: `stop`: it had said all; `length`: it was cut off; or whatever else the server says.
    done_reason: str
    #: Wall time of the request.
    duration_ms: int
    #: How many tokens it answered, and how fast; None where the server does not tell.
    tokens: int | None = None
    tokens_per_s: float | None = None


@dataclass(frozen=True)
class ModelFacts:
    """What a server tells of one of its models; None and "" where it does not."""

    name: str
    digest: str = ""
    family: str = ""
    size_bytes: int | None = None
    can_see: bool | None = None
    #: Whether one request may show it several pictures.
    takes_many: bool = False
    #: Whether it thinks before it answers, and can be told not to.
    can_think: bool = False


OnPull = Callable[[str, int, int], None]
"""Told how a download goes: what is done now, bytes so far, bytes in all (0: not known)."""


class Captioner(Protocol):
    """One model on one server. Safe from any thread."""

    #: The server's address, for people.
    server: str
    #: The model's name on that server.
    model: str

    @property
    def facts(self) -> ModelFacts | None:
        """What the server told of the model that answers now; None before it was opened."""

    def open(self) -> ModelFacts:
        """Make sure that it can answer, and have the model loaded, however long that takes.

        Apart from `ask`, so that the time limit of an answer never cuts a load short.

        Raises:
            ServerOff: It is off, refuses us, lacks the model, or the model cannot see; the text
                names the remedy, and the installed models that would do.
            ServerBusy: It has too much to do now.
        """

    def ask(self, ask: Ask) -> Reply:
        """Return the model's answer.

        Raises:
            ServerOff: As above.
            ServerBusy: As above.
            Faulty: It took too long, broke off, or answered nonsense.
        """

    def models(self) -> Sequence[ModelFacts]:
        """Return what is installed there.

        Raises:
            ServerOff: As above.
        """

    def pull(self, on_pull: OnPull) -> None:
        """Have the server download the model.

        Raises:
            ServerOff: It is off, or knows no such model, or cannot download; the text says which.
        """

    def close(self) -> None:
        """Let go of connections; requests that are on their way end."""


def find(use: str) -> Callable[[Mapping[str, object]], Captioner]:
    """Return what builds the captioner of this name.

    Args:
        use: A module of this package (`ollama`), or `package.module:function`.

    Raises:
        ConfigError: There is no such module or function; the text names those that there are.
    """
    path = use if ":" in use else f"{__name__}.{use}:build"
    try:
        build = resolve_name(path)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"expected {', '.join(_names())}, or package.module:function, not {use!r}"
        ) from error
    return cast("Callable[[Mapping[str, object]], Captioner]", build)


def load(use: str, options: Mapping[str, object]) -> Captioner:
    """Build the captioner that config.yaml names. Cheap: nothing is contacted yet.

    Args:
        use: As for `find`.
        options: `url`, `model`, `api_key` (str or None), `allow_remote` (bool), `keep_alive` (str),
            `num_ctx` (int), `load_time_limit_s` and `time_limit_s` (float).

    Raises:
        ConfigError: No such captioner, or `url` may not be contacted.
    """
    return find(use)(options)


def _names() -> list[str]:
    """Return the modules of this package that build a captioner, and what stands for none."""
    modules = sorted(module.name for module in iter_modules(__path__))
    return [*(name for name in modules if _builds(name)), "off"]


def _builds(name: str) -> bool:
    return hasattr(import_module(f"{__name__}.{name}"), "build")
