"""Which runtime computes a model fastest, and does it rank as torch does?

    python benchmarks/runtimes.py [--pictures 600] [--rounds 5] [--weights FOLDER]

Without `--weights` the model is ViT-B-32 with random weights: speed is what it would be with any,
cosines hold, but the overlap of ranks is a worst case (see RESULTS.md). With `--weights` naming a
folder that open_clip can load, all figures are of that model. Pictures are crops of the
photographs in ../shared/media/photos.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable  # noqa: TC003 - as everywhere else
from pathlib import Path

import numpy as np
from PIL import Image

from mediaindex import embedders
from mediaindex.embedders import Embedder
from mediaindex.embedders.clip.weights import download
from mediaindex.types import RGB, Vectors

PHOTOS = Path(__file__).resolve().parents[2] / "shared" / "media" / "photos"
RUNTIMES = ("torch", "onnx", "onnx-int8")
QUESTIONS = 64
"""Pictures and texts asked with; the rest is ranked."""

MAKE = """
import json, sys, torch
from pathlib import Path
from safetensors.torch import save_file
from mediaindex.embedders.clip.torchvision_ops import load_open_clip

folder = Path(sys.argv[1])
open_clip = load_open_clip()
torch.manual_seed(0)
model = open_clip.create_model("ViT-B-32", pretrained=None)
save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / "open_clip_model.safetensors")
config = {"model_cfg": open_clip.get_model_config("ViT-B-32"), "preprocess_cfg": {}}
(folder / "open_clip_config.json").write_text(json.dumps(config))
"""  # noqa: E501 - a program of its own

COLD = """
import json, sys, time
start = time.perf_counter()
from pathlib import Path
from mediaindex import embedders
options = json.loads(sys.argv[1])
options["models_dir"] = Path(options["models_dir"])
embedders.load("open_clip", options).embed_texts(["a red flower in the rain"])
print(json.dumps([time.perf_counter() - start, "torch" in sys.modules]))
"""

WORDS = ("red", "blue", "dog", "beach", "snow", "night", "birthday", "car", "flower", "child")


def main() -> None:
    """Print one table of speed and one of agreement with torch."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--weights", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = arguments.weights or _random_model(Path(scratch) / "vit-b-32")
        models_dir = Path(scratch) / "models"
        start = time.perf_counter()
        download(f"local-dir:{folder}", models_dir)
        print(f"made ready (copy, export, check) in {time.perf_counter() - start:.0f} s")
        options = {"model": f"local-dir:{folder}", "models_dir": models_dir, "device": "cpu"}
        built = {
            name: embedders.load("open_clip", options | {"runtime": name}) for name in RUNTIMES
        }
        pictures = crops(arguments.pictures)
        compare_vectors(built, pictures)
        compare_speed(built, pictures, arguments.rounds)
        compare_cold_start(options, arguments.rounds)


def _random_model(folder: Path) -> Path:
    folder.mkdir()
    subprocess.run([sys.executable, "-c", MAKE, str(folder)], check=True)
    return folder


def crops(count: int) -> list[RGB]:
    """Return `count` crops of real photographs, of many places and sizes; the same each time."""
    random = np.random.default_rng(0)
    photos = []
    for path in sorted(PHOTOS.iterdir()):
        with Image.open(path) as picture:
            picture.thumbnail((1600, 1600))
            photos.append(picture.convert("RGB"))
    pictures = []
    for number in range(count):
        photo = photos[number % len(photos)]
        side = int(min(photo.size) * random.uniform(0.25, 0.9))
        left = int(random.integers(0, photo.width - side + 1))
        top = int(random.integers(0, photo.height - side + 1))
        pictures.append(np.asarray(photo.crop((left, top, left + side, top + side))))
    return pictures


