"""The settings: what they are, and where they come from.

`config.yaml` at the top of the project is this file in the user's words: complete, with every
default; a test holds the two together.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from mediaindex import config_file
from mediaindex.config_file import Keys, Places, wrong
from mediaindex.errors import ConfigError

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0)]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Gap = Annotated[float, msgspec.Meta(ge=0.25, le=3600)]
Weight = Annotated[float, msgspec.Meta(ge=0)]
DateSourceName = Literal["exif", "xmp", "takeout", "name", "mtime"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A part of the settings; what each key means stands in `config.yaml`."""


class LibrarySettings(Section, frozen=True):
    """One folder to index."""

    path: str
    name: str | None = None
    exclude: tuple[str, ...] = ()
    watch: Literal["auto", "inotify", "poll", "off"] = "auto"
    sentinel: str | None = None


class SweepSettings(Section, frozen=True):
    """Which files count, and when a missing one is believed to be gone."""

    exclude: tuple[str, ...] = (
        "@eaDir",
        "#recycle",
        ".@__thumb",
        ".stfolder",
        ".stversions",
        ".Trash*",
        "$RECYCLE.BIN",
        "System Volume Information",
        "lost+found",
        "node_modules",
    )
    exclude_marker: str = ".nomedia"
    hidden: bool = False
    follow_links: bool = False
    max_vanish_fraction: Fraction = 0.5
    retention_days: Count = 30
    cron: str = "0 3 * * *"
    poll_s: Positive = 300
    settle_s: Annotated[float, msgspec.Meta(ge=0.2, le=3600)] = 2.0


class PhotoSettings(Section, frozen=True):
    """How photos are decoded."""

    max_megapixels: Positive = 500
    preview_px: Annotated[int, msgspec.Meta(ge=224, le=4096)] = 768
    preview_quality: Annotated[int, msgspec.Meta(ge=30, le=95)] = 82
    time_limit_s: Positive = 120
    memory_limit_mb: Count = 4096


class VideoSettings(Section, frozen=True):
    """Which frames of videos are kept, and what looking for them may take."""

    min_gap_s: Gap = 1.0
    max_gap_s: Gap = 10.0
    base_frames: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 60
    frames_per_min: Weight = 12.0
    hwaccel: str | None = None
    at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    time_limit_s: Positive = 14_400
    silence_limit_s: Positive = 60
    memory_limit_mb: Count = 4096


class MetadataSettings(Section, frozen=True):
    """How a photo's facts are read."""

    date_sources: tuple[DateSourceName, ...] = ("exif", "xmp", "takeout", "name", "mtime")
    home_zone: str | None = None


class EmbedderSettings(Section, frozen=True):
    """Which model sees."""

    use: str = "open_clip"
    model: str = "fast"
    runtime: Literal["auto", "onnx", "onnx-int8", "torch"] = "auto"
    device: str = "auto"
    batch: Annotated[int, msgspec.Meta(ge=1, le=1024)] = 16
    threads: Count = 0
    prompt: str = "{}"
    hub_token: str | None = None


class CaptionServer(Section, frozen=True):
    """One server of several; what it leaves out is as in `caption:`."""

    url: str
    use: str | None = None
    model: str | None = None
    at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    api_key: str | None = None


class CaptionSettings(Section, frozen=True):
    """Who describes the pictures, and how it is asked."""

    use: str = "ollama"
    url: str = "http://127.0.0.1:11434"
    model: str = "qwen3-vl:4b-instruct"
    at_once: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    servers: tuple[CaptionServer, ...] = ()
    api_key: str | None = None
    allow_remote: bool = False
    language: str = "en"
    sentences: Annotated[int, msgspec.Meta(ge=1, le=12)] = 2
    prompts: str | None = None
    tell_facts: bool = False
    video_frames: Annotated[int, msgspec.Meta(ge=0, le=20)] = 8
    max_px: Annotated[int, msgspec.Meta(ge=224, le=4096)] = 672
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] = 0.2
    seed: Count = 1
    max_tokens: Annotated[int, msgspec.Meta(ge=32, le=8192)] = 400
    num_ctx: Annotated[int, msgspec.Meta(ge=4096, le=1_048_576)] = 4096
    keep_alive: str = "30m"
    schedule: str | None = None
    time_limit_s: Positive = 180
    load_time_limit_s: Positive = 900


