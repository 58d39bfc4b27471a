"""Which models are on this machine, and how one gets there.

A model is made in a folder beside its place and renamed into it when all of it is there, so half a
download is never taken for a model.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mediaindex.embedders.clip.hub import (
    CONFIG_FILE,
    TEXT_CONFIG_FILE,
    TOKENIZER_FILES,
    WEIGHTS_FILES,
    Hub,
    Progress,
)
from mediaindex.embedders.clip.manifest import (
    FILE,
    Manifest,
    Preprocess,
    Source,
    TextRules,
    read_manifest,
    write_manifest,
)
from mediaindex.embedders.clip.names import ModelName, architecture_config, check_config, parse_name
from mediaindex.embedders.clip.presets import describe, size_words
from mediaindex.embedders.clip.tokens import special_id, write_clip_tokenizer
from mediaindex.embedders.clip.towers import NO_TELEMETRY, OFFLINE
from mediaindex.errors import ConfigError, RetryLater

EXPORT_LIMIT_S = 3600
"""How long turning a model into ONNX may take; the largest take minutes."""


@dataclass(frozen=True)
class Installed:
    """A model on this machine and its folder."""

    folder: Path
    manifest: Manifest


def _no_report(_what: str, _done: int, _total: int) -> None:
    """Tell nobody."""


def installed(models_dir: Path) -> list[Installed]:
    """Return the whole models in `models_dir`, by name; none where there is no such folder."""
    found = []
    for path in models_dir.glob(f"*/{FILE}"):
        manifest = read_manifest(path.parent)
        if manifest and not path.parent.name.startswith("."):
            found.append(Installed(path.parent, manifest))
    return sorted(found, key=lambda model: model.manifest.name)


def find(name: str, models_dir: Path) -> Installed:
    """Return the model that `name` means, if it is here.

    Raises:
        ConfigError: `name` means nothing.
        RetryLater: It is not here, or the file it was taken from has changed; says what to run.
    """
    model = parse_name(name)
    folder = models_dir / model.folder_name
    manifest = read_manifest(folder)
    if manifest is None:
        raise RetryLater(f"the model {name} is not on this machine; {remedy(name)}")
    if manifest.source and _changed(manifest.source):
        raise RetryLater(f"{manifest.source.path} has changed since it was taken; {remedy(name)}")
    return Installed(folder, manifest)


def remedy(name: str) -> str:
    """Return the command that brings a model here, with its size where that is known."""
    size = describe(name).download_bytes
    return f"run: mediaindex model download {name}" + (f" ({size_words(size)})" if size else "")


def download(
    name: str, models_dir: Path, progress: Progress = _no_report, token: str | None = None
) -> Manifest:
    """Bring a model here, whole and checked; one that is here and sound is left as it is.

    Whatever `name` means: what has a path is copied from there and no network is asked.

    Args:
        name: As in `embedder.model`.
        models_dir: Made if missing.
        progress: Told of every step.
        token: For weights that a hub gives only to those who signed in; None: HF_TOKEN's, if set.

    Raises:
        ConfigError: `name` means nothing, or what it names is no open_clip model.
        RetryLater: No network, no room, or a hub that refuses; the text says what to do.
    """
    model = parse_name(name)
    models_dir.mkdir(parents=True, exist_ok=True)
    with _alone(models_dir):
        final = models_dir / model.folder_name
        manifest = _sound(final)
        if manifest:
            return manifest
        _room_for(describe(name).download_bytes or 0, models_dir)
        with _staging(models_dir) as folder:
            source = _gather(model, folder, models_dir / ".downloads", progress, token)
            progress("preparing for this machine", 0, 0)
            manifest = _finish(model, folder, source)
            shutil.rmtree(final, ignore_errors=True)
            folder.rename(final)
        shutil.rmtree(models_dir / ".downloads", ignore_errors=True)
    return manifest


def _gather(
    model: ModelName, folder: Path, cache: Path, progress: Progress, token: str | None
) -> Source | None:
    """Put config, weights and tokenizer of a model into `folder`, from the hub or from its path."""
    if model.path is None:
        Hub(cache, folder, progress, token).fetch_model(model)
        return None
    progress(f"copying {model.path}", 0, 0)
    weights = _checkpoint(model.path)
    if model.kind == "folder":
        shutil.copyfile(model.path / CONFIG_FILE, folder / CONFIG_FILE)
    else:
        config = {"model_cfg": architecture_config(model.architecture)}
        (folder / CONFIG_FILE).write_text(json.dumps(config), encoding="utf-8")
    check_config(json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8")))
    target = WEIGHTS_FILES[0] if weights.suffix == ".safetensors" else WEIGHTS_FILES[1]
    shutil.copyfile(weights, folder / target)
    for name in (*TOKENIZER_FILES, TEXT_CONFIG_FILE):
        if (weights.parent / name).is_file():
            shutil.copyfile(weights.parent / name, folder / name)
    stat = weights.stat()
    return Source(str(weights), stat.st_size, stat.st_mtime_ns)


def _checkpoint(path: Path) -> Path:
    """Return the weights that a path means.

    Raises:
        ConfigError: There are none.
    """
    if path.is_file():
        return path
    if not (path / CONFIG_FILE).is_file():
        raise ConfigError(
            f"embedder.model: {path} is no checkpoint, nor a folder with {CONFIG_FILE}"
        )
    usual = [path / name for name in WEIGHTS_FILES]
    others = sorted(p for suffix in ("safetensors", "bin", "pt") for p in path.glob(f"*.{suffix}"))
    for candidate in [*usual, *others]:
        if candidate.is_file():
            return candidate
    raise ConfigError(f"embedder.model: {path} has no weights ({', '.join(WEIGHTS_FILES)})")


def _finish(model: ModelName, folder: Path, source: Source | None) -> Manifest:
    """Make tokenizer, ONNX models and manifest in a folder that has config and weights."""
    config = json.loads((folder / CONFIG_FILE).read_text(encoding="utf-8"))
    text = _text_rules(config["model_cfg"]["text_cfg"], folder)
    facts = _export(folder, model)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sha256 = {str(path.relative_to(folder)): _sha256(path) for path in files}
    preprocess = msgspec.convert(facts["preprocess"], Preprocess)
    manifest = Manifest(
        name=model.text,
        model_id=_model_id(model, sha256),
        dim=facts["dim"],
        preprocess=preprocess,
        text=text,
        weights_file=next(name for name in WEIGHTS_FILES if (folder / name).is_file()),
        sha256=sha256,
        size_bytes=sum(path.stat().st_size for path in files),
        source=source,
    )
    write_manifest(folder, manifest)
    return manifest


def _model_id(model: ModelName, sha256: Mapping[str, str]) -> str:
    """Return what names the weights: a published tag does, all else by its content.

    What counts is all that vectors depend on: weights, config with preprocessing, tokenizer.
    """
    if model.kind == "tag":
        return model.text
    names = (CONFIG_FILE, "tokenizer.json", *WEIGHTS_FILES)
    content = "".join(sha256.get(name, "") for name in names)
    mark = hashlib.sha256(content.encode()).hexdigest()[:12]
    shown = model.text if model.kind == "hub" else model.architecture or Path(model.text).name
    return f"{shown}@{mark}"


def _text_rules(text_config: Mapping[str, Any], folder: Path) -> TextRules:
    """Return how a model reads words; writes CLIP's tokenizer where the model has none of its own.

    Raises:
        ConfigError: The model has a tokenizer of its own, and it is missing.
    """
    path = folder / "tokenizer.json"
    context = int(text_config.get("context_length", 77))
    settings = text_config.get("tokenizer_kwargs", {})
    if not text_config.get("hf_tokenizer_name"):
        write_clip_tokenizer(path)
        return TextRules(context, clean=settings.get("clean", "lower"))
    if not path.is_file():
        raise ConfigError("this model has a tokenizer of its own: put its tokenizer.json beside it")
    marks = folder / "tokenizer_config.json"
    separator = special_id(path, marks, "sep_token") if settings.get("strip_sep_token") else None
    return TextRules(
        context,
        clean=settings.get("clean", "whitespace"),
        pad_id=special_id(path, marks, "pad_token") or 0,
        blank_id=separator,
    )


def _export(folder: Path, model: ModelName) -> dict[str, Any]:
    """Run `export.py` in a process of its own and return the facts it printed.

    Raises:
        ConfigError: open_clip cannot load this checkpoint, or the export went wrong.
    """
    command = [sys.executable, "-m", "mediaindex.embedders.clip.export", str(folder)]
    try:
        done = subprocess.run(
            [*command, model.architecture],
            capture_output=True,
            text=True,
            timeout=EXPORT_LIMIT_S,
            env=os.environ | OFFLINE | NO_TELEMETRY,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise RetryLater(f"preparing {model.text} took over {EXPORT_LIMIT_S} s") from error
    if done.returncode < 0:
        raise RetryLater(
            f"preparing {model.text} was killed (signal {-done.returncode}); it takes about 3.5 "
            "times the size of the weights in memory"
        )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ConfigError(f"{model.text} cannot be used: {last}")
    facts: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return facts


def _sound(folder: Path) -> Manifest | None:
    """Return the manifest of a folder whose files are all as they were made, else None."""
    manifest = read_manifest(folder)
    if manifest is None or (manifest.source and _changed(manifest.source)):
        return None
    whole = all(
        (folder / name).is_file() and _sha256(folder / name) == digest
        for name, digest in manifest.sha256.items()
    )
    return manifest if whole else None


def _changed(source: Source) -> bool:
    """Return whether the file a model was taken from is another now; gone is not changed."""
    try:
        stat = Path(source.path).stat()
    except OSError:
        return False
    return (stat.st_size, stat.st_mtime_ns) != (source.size_bytes, source.mtime_ns)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _room_for(download_bytes: int, folder: Path) -> None:
    needed = download_bytes * 2  # the weights, and the same again as ONNX
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise RetryLater(f"{folder} has {size_words(free)} free; {size_words(needed)} are needed")


@contextmanager
def _staging(models_dir: Path) -> Iterator[Path]:
    """Give a fresh folder; whatever is left of it, or of one that was killed, is removed."""
    for left in models_dir.glob(".partial-*"):
        shutil.rmtree(left)
    folder = Path(tempfile.mkdtemp(prefix=".partial-", dir=models_dir))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _alone(models_dir: Path) -> Iterator[None]:
    """Wait until no other process brings a model here."""
    with (models_dir / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
