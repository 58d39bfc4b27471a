"""Turns a model's weights into ONNX; run once, as a process of its own.

    python -m mediaindex.embedders.clip.export FOLDER

In its own process, because torch and the traced copies of a model take gigabytes that a daemon
would never give back. Prints what it found out as JSON. An export that does not say what torch says
is an error, so a model whose tracing went wrong is never used.
"""

import json
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from mediaindex.embedders.clip.hub import preprocess_of, published_settings
from mediaindex.embedders.clip.towers import Kind, OnnxTower, load_model

OPSET = 17
"""The newest that torch's older exporter writes; that one needs no further package."""

ALIKE = 0.9999
"""Cosine between torch's vector and ONNX Runtime's below which an export counts as failed."""


@dataclass(frozen=True)
class Facts:
    """What only the built model knows."""

    dim: int
    #: As in open_clip's PreprocessCfg.
    preprocess: dict[str, Any]


def export(folder: Path, architecture: str = "") -> Facts:
    """Write `picture/model.onnx` and `text/model.onnx` beside the weights in `folder`.

    Raises:
        ValueError: ONNX Runtime does not compute what torch computes.
    """
    config = _whole_config(folder, architecture)
    model = load_model(folder)
    preprocess = dict(model.visual.preprocess_cfg)
    size = preprocess["size"]
    height, width = size if isinstance(size, list | tuple) else (size, size)
    preprocess["size"] = [height, width]
    context = int(config["model_cfg"]["text_cfg"].get("context_length", 77))
    random = np.random.default_rng(0)
    pixels = random.standard_normal((3, 3, height, width)).astype(np.float32)
    tokens = np.zeros((3, context), dtype=np.int64)
    tokens[:, :5] = random.integers(3, 100, (3, 5))
    _export_tower(model, "picture", pixels, folder)
    dim = _export_tower(model, "text", tokens, folder)
    return Facts(dim, preprocess)


def _export_tower(model: Any, kind: Kind, inputs: Any, folder: Path) -> int:  # noqa: ANN401 - no types
    import torch

    class Half(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, inputs: Any) -> Any:  # noqa: ANN401 - no types
            encode = self.model.encode_image if kind == "picture" else self.model.encode_text
            return encode(inputs, normalize=True)

    # The fused attention of eval mode cannot be exported (aten::_native_multi_head_attention).
    torch.backends.mha.set_fastpath_enabled(False)
    half = Half().eval()
    with torch.inference_mode():
        expected = half(torch.from_numpy(inputs)).numpy()
    with TemporaryDirectory(dir=folder) as scratch, torch.no_grad(), warnings.catch_warnings():
        # A trace warns of every Python branch on a shape; whether it matters is measured below.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            half,
            (torch.from_numpy(inputs[:2]),),
            f"{scratch}/model.onnx",
            dynamo=False,
            opset_version=OPSET,
            input_names=["inputs"],
            output_names=["vectors"],
            dynamic_axes={"inputs": {0: "n"}, "vectors": {0: "n"}},
        )
        _save(Path(scratch) / "model.onnx", folder / kind)
    tower = OnnxTower(folder / kind, "model", threads=0)
    got = np.concatenate([tower.encode(inputs[:1]), tower.encode(inputs)[1:]])
    alike = float((got * expected).sum(axis=1).min())
    if not alike >= ALIKE:
        raise ValueError(f"the {kind} tower differs after export: cosine {alike:.5f}")
    return int(expected.shape[1])


def _save(traced: Path, folder: Path) -> None:
    """Write what was traced as `model.onnx` with its weights beside it in `model.data`.

    ONNX Runtime maps such a file into memory instead of copying it: a fresh process answers its
    first question in half the time, and a model may be larger than protobuf's 2 GB.
    """
    import onnx

    folder.mkdir()
    model = onnx.load(traced)
    onnx.save(model, folder / "model.onnx", save_as_external_data=True, location="model.data")


def _whole_config(folder: Path, architecture: str) -> dict[str, Any]:
    """Return the folder's config, first adding how its pictures are prepared if it does not say.

    A bare checkpoint does not; what open_clip's table says of the architecture's published weights
    then holds.
    """
    path = folder / "open_clip_config.json"
    config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    settings = published_settings(architecture) if architecture else None
    if settings and "preprocess_cfg" not in config:
        config["preprocess_cfg"] = preprocess_of(settings)
        path.write_text(json.dumps(config), encoding="utf-8")
    return config


if __name__ == "__main__":
    facts = export(Path(sys.argv[1]), *sys.argv[2:])
    sys.stdout.write(json.dumps({"dim": facts.dim, "preprocess": facts.preprocess}))