class IndexSettings(Section, frozen=True):
    """Which index finds vectors."""

    use: Literal["auto", "exact", "chroma"] = "auto"
    exact_below: Count = 1_000_000


class SearchSettings(Section, frozen=True):
    """How a question is understood and its answers ranked."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 20
    understand: bool = True
    weak: Literal["mark", "drop", "off"] = "mark"
    picture_weight: Weight = 1.0
    text_weight: Weight = 0.7
    caption_weight: Weight = 0.7
    words_weight: Weight = 1.0


class WorkSettings(Section, frozen=True):
    """How much of the machine indexing takes."""

    decoders: Count = 0
    memory_mb: Count = 0
    min_free_mb: Count = 500
    quiet_hours: str | None = None


class ServeSettings(Section, frozen=True):
    """How the daemon is asked."""

    socket: str | None = None
    listen: str | None = None
    token: str | None = None
    token_file: str | None = None


class BackupSettings(Section, frozen=True):
    """When the daemon copies the database, and how many copies it keeps."""

    cron: str | None = "30 4 * * *"
    keep: Positive = 7
    folder: str | None = None


class CacheSettings(Section, frozen=True):
    """How much of what can be made again is kept."""

    previews_mb: Count = 0


class ImmichSettings(Section, frozen=True):
    """How an Immich that lives beside us is read, and what is written there."""

    read_cron: str | None = "*/10 * * * *"
    full_cron: str | None = "20 2 * * *"
    write: tuple[Literal["description", "tags", "record"], ...] = ()
    writes_per_min: Annotated[int, msgspec.Meta(ge=1, le=6000)] = 60
    yield_gpu: bool = False
    webhook_secret: str | None = None
    webhook_secret_file: str | None = None
    allow_remote: bool = False
    time_limit_s: Positive = 60


class LogSettings(Section, frozen=True):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "warning"
    format: Literal["text", "json"] = "text"


class Settings(Section, frozen=True):
    """Everything a user may set."""

    state_dir: str | None = None
    cache_dir: str | None = None
    libraries: tuple[LibrarySettings, ...] = ()
    sweep: SweepSettings = SweepSettings()
    photo: PhotoSettings = PhotoSettings()
    video: VideoSettings = VideoSettings()
    metadata: MetadataSettings = MetadataSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    caption: CaptionSettings = CaptionSettings()
    index: IndexSettings = IndexSettings()
    search: SearchSettings = SearchSettings()
    work: WorkSettings = WorkSettings()
    serve: ServeSettings = ServeSettings()
    backup: BackupSettings = BackupSettings()
    cache: CacheSettings = CacheSettings()
    immich: ImmichSettings = ImmichSettings()
    log: LogSettings = LogSettings()


class Config(msgspec.Struct, frozen=True):
    """The settings in force, with their folders worked out."""

    settings: Settings
    state_dir: Path
    cache_dir: Path
    #: The file they were read from; None where there is none and the defaults hold.
    file: Path | None
    #: Where each setting that is not a default was written.
    places: Places = {}

    @property
    def database_path(self) -> Path:
        """The SQLite file."""
        return self.state_dir / "mediaindex.db"

    @property
    def socket_path(self) -> Path:
        """The socket at which the daemon is asked."""
        chosen = self.settings.serve.socket
        return Path(chosen).expanduser() if chosen else self.state_dir / "mediaindex.sock"

    @property
    def backup_dir(self) -> Path:
        """Where copies of the database lie."""
        chosen = self.settings.backup.folder
        return Path(chosen).expanduser() if chosen else self.state_dir / "backups"

    @property
    def models_dir(self) -> Path:
        """Where model weights lie."""
        return self.cache_dir / "models"

    def place_of(self, *keys: str | int) -> str:
        """Return where a setting was written, for people: `/etc/mediaindex/config.yaml line 12`."""
        return self.places.get(keys, "the default")


def load_config(file: Path | None = None, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the settings: defaults, then the file, then the environment.

    Args:
        file: The file to read; None: `MEDIAINDEX_CONFIG`, else the user's, else `/etc`'s.
        environ: The environment.

    Raises:
        ConfigError: A key that does not exist or a value that does not fit; the text names the
            key, the line, and what would be right.
    """
    chosen = file or _named(environ) or _found(environ)
    written, lines = config_file.read(chosen) if chosen else ({}, {})
    for variable, keys, value in config_file.overrides(environ, Settings):
        config_file.put(written, keys, value, variable)
        lines[keys] = variable
        for end in range(1, len(keys)):
            lines.setdefault(keys[:end], variable)
    config_file.check_keys(written, Settings, lines)
    try:
        settings = msgspec.convert(written, Settings)
    except msgspec.ValidationError as error:
        raise config_file.at_its_place(error, Settings, lines) from error
    _check_paths(settings, lines)
    _check_zone(settings.metadata.home_zone, lines)
    return Config(
        settings=settings,
        state_dir=_folder(environ, "STATE", settings.state_dir, lines, "~/.local/state"),
        cache_dir=_folder(environ, "CACHE", settings.cache_dir, lines, "~/.cache"),
        file=chosen,
        places=lines,
    )


