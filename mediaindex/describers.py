"""Build who describes pictures from the settings."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from mediaindex.captioners import Captioner, find
from mediaindex.captioners.describe import Describer
from mediaindex.captioners.languages import language_name
from mediaindex.captioners.pool import Pool
from mediaindex.captioners.prompting import Prompts, load_prompts
from mediaindex.captioners.schedule import Schedule
from mediaindex.config import CaptionServer, Config
from mediaindex.errors import ConfigError


def prompts(config: Config) -> Prompts:
    """Read the prompts in force.

    Raises:
        ConfigError: One of the user's cannot be used.
    """
    section = config.settings.caption
    folder = None if section.prompts is None else Path(section.prompts).expanduser().resolve()
    with _named(config, "language"):
        language_name(section.language)
    with _named(config, "prompts"):
        return load_prompts(folder, language=section.language, sentences=section.sentences)


def servers(config: Config) -> tuple[CaptionServer, ...]:
    """Return the servers that describe pictures, as the settings have them."""
    section = config.settings.caption
    return section.servers or (CaptionServer(url=section.url, at_once=section.at_once),)


def captioners(config: Config, model: str | None = None) -> list[tuple[Captioner, int]]:
    """Build who describes pictures, each with how much it is asked at the same time.

    Args:
        config: The settings in force.
        model: Another model than that of the settings, on every server.

    Raises:
        ConfigError: There is no such captioner, or its host may not be contacted.
    """
    section = config.settings.caption
    return [
        (
            _builder(config, number, server)(
                {
                    "url": server.url,
                    "model": model or server.model or section.model,
                    "api_key": server.api_key or section.api_key,
                    "allow_remote": section.allow_remote,
                    "keep_alive": section.keep_alive,
                    "num_ctx": section.num_ctx,
                    "load_time_limit_s": float(section.load_time_limit_s),
                    "time_limit_s": float(section.time_limit_s),
                }
            ),
            server.at_once,
        )
        for number, server in enumerate(servers(config))
    ]


def describer(config: Config, model: str | None = None) -> Describer:
    """Build what turns pictures into captions; nothing is contacted yet.

    Raises:
        ConfigError: A setting of `caption:` does not fit.
    """
    section = config.settings.caption
    return Describer(
        Pool(captioners(config, model)),
        prompts(config),
        model=model or section.model,
        language=section.language.strip().lower().replace("_", "-").partition("-")[0],
        temperature=section.temperature,
        seed=section.seed,
        max_tokens=section.max_tokens,
    )


def check(config: Config) -> None:
    """Check, before any work is done, that pictures can be described as the settings say.

    Raises:
        ConfigError: A setting of `caption:` does not fit.
    """
    if config.settings.caption.use != "off":
        describer(config).pool.close()
        schedule(config)


def version(config: Config) -> str:
    """Return the version of captions of moments in force, as the stage `caption` stores it.

    Raises:
        ConfigError: A setting of `caption:` does not fit.
    """
    section = config.settings.caption
    facts = " facts" if section.tell_facts else ""
    return Describer.version_of(section.model, prompts(config)) + facts


def schedule(config: Config) -> Schedule | None:
    """Return when captioning may go on, None for always.

    Raises:
        ConfigError: It cannot be understood.
    """
    text = config.settings.caption.schedule
    if text is None:
        return None
    with _named(config, "schedule"):
        try:
            return Schedule.parse(text)
        except ValueError as error:
            raise ConfigError(str(error)) from error


def _builder(
    config: Config, number: int, server: CaptionServer
) -> Callable[[Mapping[str, object]], Captioner]:
    """Return what builds the captioner of a server, the how manieth it is."""
    section = config.settings.caption
    keys = ("use",) if server.use is None else ("servers", number, "use")
    with _named(config, *keys):
        return find(server.use or section.use)


@contextmanager
def _named(config: Config, *keys: str | int) -> Iterator[None]:
    """Have what is wrong with a setting of `caption:` told with its name and its place."""
    try:
        yield
    except ConfigError as error:
        name = ".".join(map(str, ("caption", *keys)))
        place = config.place_of("caption", *keys)
        raise ConfigError(f"{name} ({place}): {error}") from error