def compare_vectors(built: dict[str, Embedder], pictures: list[RGB]) -> None:
    """Print how near each runtime's vectors and first ten hits are to torch's."""
    texts = [f"{a} {b} {n}" for n, a in enumerate(WORDS) for b in WORDS if a != b][:QUESTIONS]
    images = {name: member.embed_images(pictures) for name, member in built.items()}
    words = {name: member.embed_texts(texts) for name, member in built.items()}
    spread = images["torch"] @ images["torch"].T
    print(f"\ncosine of two different pictures, median: {np.median(spread):.4f}\n")
    print(
        "| runtime | picture cosine min / mean | text cosine min / mean |"
        " top 10 alike: picture asks | spread out | text asks | spread out |"
    )
    print("|---|---|---|---|---|---|---|")
    for name in built:
        alike = [(mine[name] * mine["torch"]).sum(axis=1) for mine in (images, words)]
        cells = [f"{c.min():.5f} / {c.mean():.5f}" for c in alike]
        for ask in (images, words):
            cells += [
                f"{overlap(ask, images, name, centred=False):.3f}",
                f"{overlap(ask, images, name, centred=True):.3f}",
            ]
        print(f"| {name} | " + " | ".join(cells) + " |")


def overlap(ask: dict[str, Vectors], among: dict[str, Vectors], name: str, centred: bool) -> float:
    """Return the share of torch's first ten hits that `name` also has among its first ten.

    Centred: the mean vector is taken off first, as random weights put everything into one corner,
    where trained ones spread pictures out.
    """
    return float(
        np.mean(
            [
                len(set(mine) & set(theirs)) / 10
                for mine, theirs in zip(
                    _first_ten(ask[name], among[name], centred),
                    _first_ten(ask["torch"], among["torch"], centred),
                    strict=True,
                )
            ]
        )
    )


def _first_ten(ask: Vectors, among: Vectors, centred: bool) -> np.ndarray:
    asked, rest = ask[:QUESTIONS], among[QUESTIONS:]
    if centred:
        asked, rest = (rows - rows.mean(axis=0) for rows in (asked, rest))
        rest = rest / np.linalg.norm(rest, axis=1, keepdims=True)
    return np.argsort(-(asked @ rest.T), axis=1)[:, :10]


def compare_speed(built: dict[str, Embedder], pictures: list[RGB], rounds: int) -> None:
    """Print medians; each round asks every runtime in turn, so that noise falls on all alike."""
    jobs: dict[str, tuple[Callable[[Embedder], object], int]] = {
        "1 picture": (lambda member: member.embed_images(pictures[:1]), 1),
        "16 pictures": (lambda member: member.embed_images(pictures[:16]), 16),
        "1 text": (lambda member: member.embed_texts(["a red flower in the rain"]), 1),
        "16 texts": (lambda member: member.embed_texts(["a red flower in the rain"] * 16), 16),
    }
    took_s: dict[tuple[str, str], list[float]] = {}
    for _ in range(rounds):
        for job, (call, _count) in jobs.items():
            for name, member in built.items():
                start = time.perf_counter()
                call(member)
                took_s.setdefault((name, job), []).append(time.perf_counter() - start)
    print("\n| runtime | " + " | ".join(f"{job}, ms each" for job in jobs) + " |")
    print("|---|" + "---|" * len(jobs))
    for name in built:
        cells = [
            f"{np.median(took_s[name, job]) / count * 1000:.1f}"
            for job, (_call, count) in jobs.items()
        ]
        print(f"| {name} | " + " | ".join(cells) + " |")


def compare_cold_start(options: dict[str, object], rounds: int) -> None:
    """Print how long a fresh process needs until it has the vector of one question."""
    print("\n| runtime | fresh process to first text vector, s (median) | imports torch |")
    print("|---|---|---|")
    for name in RUNTIMES:
        asked = json.dumps(options | {"runtime": name, "models_dir": str(options["models_dir"])})
        command = [sys.executable, "-c", COLD, asked]
        answers = [
            json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
            for _ in range(rounds)
        ]
        print(f"| {name} | {np.median([s for s, _ in answers]):.2f} | {answers[0][1]} |")


if __name__ == "__main__":
    main()