def as_shown(config: Config) -> dict[str, Any]:
    """Return the settings in force as plain values, secrets masked, for `config show`."""
    plain: dict[str, Any] = msgspec.to_builtins(config.settings)
    plain |= {"state_dir": str(config.state_dir), "cache_dir": str(config.cache_dir)}
    sections = (plain[name] for name in ("embedder", "serve", "caption", "immich"))
    for secret in (*sections, *plain["caption"]["servers"]):
        for key in ("hub_token", "api_key", "token", "webhook_secret"):
            if secret.get(key):
                secret[key] = "********"
    return plain


def _named(environ: Mapping[str, str]) -> Path | None:
    name = environ.get("MEDIAINDEX_CONFIG")
    if not name:
        return None
    path = Path(name).expanduser()
    if not path.is_file():
        raise ConfigError(f"MEDIAINDEX_CONFIG names {path}, which is no file")
    return path


def _found(environ: Mapping[str, str]) -> Path | None:
    home = Path(environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    usual = (home / "mediaindex" / "config.yaml", Path("/etc/mediaindex/config.yaml"))
    return next((path for path in usual if path.is_file()), None)


def _folder(
    environ: Mapping[str, str], kind: str, setting: str | None, places: Places, default: str
) -> Path:
    ours, systemds, xdgs = (f"MEDIAINDEX_{kind}_DIR", f"{kind}_DIRECTORY", f"XDG_{kind}_HOME")
    chosen, variable = environ.get(ours), ours
    if not chosen and not setting:
        # systemd hands a unit its own folders; several may be given, the first is ours.
        chosen, variable = environ.get(systemds, "").split(":")[0], systemds
        if not chosen and environ.get(xdgs):
            chosen, variable = str(Path(environ[xdgs]) / "mediaindex"), xdgs
    if chosen:
        places[(f"{kind.lower()}_dir",)] = variable
    return Path(chosen or setting or f"{default}/mediaindex").expanduser().absolute()


def _check_paths(settings: Settings, places: Places) -> None:
    """Check that paths mean the same from wherever the program is started.

    Raises:
        ConfigError: One does not.
    """
    paths: dict[Keys, str | None] = {
        ("libraries", number, "path"): library.path
        for number, library in enumerate(settings.libraries)
    }
    paths |= {("state_dir",): settings.state_dir, ("cache_dir",): settings.cache_dir}
    paths |= {("serve", "socket"): settings.serve.socket}
    paths |= {("serve", "token_file"): settings.serve.token_file}
    paths |= {("backup", "folder"): settings.backup.folder}
    paths |= {("immich", "webhook_secret_file"): settings.immich.webhook_secret_file}
    for keys, path in paths.items():
        if path is not None and not Path(path).expanduser().is_absolute():
            raise wrong(keys, places, f"expected a path from / or ~ on, not {path!r}")


def _check_zone(zone: str | None, places: Places) -> None:
    """Check that a time zone is one.

    Raises:
        ConfigError: It is not.
    """
    if zone is None:
        return
    # What only a mistake needs, or a zone, is loaded there: commands are to start quickly.
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        import difflib

        close = difflib.get_close_matches(zone, available_timezones(), n=1)
        meant = close[0] if close else "Europe/Lisbon"
        what = f"there is no time zone {zone!r}; expected one such as {meant}"
        raise wrong(("metadata", "home_zone"), places, what) from error
