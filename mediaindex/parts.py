"""Build the parts of the program from its settings."""

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mediaindex.captioners import Captioner
from mediaindex.captioners import load as load_captioner
from mediaindex.captioners.describe import Describer
from mediaindex.captioners.pool import Pool
from mediaindex.captioners.prompting import Prompts, load_prompts
from mediaindex.captioners.schedule import Schedule
from mediaindex.config import CaptionServer, Config
from mediaindex.embedders import Embedder
from mediaindex.embedders import load as load_embedder
from mediaindex.errors import ConfigError, RetryLater
from mediaindex.media.dates import DateRules
from mediaindex.media.ffmpeg import RunLimits
from mediaindex.media.photo import Limits
from mediaindex.media.places import Gazetteer
from mediaindex.media.previews import PreviewStore
from mediaindex.media.scenes import FrameRules
from mediaindex.pipeline.caption import Caption
from mediaindex.pipeline.caption import Ways as CaptionWays
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.decode import Decode
from mediaindex.pipeline.embed import Embed
from mediaindex.pipeline.embed_text import EmbedText
from mediaindex.pipeline.frames import Frames, Lengths, OnVideo, Ways
from mediaindex.pipeline.identify import Identify
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.probe import Probe
from mediaindex.pipeline.stage import Stage
from mediaindex.store import settings
from mediaindex.store.database import Database, open_database
from mediaindex.store.embeddings import spaces
from mediaindex.types import Place
from mediaindex.vectors import VectorIndex
from mediaindex.vectors import load as load_index
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes, index_folder
from mediaindex.vectors.probe import open_checked

MIB = 1024 * 1024


def store(config: Config) -> Database:
    """Open the database, made or migrated as needed.

    Raises:
        StoreError: It cannot be used.
    """
    return open_database(config.database_path)


def previews(config: Config) -> PreviewStore:
    """Return the store of previews."""
    photo = config.settings.photo
    return PreviewStore(config.cache_dir / "previews", photo.preview_px, photo.preview_quality)


def embedder(config: Config, use: str | None = None, model: str | None = None) -> Embedder:
    """Build the embedder of the settings, or another of the same runtime and device.

    Raises:
        ConfigError: There is no such embedder or model.
        RetryLater: Its weights are not on this machine; the text names the remedy.
    """
    section = config.settings.embedder
    options = {
        "model": model or section.model,
        "runtime": section.runtime,
        "device": section.device,
        "batch": section.batch,
        "threads": section.threads,
        "prompt": section.prompt,
        "models_dir": config.models_dir,
    }
    return load_embedder(use or section.use, options)


def prompts(config: Config) -> Prompts:
    """Read the prompts in force.

    Raises:
        ConfigError: One of the user's cannot be used.
    """
    section = config.settings.caption
    folder = None if section.prompts is None else absolute(Path(section.prompts))
    return load_prompts(folder, language=section.language, sentences=section.sentences)


def captioners(config: Config, model: str | None = None) -> list[tuple[Captioner, int]]:
    """Build who describes pictures, each with how much it is asked at the same time.

    Args:
        config: The settings in force.
        model: Another model than that of the settings, on every server.

    Raises:
        ConfigError: There is no such captioner, or its host may not be contacted.
    """
    section = config.settings.caption
    servers = section.servers or (CaptionServer(url=section.url, at_once=section.at_once),)
    return [
        (
            load_captioner(
                server.use or section.use,
                {
                    "url": server.url,
                    "model": model or server.model or section.model,
                    "api_key": server.api_key or section.api_key,
                    "allow_remote": section.allow_remote,
                    "keep_alive": section.keep_alive,
                    "num_ctx": section.num_ctx,
                    "load_time_limit_s": float(section.load_time_limit_s),
                    "time_limit_s": float(section.time_limit_s),
                },
            ),
            server.at_once,
        )
        for server in servers
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
        temperature=section.temperature,
        seed=section.seed,
        max_tokens=section.max_tokens,
    )


def check_captions(config: Config) -> None:
    """Check, before any work is done, that pictures can be described as the settings say.

    Raises:
        ConfigError: A setting of `caption:` does not fit.
    """
    if config.settings.caption.use != "off":
        describer(config).pool.close()
        caption_schedule(config)


def caption_version(config: Config) -> str:
    """Return the version of captions in force; see `Describer.version`.

    Raises:
        ConfigError: A setting of `caption:` does not fit.
    """
    return Describer.version_of(config.settings.caption.model, prompts(config))


