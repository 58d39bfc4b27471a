"""A true open_clip model with random weights, small enough to make in a test.

    options = tiny_clip(models_dir)
    embedder = embedders.load("open_clip", options)

It has the shape of ViT-B-32 (picture tower, text tower, CLIP's own tokenizer, 77 tokens) and knows
nothing: its vectors are stable and distinct, and mean nothing.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from mediaindex.embedders.clip.weights import download
from tests.once import once

CONFIG = {
    "model_cfg": {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 64,
            "layers": 2,
            "width": 64,
            "head_width": 32,
            "patch_size": 16,
        },
        "text_cfg": {
            "context_length": 77,
            "vocab_size": 49408,
            "width": 64,
            "heads": 2,
            "layers": 2,
        },
    },
    "preprocess_cfg": {"resize_mode": "shortest", "interpolation": "bicubic"},
}

MAKE = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import save_file
from mediaindex.embedders.clip.torchvision_ops import load_open_clip

folder, seed = Path(sys.argv[1]), int(sys.argv[2])
open_clip = load_open_clip()
open_clip.add_model_config(folder / "tiny.json")
torch.manual_seed(seed)
model = open_clip.create_model("tiny", pretrained=None)
weights = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
save_file(weights, folder / "open_clip_model.safetensors")
"""


def save_checkpoint(folder: Path, seed: int = 0) -> Path:
    """Write the tiny model's config and weights into `folder`, as open_clip would; return it.

    In a process of its own: a test that imports torch would make others slow.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "open_clip_config.json").write_text(json.dumps(CONFIG))
    (folder / "tiny.json").write_text(json.dumps(CONFIG["model_cfg"]))
    subprocess.run([sys.executable, "-c", MAKE, str(folder), str(seed)], check=True)
    return folder


def tiny_clip(models_dir: Path) -> dict[str, object]:
    """Put the tiny model into `models_dir` and return the options that load it."""
    ready = once("tiny-clip", _make)
    shutil.copytree(ready / "models", models_dir, dirs_exist_ok=True)
    return {"model": _name(ready), "models_dir": models_dir, "runtime": "onnx", "device": "cpu"}


def in_a_fresh_process(program: str, options: dict[str, object], **environment: str) -> Any:
    """Run `program`, which finds `options` and prints JSON; return what it printed."""
    asked = json.dumps(options | {"models_dir": str(options["models_dir"])})
    start = "import json, sys; options = json.loads(sys.argv[1])\n"
    done = subprocess.run(
        [sys.executable, "-c", start + program, asked],
        env=os.environ | {"HF_HUB_OFFLINE": "0"} | environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)


def _name(folder: Path) -> str:
    return f"local-dir:{folder / 'checkpoint'}"


def _make(folder: Path) -> None:
    save_checkpoint(folder / "checkpoint")
    download(_name(folder), folder / "models")
