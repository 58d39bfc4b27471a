"""What is written beside a model on this machine: what it is, whence, and what it must look like.

A model's folder in `models_dir`:

    manifest.json            this; written last, so a folder with one is whole
    open_clip_config.json    architecture and preprocessing, in open_clip's own form
    open_clip_model.safetensors | open_clip_pytorch_model.bin
    tokenizer.json           for the `tokenizers` package
    picture/model.onnx       the picture tower, fp32, its weights beside it in `model.data`
    picture/int8.onnx        made when first asked for
    text/                    the text tower, the same
"""

from pathlib import Path
from typing import Literal

import msgspec

from mediaindex.errors import ConfigError

FILE = "manifest.json"

CleanRule = Literal["lower", "canonicalize", "whitespace"]


class Preprocess(msgspec.Struct, frozen=True):
    """What a picture goes through before the model sees it; names as in open_clip."""

    #: Height and width.
    size: tuple[int, int]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"
    #: shortest: fill the square and cut off what sticks out; squash: distort; longest: pad.
    resize_mode: Literal["shortest", "squash", "longest"] = "shortest"
    fill_color: int = 0


class TextRules(msgspec.Struct, frozen=True):
    """How words become tokens, beyond what `tokenizer.json` says."""

    #: Tokens the model reads, its marks of start and end among them.
    context: int
    clean: CleanRule
    #: The token that fills a short text up to `context`.
    pad_id: int = 0
    #: A token to be blanked (CLIPA's models want that of BERT's separator), or None.
    blank_id: int | None = None


class Source(msgspec.Struct, frozen=True):
    """The file that a local model was taken from, as it was then."""

    path: str
    size_bytes: int
    mtime_ns: int


class Manifest(msgspec.Struct, frozen=True):
    """One model on this machine."""

    #: As `parse_name` writes it in full.
    name: str
    #: Names architecture and weights; vectors of different ids are never compared.
    model_id: str
    dim: int
    preprocess: Preprocess
    text: TextRules
    #: The checkpoint's name in the folder.
    weights_file: str
    #: SHA-256 by file name, relative to the folder.
    sha256: dict[str, str]
    #: Of everything in the folder.
    size_bytes: int
    #: Set for models taken from this machine's own disk.
    source: Source | None = None


def read_manifest(folder: Path) -> Manifest | None:
    """Return what lies in a model's folder; None if it is no model, or not a whole one.

    Raises:
        ConfigError: The manifest is not one that this version wrote.
    """
    path = folder / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except msgspec.DecodeError as error:
        raise ConfigError(f"{path} cannot be read ({error}); delete {folder}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write it into `folder`; the last step of making a model."""
    (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