def caption_schedule(config: Config) -> Schedule | None:
    """Return when captioning may go on, None for always.

    Raises:
        ConfigError: It cannot be understood.
    """
    text = config.settings.caption.schedule
    if text is None:
        return None
    try:
        return Schedule.parse(text)
    except ValueError as error:
        place = config.place_of("caption", "schedule")
        raise ConfigError(f"caption.schedule ({place}): {error}") from error


def indexes(config: Config, database: Database) -> Indexes:
    """Open the indexes of a database, Chroma's behind its probe; a bad one is set aside."""
    folder, exact, facets = _exact(config, database)
    wanted = config.settings.index
    if wanted.use == "exact":
        return Indexes(exact, facets, None, wanted.exact_below)
    below = 0 if wanted.use == "chroma" else wanted.exact_below
    try:
        opened = open_checked(folder / "chroma", "chroma")
    except RetryLater as error:
        return Indexes(exact, facets, None, below, set_aside=str(error))
    return Indexes(exact, facets, opened.index, below, opened.set_aside)


def indexes_to_ask(config: Config, database: Database) -> Indexes:
    """Open what answers questions: Chroma, which takes a second, only where it would be asked."""
    _, exact, facets = _exact(config, database)
    wanted = config.settings.index
    with database.read() as session:
        largest = max((exact.count(space) for space in spaces(session)), default=0)
    if wanted.use == "chroma" or (wanted.use == "auto" and largest > wanted.exact_below):
        return indexes(config, database)
    return Indexes(exact, facets, None, wanted.exact_below)


def _exact(config: Config, database: Database) -> tuple[Path, VectorIndex, Facets]:
    with database.read() as session:
        known = settings.recall(session, settings.DATABASE_ID)
    if known is None:
        with database.write() as session:
            known = settings.database_id(session)
    folder = index_folder(config.cache_dir, known)
    return folder, load_index("exact", folder / "exact"), Facets(folder / "facets")


def stages(
    config: Config, model: Model, stop: threading.Event, on_video: OnVideo
) -> list[Stage[Any, Any]]:
    """Return the walk of a photo or video, first stage first."""
    photo, metadata = config.settings.photo, config.settings.metadata
    decoders = config.settings.work.decoders or os.cpu_count() or 1
    children = Children(decoders, photo.memory_limit_mb * MIB)
    store_of_previews = previews(config)
    return [
        Identify(),
        Probe(
            Children(1, photo.memory_limit_mb * MIB),
            DateRules(order=metadata.date_sources, zone=metadata.home_zone),
            lambda: Gazetteer.open(config.cache_dir / "places"),
            photo.time_limit_s,
        ),
        Decode(
            children,
            decoders,
            store_of_previews,
            Limits(max_pixels=photo.max_megapixels * 1_000_000),
            photo.time_limit_s,
        ),
        *_video_stages(config, stop, on_video),
        Embed(model, store_of_previews, config.settings.embedder.batch),
        *_caption_stages(config, stop),
        EmbedText(model),
    ]


def _caption_stages(config: Config, stop: threading.Event) -> list[Caption]:
    section = config.settings.caption
    if section.use == "off":
        return []
    ways = CaptionWays(
        section.max_px, section.video_frames, section.tell_facts, caption_schedule(config)
    )
    return [Caption(describer(config), previews(config), ways, stop)]


def _video_stages(config: Config, stop: threading.Event, on_video: OnVideo) -> list[Frames]:
    at_once = config.settings.video.at_once
    lanes: list[tuple[Lengths, int]] = [("any", 1)]
    if at_once > 1:
        lanes = [("short", at_once - 1), ("long", 1)]
    memory = config.settings.photo.memory_limit_mb * MIB
    return [
        Frames(
            Children(width, memory, stop),
            width,
            previews(config),
            _ways(config),
            stop,
            on_video,
            lengths,
        )
        for lengths, width in lanes
    ]


def _ways(config: Config) -> Ways:
    video = config.settings.video
    return Ways(
        FrameRules(video.min_gap_s, video.max_gap_s, video.base_frames, video.frames_per_min),
        RunLimits(video.time_limit_s, video.silence_limit_s, video.memory_limit_mb * MIB),
        Limits(max_pixels=config.settings.photo.max_megapixels * 1_000_000),
        video.hwaccel,
    )


def find_place(config: Config, name: str) -> Sequence[Place]:
    """Return the places of a name, the largest first."""
    gazetteer = Gazetteer.open(config.cache_dir / "places")
    try:
        return gazetteer.find(name)
    finally:
        gazetteer.close()


def absolute(path: Path) -> Path:
    """Return `path` without `~`, links and dots."""
    return path.expanduser().resolve()
