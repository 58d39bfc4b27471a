"""Which models the configured caption servers have; asks nobody else, and loads nothing."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mediaindex import describers
from mediaindex.captioners import Captioner, ModelFacts
from mediaindex.clients.wire import hurried
from mediaindex.config import Config
from mediaindex.errors import Faulty, RetryLater, ServerOff

LIMIT_S = 5.0
"""So long a server may be silent: somebody sits and waits."""


@dataclass(frozen=True)
class Installed:
    """What one server has."""

    server: str
    #: The model that the settings choose there.
    chosen: str
    models: tuple[ModelFacts, ...] = ()
    #: Why it did not say; None if it did.
    trouble: str | None = None

    def find(self, name: str) -> ModelFacts | None:
        """Return what is known of a model; None if it is not there."""
        return next((facts for facts in self.models if same(facts.name, name)), None)


def survey(config: Config, model: str | None = None) -> list[Installed]:
    """Ask the configured servers for their models, all at once; none where nobody describes.

    Args:
        config: The settings in force.
        model: Another model than that of the settings, on every server.

    Raises:
        ConfigError: A setting does not fit, or a host may not be contacted.
    """
    if config.settings.caption.use == "off":
        return []
    captioners = [captioner for captioner, _ in describers.captioners(config, model)]
    with ThreadPoolExecutor(len(captioners)) as pool:
        return list(pool.map(_asked, captioners))


def same(one: str, other: str) -> bool:
    """Return True if both names mean the same model: Ollama's `latest` need not be written."""

    def full(name: str) -> str:
        return name.casefold().removesuffix(":latest")

    return full(one) == full(other)


def check(found: Sequence[Installed], models: Sequence[str]) -> None:
    """Check that some server has each of these models, and that it can see.

    Raises:
        ServerOff: None has, or no server is there; the text names those that are installed.
    """
    there = [one for one in found if one.trouble is None]
    if not there:
        raise ServerOff("; ".join(one.trouble or "" for one in found))
    # A server that lists nothing may still serve what it is asked for.
    if any(not one.models for one in there):
        return
    for model in models:
        known = [facts for one in there if (facts := one.find(model))]
        able = [facts.name for one in there for facts in one.models if facts.can_see is not False]
        names = f"Installed and able to see: {', '.join(dict.fromkeys(able)) or 'none'}"
        where = " and ".join(one.server for one in there)
        if not known:
            raise ServerOff(f"there is no model {model!r} on {where}. {names}")
        if all(facts.can_see is False for facts in known):
            raise ServerOff(f"{model!r} on {where} cannot see. {names}")


def _asked(captioner: Captioner) -> Installed:
    try:
        with hurried(LIMIT_S):
            return Installed(captioner.server, captioner.model, tuple(captioner.models()))
    except (RetryLater, Faulty) as error:
        return Installed(captioner.server, captioner.model, trouble=str(error))
    finally:
        captioner.close()
