"""What computes: one tower of a model, on ONNX Runtime or on torch. Weights are read on first use.

Safe from any thread: whoever comes first loads, the others wait.
"""

import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from mediaindex.errors import RetryLater
from mediaindex.types import Vectors

log = logging.getLogger(__name__)

OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
"""Forbids huggingface_hub, which open_clip imports, the network; only a download may use it."""

NO_TELEMETRY = {"HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
"""Keeps huggingface_hub from telling of its use."""

Kind = Literal["picture", "text"]

ModelFile = Literal["model", "int8"]
"""Which of a tower's ONNX files: as exported, fp32, or with weights in 8-bit whole numbers."""

Inputs = npt.NDArray[np.float32] | npt.NDArray[np.int64]
"""Pixels, float32 (n, 3, height, width), or tokens, int64 (n, context)."""


class Tower(Protocol):
    """Half of a model: pixels or tokens in, vectors out."""

    def encode(self, inputs: Inputs) -> Vectors:
        """Return float32 (n, dim); rows are of about unit length."""


class OnnxTower:
    """A tower on ONNX Runtime, on the CPU."""

    def __init__(self, folder: Path, name: ModelFile, threads: int) -> None:
        """Take the tower's folder, which of its files, and the threads; 0: all cores."""
        self._folder = folder
        self._name = name
        self._threads = threads
        self._lock = threading.Lock()

    def encode(self, inputs: Inputs) -> Vectors:
        """Return float32 (n, dim).

        Raises:
            RetryLater: The model file cannot be read; the text says what to do.
        """
        with self._lock:
            session = self._session
        outputs = session.run(None, {"inputs": inputs})
        return np.asarray(outputs[0], dtype=np.float32)

    @cached_property
    def _session(self) -> Any:  # noqa: ANN401 - onnxruntime has no types
        import onnxruntime
        from onnxruntime.capi import onnxruntime_pybind11_state as failures

        if self._name == "int8":
            make_int8(self._folder)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 4  # what goes wrong is raised as well
        path = self._folder / f"{self._name}.onnx"
        providers = ["CPUExecutionProvider"]
        try:
            return onnxruntime.InferenceSession(str(path), options, providers=providers)
        except (failures.Fail, failures.InvalidProtobuf, failures.NoSuchFile) as error:
            raise RetryLater(
                f"{path} cannot be read ({type(error).__name__}); "
                "run: mediaindex model download, which puts it right"
            ) from error


class TorchModel:
    """A whole model in torch, read from its folder on first use."""

    def __init__(self, folder: Path, device: str, threads: int) -> None:
        self._folder = folder
        self._device = device
        self._threads = threads
        self._lock = threading.Lock()

    def encode(self, kind: Kind, inputs: Inputs) -> Vectors:
        """Return float32 (n, dim), computed in float16 where the device is a GPU."""
        import torch

        with self._lock:
            model = self._model
        tensor = torch.from_numpy(inputs).to(self._device)
        on_gpu = self._device.startswith("cuda")
        encode = model.encode_image if kind == "picture" else model.encode_text
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=on_gpu):
            vectors = encode(tensor, normalize=True)
        rows: Vectors = vectors.float().cpu().numpy()
        return rows

    @cached_property
    def _model(self) -> Any:  # noqa: ANN401 - open_clip has no types
        import torch

        if self._threads:
            torch.set_num_threads(self._threads)
        if self._device.startswith("cuda") and not torch.cuda.is_available():
            log.warning("torch cannot use %s here; pictures go the slow way", self._device)
            self._device = "cpu"
        return load_model(self._folder).to(self._device)


class TorchTower:
    """One tower of a `TorchModel`."""

    def __init__(self, model: TorchModel, kind: Kind) -> None:
        self._model = model
        self._kind = kind

    def encode(self, inputs: Inputs) -> Vectors:
        """Return float32 (n, dim)."""
        return self._model.encode(self._kind, inputs)


def load_model(folder: Path) -> Any:  # noqa: ANN401 - open_clip has no types
    """Return the open_clip model of a folder, in evaluation mode, on the CPU; asks no network."""
    from mediaindex.embedders.clip.torchvision_ops import load_open_clip

    config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
    text = config["model_cfg"]["text_cfg"]
    own: dict[str, object] = {}
    if text.get("hf_model_name"):  # transformers' own config of it lies in the folder as well
        own["text_cfg"] = text | {"hf_model_name": str(folder), "hf_model_pretrained": False}
    with environment(OFFLINE | NO_TELEMETRY):
        open_clip = load_open_clip()
        model = open_clip.create_model(f"local-dir:{folder}", require_pretrained=True, **own)
    return model.eval()


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while; what is imported meanwhile has read them for good."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def gpu_at_hand() -> bool:
    """Return whether this machine shows an NVIDIA GPU and torch is a build that can use one.

    Does not import torch, which takes seconds.
    """
    try:
        build = version("torch")
    except PackageNotFoundError:
        return False
    nodes = (Path("/dev/nvidiactl"), Path("/dev/dxg"))
    return not build.endswith("+cpu") and any(node.exists() for node in nodes)


def make_int8(folder: Path) -> None:
    """Make a tower's `int8.onnx` from its `model.onnx`, if it is not there yet; takes seconds.

    Weights per channel, and in 7 bits: processors without VNNI overflow with 8.
    """
    made = folder / "int8.onnx"
    if made.is_file():
        return
    from onnxruntime.quantization import QuantType, quantize_dynamic

    partial = made.with_suffix(f".{os.getpid()}.partial")
    quantize_dynamic(
        folder / "model.onnx",
        partial,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
    )
    partial.replace(made)
