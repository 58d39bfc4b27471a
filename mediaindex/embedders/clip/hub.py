"""Fetches a model's files from a hub. The only module that ever asks one.

`HF_ENDPOINT`, `HF_TOKEN` and the usual proxy variables count, as huggingface_hub reads them.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mediaindex.embedders.clip.names import ModelName, architecture_config, check_config
from mediaindex.embedders.clip.towers import NO_TELEMETRY, environment
from mediaindex.errors import ConfigError, RetryLater

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
"""Told what is being done, bytes done and bytes in all (0 where nobody knows)."""

CONFIG_FILE = "open_clip_config.json"
WEIGHTS_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""What open_clip looks for in a folder, best first."""

TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json")

TEXT_CONFIG_FILE = "config.json"
"""The architecture of a text tower that is one of transformers'."""

PATIENCE = {"HF_HUB_ETAG_TIMEOUT": os.environ.get("HF_HUB_ETAG_TIMEOUT", "5")}
"""Seconds until a hub that is silent counts as out of reach."""


class Hub:
    """One download: files go through a cache, so that a broken-off one goes on where it stopped."""

    def __init__(self, cache: Path, folder: Path, progress: Progress, token: str | None) -> None:
        """Take the cache, the folder that files end in, who is told, and a token or None."""
        with environment(NO_TELEMETRY | PATIENCE):
            import huggingface_hub.constants  # noqa: F401 - reads the switches on import
        _speak_through_our_log()
        self._cache = cache
        self._folder = folder
        self._progress = progress
        self._token = token

    def fetch_model(self, model: ModelName) -> None:
        """Put config, weights and, where the model has its own, tokenizer files into the folder.

        Raises:
            RetryLater: The hub cannot be reached, or wants a sign-in; the text says what to do.
            ConfigError: It has no such model.
        """
        if model.kind == "hub":
            repository = model.weights
            names: Sequence[str] = WEIGHTS_FILES
            self._fetch(repository, (CONFIG_FILE,))
            config = json.loads((self._folder / CONFIG_FILE).read_text(encoding="utf-8"))
        else:
            repository, names, config = _of_tag(model)
            (self._folder / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
        check_config(config)
        self._fetch(repository, names, self._weights_name)
        text = config["model_cfg"]["text_cfg"]
        if text.get("hf_tokenizer_name"):
            for name in TOKENIZER_FILES:
                self._fetch(text["hf_tokenizer_name"], (name,))
        if text.get("hf_model_name"):
            self._fetch(text["hf_model_name"], (TEXT_CONFIG_FILE,))

    @staticmethod
    def _weights_name(name: str) -> str:
        return WEIGHTS_FILES[0] if name.endswith(".safetensors") else WEIGHTS_FILES[1]

    def _fetch(
        self, repository: str, names: Sequence[str], rename: Callable[[str], str] = str
    ) -> None:
        """Put the first of `names` that the repository has into the folder."""
        from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

        for name in names:
            self._progress(f"asking the hub for {repository}/{name}", 0, 0)
            try:
                cached = self._download(repository, name)
            except LocalEntryNotFoundError as error:
                raise RetryLater(_unreachable(repository, error)) from error
            except EntryNotFoundError:
                continue
            _link(cached, self._folder / rename(name))
            return
        raise ConfigError(f"{repository} on the hub has none of {', '.join(names)}")

    def _download(self, repository: str, name: str) -> Path:
        import huggingface_hub as hub
        from huggingface_hub import errors

        unreachable = (OSError, errors.HTTPError)  # type: ignore[attr-defined] # its HTTP client's
        try:
            # By itself first: hf_hub_download goes on asking a hub that is not there for 24 s.
            hub.get_hf_file_metadata(hub.hf_hub_url(repository, name), token=self._token)
            path = hub.hf_hub_download(
                repository,
                name,
                cache_dir=self._cache,
                token=self._token,
                tqdm_class=_reporting(self._progress, f"{repository}/{name}"),
            )
        except errors.EntryNotFoundError:
            raise
        except errors.GatedRepoError as error:
            raise RetryLater(
                f"{repository} is given only to those who accepted its licence on the hub; "
                "do so, then put your token into HF_TOKEN"
            ) from error
        except (errors.RepositoryNotFoundError, errors.HFValidationError) as error:
            raise ConfigError(f"the hub has no model {repository!r}, or not for you") from error
        except unreachable as error:
            cached = hub.try_to_load_from_cache(repository, name, self._cache)
            if not isinstance(cached, str):
                raise RetryLater(_unreachable(repository, error)) from error
            path = cached
        return Path(path)


def published_settings(architecture: str, tag: str = "") -> dict[str, Any] | None:
    """Return what open_clip's table says of a tag: where it lies, mean, std, quick_gelu, and so on.

    With no tag: what the architecture's first one says. None: the table has no such entry. Imports
    open_clip, which takes seconds.
    """
    from mediaindex.embedders.clip.torchvision_ops import load_open_clip

    open_clip = load_open_clip()
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    found = open_clip.get_pretrained_cfg(architecture, tag or (tags[0] if tags else ""))
    return dict(found) if found else None


def preprocess_of(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the part of `published_settings` that says how pictures are prepared."""
    keys = ("mean", "std", "interpolation", "resize_mode")
    return {key: settings[key] for key in keys if key in settings}


def _of_tag(model: ModelName) -> tuple[str, Sequence[str], dict[str, Any]]:
    """Return a tag's repository, the names its weights may have there, and its config."""
    settings = published_settings(model.architecture, model.weights)
    if not settings or not settings.get("hf_hub"):
        raise ConfigError(f"open_clip has no weights {model.text!r} on the hub")
    repository, _, name = settings["hf_hub"].rpartition("/")
    safe = f"{Path(name).stem}.safetensors" if name else ""
    config = architecture_config(model.architecture)
    # open_clip only warns where the tag was trained with another activation; the model is then off.
    config["quick_gelu"] = settings.get("quick_gelu", False)
    return (
        repository,
        (safe, name) if name else WEIGHTS_FILES,
        {"model_cfg": config, "preprocess_cfg": preprocess_of(settings)},
    )


def _link(cached: Path, target: Path) -> None:
    blob = cached.resolve()
    try:
        os.link(blob, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(blob, target)


def _speak_through_our_log() -> None:
    """Take the hub library's own handler away, and its warnings of each retry unless asked for."""
    import huggingface_hub.utils.logging  # noqa: F401 - sets the handler and the level on import

    theirs = logging.getLogger("huggingface_hub")
    theirs.handlers.clear()
    theirs.setLevel(logging.WARNING if log.isEnabledFor(logging.INFO) else logging.ERROR)


def _unreachable(repository: str, error: BaseException) -> str:
    import huggingface_hub.constants as hub

    if hub.HF_HUB_OFFLINE:
        return f"{repository} cannot be fetched: HF_HUB_OFFLINE is set"
    reason = " ".join(str(error).split())[:200]
    return (
        f"{repository} cannot be fetched from {hub.ENDPOINT}: {reason}\n"
        "Without a network: on a computer that has one, save that repository's files "
        f"({CONFIG_FILE}, {WEIGHTS_FILES[0]}, tokenizer.json if there is one) into a folder, copy "
        "the folder here, and run: mediaindex model download /path/to/the/folder"
    )


def _reporting(progress: Progress, what: str) -> type[Any]:
    """Return a progress bar class for huggingface_hub that draws nothing and tells `progress`."""
    from tqdm import tqdm  # type: ignore[import-untyped] # it ships no types

    class Reporting(tqdm):  # type: ignore[misc] # tqdm has no types
        def __init__(self, *args: object, **settings: Any) -> None:  # noqa: ANN401 - tqdm's own
            settings.pop("name", None)
            self._done = int(settings.get("initial") or 0)
            super().__init__(*args, **(settings | {"disable": True}))
            self._size = int(settings.get("total") or 0)

        def update(self, n: float | None = 1) -> None:
            self._done += int(n or 0)
            progress(what, self._done, self._size)

    return Reporting
