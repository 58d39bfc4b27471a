"""What a person may write as `embedder.model`, and what is meant by it."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from mediaindex.embedders.clip.presets import PRESETS
from mediaindex.errors import ConfigError

HUB = "hf-hub:"
FOLDER = "local-dir:"


@dataclass(frozen=True)
class ModelName:
    """One model, and where its weights come from."""

    kind: Literal["tag", "hub", "file", "folder"]
    #: In full: `ViT-B-32/openai`, `hf-hub:org/name`, `ViT-B-32@/a/file.pt`, `local-dir:/a/folder`.
    text: str
    #: open_clip's name of the architecture; empty where the model's own config says it.
    architecture: str = ""
    #: The tag, or `org/name` on the hub; empty for what lies on this machine.
    weights: str = ""
    #: Absolute; the checkpoint, or the folder with `open_clip_config.json`. None for tag and hub.
    path: Path | None = None

    @property
    def folder_name(self) -> str:
        """The folder of this model in `models_dir`; the same text always gives the same."""
        if self.path is not None:
            mark = hashlib.sha256(self.text.encode()).hexdigest()[:8]
            return f"local--{self.path.stem}--{mark}"
        return self.text.replace(HUB, "hf-hub/").replace("/", "--")


def parse_name(name: str) -> ModelName:
    """Return what `name` means; the files and weights it names need not be there.

    Args:
        name: A preset (`fast`), `ARCHITECTURE/WEIGHTS` as open_clip lists them,
            `hf-hub:OWNER/NAME`, a folder with `open_clip_config.json` (`local-dir:/path` or the
            path alone), or a checkpoint with its architecture (`ViT-B-32@/path/to/weights.pt`).

    Raises:
        ConfigError: It is none of these, or open_clip knows no such architecture.
    """
    name = PRESETS[name].model if name in PRESETS else name
    architecture, at, path_text = name.partition("@")
    if name.startswith(HUB) and name.count("/") == 1:
        return ModelName("hub", name, weights=name.removeprefix(HUB))
    if name.startswith((FOLDER, "/", "~", ".")):
        path = _absolute(name.removeprefix(FOLDER))
        if path.is_file():
            raise ConfigError(f"embedder.model: say which architecture: ViT-B-32@{path}")
        return ModelName("folder", f"{FOLDER}{path}", path=path)
    if at:
        architecture_config(architecture)
        path = _absolute(path_text)
        return ModelName("file", f"{architecture}@{path}", architecture, path=path)
    architecture, slash, tag = name.partition("/")
    if not slash or not tag or "/" in tag:
        raise ConfigError(
            f"embedder.model: {name!r} is no preset ({', '.join(PRESETS)}), and neither "
            "ARCHITECTURE/WEIGHTS, hf-hub:OWNER/NAME, a folder, nor ARCHITECTURE@CHECKPOINT"
        )
    architecture_config(architecture)
    return ModelName("tag", name, architecture, weights=tag)


def architecture_config(architecture: str) -> dict[str, Any]:
    """Return open_clip's own config of an architecture, read without importing open_clip.

    Raises:
        ConfigError: open_clip knows no such architecture; the text names those alike.
    """
    folder = open_clip_folder() / "model_configs"
    path = folder / f"{architecture}.json"
    if not path.is_file():
        known = [path.stem for path in folder.glob("*.json")]
        alike = get_close_matches(architecture, known, n=5)
        hint = f"; did you mean {', '.join(alike)}?" if alike else ""
        raise ConfigError(f"embedder.model: open_clip has no architecture {architecture!r}{hint}")
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return config


def check_config(config: Mapping[str, Any]) -> None:
    """Look whether a model can be loaded here, before gigabytes of it are fetched.

    Args:
        config: What `open_clip_config.json` holds.

    Raises:
        ConfigError: It cannot; the text says what is missing.
    """
    text = config["model_cfg"]["text_cfg"]
    if text.get("tokenizer_mode"):
        raise ConfigError(f"its tokenizer is of a kind unknown here: {text['tokenizer_mode']!r}")
    if text.get("hf_model_name") and find_spec("transformers") is None:
        raise ConfigError("its text tower is one of transformers': pip install transformers")


def open_clip_folder() -> Path:
    """Return where the open_clip package lies; importing it would take seconds."""
    spec = find_spec("open_clip")
    if spec is None or spec.origin is None:
        raise ConfigError("the package open-clip-torch is not installed")
    return Path(spec.origin).parent


def _absolute(text: str) -> Path:
    return Path(text).expanduser().resolve()
