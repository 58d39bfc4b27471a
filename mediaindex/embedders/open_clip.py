"""Sees what is in a picture: any model that open_clip knows, on ONNX Runtime or on torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from mediaindex.embedders.clip.pixels import to_pixels
from mediaindex.embedders.clip.tokens import Tokens
from mediaindex.embedders.clip.towers import (
    ModelFile,
    OnnxTower,
    TorchModel,
    TorchTower,
    Tower,
    gpu_at_hand,
)
from mediaindex.embedders.clip.weights import Installed, find
from mediaindex.errors import ConfigError
from mediaindex.types import RGB, Vectors

Runtime = Literal["auto", "onnx", "onnx-int8", "torch"]
"""What computes. Measured in benchmarks/RESULTS.md: fp32 ONNX Runtime gives torch's vectors, is as
quick or quicker on a CPU, and starts in a tenth of the time. int8 is quicker still, but ranks a
little differently, so its vectors are kept apart (their `model_id` ends in `+int8`)."""


@dataclass(frozen=True)
class Options:
    """The `embedder:` section of config.yaml, as far as it concerns this embedder."""

    model: str
    models_dir: Path
    runtime: Runtime = "auto"
    #: auto, cpu, cuda, cuda:1, mps
    device: str = "auto"
    #: Pictures at a time.
    batch: int = 16
    #: 0: all cores.
    threads: int = 0
    #: How a text is put to the model; {} is the text. CLIP was trained on captions, and published
    #: figures use "a photo of a {}" for single words; questions are sentences, so they go as is.
    prompt: str = "{}"


class OpenClip:
    """An open_clip model on this machine. Safe from any thread; weights are read on first use."""

    semantic = True

    def __init__(self, model: Installed, options: Options) -> None:
        manifest = model.manifest
        int8 = options.runtime == "onnx-int8"
        self.model_id = f"{manifest.model_id}+int8" if int8 else manifest.model_id
        self.dim = manifest.dim
        self._preprocess = manifest.preprocess
        self._text_rules = manifest.text
        self._options = options
        self._picture_tower, self._text_tower = _towers(model.folder, options)
        self._tokenizer_json = model.folder / "tokenizer.json"
        self._tokens: Tokens | None = None

    def embed_images(self, images: Sequence[RGB]) -> Vectors:
        """Return float32 (len(images), dim), unit rows, in the order given.

        Only `batch` pictures are in work at a time, so memory does not grow with their number.

        Raises:
            RetryLater: The model's files are damaged.
        """
        rows = np.empty((len(images), self.dim), dtype=np.float32)
        for start in range(0, len(images), self._options.batch):
            part = images[start : start + self._options.batch]
            pixels = to_pixels(part, self._preprocess)
            rows[start : start + len(part)] = self._picture_tower.encode(pixels)
        return _unit(rows)

    def embed_texts(self, texts: Sequence[str]) -> Vectors:
        """Return float32 (len(texts), dim), unit rows. Text past the context is cut off.

        Raises:
            RetryLater: The model's files are damaged.
        """
        asked = [self._options.prompt.replace("{}", text) for text in texts]
        rows = np.empty((len(asked), self.dim), dtype=np.float32)
        for start in range(0, len(asked), self._options.batch):
            part = asked[start : start + self._options.batch]
            tokens = self._tokenizer().encode(part)
            rows[start : start + len(part)] = self._text_tower.encode(tokens)
        return _unit(rows)

    def split_text(self, text: str) -> list[str]:
        """Return `text` in pieces that fit the context with the prompt, at sentence ends if it can.

        A blank text has no pieces.
        """
        return self._tokenizer().split(text, self._options.prompt)

    def _tokenizer(self) -> Tokens:
        if self._tokens is None:
            self._tokens = Tokens(self._tokenizer_json, self._text_rules)
        return self._tokens


def build(options: Mapping[str, object]) -> OpenClip:
    """Build from the `embedder:` section of config.yaml plus `models_dir`.

    Cheap: reads a small JSON file, imports neither torch nor open_clip.

    Raises:
        ConfigError: An option that cannot be.
        RetryLater: The model is not on this machine; the text names the command that brings it.
    """
    known = {
        key: options[key] for key in (field.name for field in fields(Options)) if key in options
    }
    chosen = Options(**cast("dict[str, Any]", known))
    if chosen.runtime not in get_args(Runtime):
        allowed = ", ".join(get_args(Runtime))
        raise ConfigError(f"embedder.runtime: {chosen.runtime!r} is none of {allowed}")
    if "{}" not in chosen.prompt:
        raise ConfigError(f"embedder.prompt: {chosen.prompt!r} has no place {{}} for the text")
    return OpenClip(find(chosen.model, Path(chosen.models_dir)), chosen)


def _towers(folder: Path, options: Options) -> tuple[Tower, Tower]:
    """Return the picture tower and the text tower that the options ask for.

    With `auto` a GPU gets the pictures; words stay on ONNX Runtime, so that a search need not wait
    seconds for torch.
    """
    device = "cuda" if options.device == "auto" and gpu_at_hand() else options.device
    on_cpu = device in ("auto", "cpu")
    if options.runtime.startswith("onnx"):
        if options.device not in ("auto", "cpu"):
            raise ConfigError(f"embedder.runtime: {options.runtime} computes on the CPU only")
        name: ModelFile = "int8" if options.runtime == "onnx-int8" else "model"
        return (
            OnnxTower(folder / "picture", name, options.threads),
            OnnxTower(folder / "text", name, options.threads),
        )
    torch_model = TorchModel(folder, "cpu" if on_cpu else device, options.threads)
    if options.runtime == "torch":
        return TorchTower(torch_model, "picture"), TorchTower(torch_model, "text")
    text = OnnxTower(folder / "text", "model", options.threads)
    if on_cpu:
        return OnnxTower(folder / "picture", "model", options.threads), text
    return TorchTower(torch_model, "picture"), text


def _unit(rows: Vectors) -> Vectors:
    """Return `rows` at unit length exactly; half precision on a GPU leaves them off by a little."""
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows
