"""Build the parts of the program from its settings."""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from mediaindex.config import Config
from mediaindex.embedders import Embedder
from mediaindex.embedders import load as load_embedder
from mediaindex.errors import ConfigError, RetryLater
from mediaindex.immich.busy import Neighbour
from mediaindex.media.dates import DateRules
from mediaindex.media.ffmpeg import RunLimits
from mediaindex.media.photo import Limits
from mediaindex.media.places import Gazetteer
from mediaindex.media.previews import PreviewStore
from mediaindex.media.scenes import FrameRules
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.decode import Decode
from mediaindex.pipeline.embed import Embed
from mediaindex.pipeline.embed_text import EmbedText
from mediaindex.pipeline.errands import Ways
from mediaindex.pipeline.frames import Frames, Lengths, OnVideo
from mediaindex.pipeline.identify import Identify
from mediaindex.pipeline.model import Model
from mediaindex.pipeline.probe import Probe
from mediaindex.pipeline.sent import Sent
from mediaindex.pipeline.stage import Stage
from mediaindex.store import settings
from mediaindex.store.database import Database, open_database
from mediaindex.store.embeddings import spaces
from mediaindex.store.withheld import may_be_told
from mediaindex.types import Place
from mediaindex.vectors import VectorIndex
from mediaindex.vectors import load as load_index
from mediaindex.vectors.facets import Facets
from mediaindex.vectors.indexes import Indexes, index_folder
from mediaindex.vectors.probe import open_checked

MIB = 1024 * 1024

DECODER_MB = 512
"""So much a decoder is reckoned to take; a photo of 100 megapixels takes as much."""


FILM_MB = 1024
"""So much ffmpeg is reckoned to take for a video of 4K."""


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
    return load_embedder(use or config.settings.embedder.use, _options(config, model))


class Embedders:
    """One embedder of each kind for all who use it at a time: weights are in memory once.

    One that nobody uses any more is let go. Safe from any thread.
    """

    def __init__(self) -> None:
        self._used = WeakValueDictionary[tuple[object, ...], Embedder]()
        self._lock = threading.Lock()

    def find(self, config: Config, use: str | None = None, model: str | None = None) -> Embedder:
        """Return the embedder that somebody uses already, or build it; raises as `embedder`."""
        kind = (use or config.settings.embedder.use, *_options(config, model).values())
        with self._lock:
            found = self._used.get(kind)
            if found is None:
                found = self._used[kind] = embedder(config, use, model)
            return found


def _options(config: Config, model: str | None) -> dict[str, object]:
    section = config.settings.embedder
    return {
        "model": model or section.model,
        "runtime": section.runtime,
        "device": section.device,
        "batch": section.batch,
        "threads": section.threads,
        "prompt": section.prompt,
        "models_dir": config.models_dir,
    }


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


def sent(config: Config) -> Sent:
    """Return what decodes the pictures that somebody sends."""
    photo = config.settings.photo
    return Sent(photo.memory_limit_mb * MIB, limits(config))


def limits(config: Config) -> Limits:
    """Return what is too large to be decoded."""
    return Limits(max_pixels=config.settings.photo.max_megapixels * 1_000_000)


def neighbour(config: Config, database: Database) -> Neighbour | None:
    """Return who asks Immich whether it needs the graphics card; None: nobody is to."""
    return Neighbour(config, database) if config.settings.immich.yield_gpu else None


def stages(
    config: Config,
    database: Database,
    model: Model,
    stop: threading.Event,
    on_video: OnVideo,
    neighbour: Neighbour | None = None,
) -> list[Stage[Any, Any]]:
    """Return the walk of a photo or video, first stage first."""
    photo, metadata = config.settings.photo, config.settings.metadata
    decoders = side_by_side(config)
    children = Children(decoders, photo.memory_limit_mb * MIB, stop)
    store_of_previews = previews(config)
    return [
        Identify(),
        Probe(
            Children(1, photo.memory_limit_mb * MIB, stop),
            DateRules(order=metadata.date_sources, zone=metadata.home_zone),
            lambda: Gazetteer.open(config.cache_dir / "places"),
            photo.time_limit_s,
        ),
        Decode(
            children,
            decoders,
            store_of_previews,
            limits(config),
            photo.time_limit_s,
        ),
        *_video_stages(config, stop, on_video),
        Embed(model, store_of_previews, config.settings.embedder.batch),
        *_caption_stages(config, database, stop, neighbour),
        EmbedText(model),
        *_publish_stages(config, database, stop),
    ]


def side_by_side(config: Config) -> int:
    """Return how many photos are decoded at the same time: by cores, and by memory."""
    section = config.settings.work
    memory_mb = section.memory_mb or memory_bytes() // MIB // 2
    return max(1, min(section.decoders or os.cpu_count() or 1, memory_mb // DECODER_MB))


def memory_bytes() -> int:
    """Return how much memory there is: the machine's, or what the service may have of it."""
    least = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):
        ours = Path("/proc/self/cgroup").read_text().strip().rpartition(":")[2]
        limit = Path(f"/sys/fs/cgroup{ours}/memory.max").read_text()
        least = min(least, int(limit))  # "max" is no number: no limit
    return least


def _caption_stages(
    config: Config, database: Database, stop: threading.Event, neighbour: Neighbour | None
) -> list[Stage[Any, Any]]:
    section = config.settings.caption
    if section.use == "off":
        return []
    # Judging answers takes a fifth of a second to import, which no search needs.
    from mediaindex import describers
    from mediaindex.pipeline.caption import Caption, Ways

    schedule = describers.schedule(config)
    ways = Ways(section.max_px, section.video_frames, section.tell_facts, schedule)
    busy = neighbour.busy if neighbour is not None else None

    def may_tell(asset_id: int) -> bool:
        with database.read() as session:
            return may_be_told(session, asset_id)

    describer = describers.describer(config)
    return [Caption(describer, previews(config), ways, stop, may_tell, busy=busy)]


def _publish_stages(
    config: Config, database: Database, stop: threading.Event
) -> list[Stage[Any, Any]]:
    if not config.settings.immich.write:
        return []
    from mediaindex.pipeline.publish import Publish

    # Also while none is connected: a run may last for weeks, and one may be in the meantime.

    return [Publish(config, database, stop)]


def _video_stages(config: Config, stop: threading.Event, on_video: OnVideo) -> list[Frames]:
    memory_mb = config.settings.work.memory_mb or memory_bytes() // MIB // 2
    at_once = max(1, min(config.settings.video.at_once, memory_mb // FILM_MB))
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
        limits(config),
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
    """Return `path` without `~`, links and dots.

    Raises:
        ConfigError: Links lead in a circle, or there is nobody of the name behind `~`.
    """
    try:
        return path.expanduser().resolve()
    except (RuntimeError, OSError) as error:
        raise ConfigError(f"{path} leads nowhere: {error}") from error
