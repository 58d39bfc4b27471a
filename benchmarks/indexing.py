"""Indexing: throughput against its own limits, memory by library size, and an unchanged library.

python benchmarks/indexing.py throughput --n 200
python benchmarks/indexing.py memory --n 1000 10000
python benchmarks/indexing.py sweep --n 100000
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from mediaindex.embedders import Embedder, load
from mediaindex.media.photo import Limits
from mediaindex.media.previews import PreviewStore
from mediaindex.pipeline.child import Children
from mediaindex.pipeline.errands import decode_to_preview


def photos(folder: Path, count: int, megapixels: float) -> list[Path]:
    """Make `count` different photo-like JPEGs of a size."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(1)
    width = round((megapixels * 1e6 * 4 / 3) ** 0.5)
    small = chance.integers(0, 255, (24, 32, 3), dtype=np.uint8)
    base = np.asarray(
        Image.fromarray(small).resize((width, width * 3 // 4), Image.Resampling.BICUBIC)
    )
    grain = chance.integers(-9, 9, base.shape, dtype=np.int16)
    picture = np.clip(base.astype(np.int16) + grain, 0, 255).astype(np.uint8)
    made = []
    for number in range(count):
        path = folder / f"{number // 100:03}" / f"IMG_{number:06}.jpg"
        path.parent.mkdir(exist_ok=True)
        turned = np.roll(picture, number * 7, axis=1)
        Image.fromarray(turned).save(path, quality=88)
        made.append(path)
    return made


def environment(home: Path, **settings: str) -> dict[str, str]:
    state, cache = str(home / "state"), str(home / "cache")
    ours = {"MEDIAINDEX_STATE_DIR": state, "MEDIAINDEX_CACHE_DIR": cache}
    usual = {"MEDIAINDEX__EMBEDDER__USE": "colour", "MEDIAINDEX__CAPTION__USE": "off"}
    return {**os.environ, **usual, **ours, **settings}


def index(home: Path, library: Path, **settings: str) -> tuple[float, float, dict[str, object]]:
    """Run `mediaindex index`; return seconds, peak MiB of its main process, and its report."""
    before = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "mediaindex", "index", str(library), "--json"],
        env=environment(home, **settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdout is not None
    said = process.stdout.read()
    _, _, usage = os.wait4(process.pid, 0)
    return time.monotonic() - before, usage.ru_maxrss / 1024, json.loads(said)


def throughput(count: int, model: str | None) -> None:
    """Decode alone, encode alone, and the whole; both take all cores, so they share them."""
    home = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    paths = photos(home / "library", count, 12.0)
    previews, cores = PreviewStore(home / "previews"), os.cpu_count() or 1
    children = Children(cores, 0)

    def decode(numbered: tuple[int, Path]) -> None:
        with children.one() as child:
            name = f"{numbered[0]:064}"
            child.call(60, decode_to_preview, numbered[1], name, previews, Limits())

    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(decode, enumerate(paths[:cores])))
        began = time.monotonic()
        list(pool.map(decode, enumerate(paths)))
        decoding = count / (time.monotonic() - began)
    children.close()
    embedder, settings = _embedder(model, home)
    images = [previews.read(f"{number:064}", 0) for number in range(count)]
    embedder.embed_images(images[:16])
    began = time.monotonic()
    for start in range(0, count, 16):
        embedder.embed_images(images[start : start + 16])
    encoding = count / (time.monotonic() - began)
    took, _, _ = index(home, home / "library", **settings)
    idle = _idle_s(home, settings)
    shared = 1 / (1 / decoding + 1 / encoding)
    whole = count / (took - idle)
    print("| decode alone | encode alone | both on the same cores | whole | share |")
    print("|---|---|---|---|---|")
    print(
        f"| {decoding:.1f}/s | {encoding:.1f}/s | {shared:.1f}/s | {whole:.1f}/s "
        f"| {whole / shared:.2f} |"
    )
    print(f"{count} photos of 12 MP; the whole took {took:.1f} s, {idle:.1f} s of it start and end")
    shutil.rmtree(home)


def _embedder(model: str | None, home: Path) -> tuple[Embedder, dict[str, str]]:
    if model is None:
        return load("colour", {}), {}
    models = Path(model).resolve().parent / "models"
    (home / "cache").mkdir(exist_ok=True)
    (home / "cache" / "models").symlink_to(models)
    name = f"ViT-B-32@{Path(model).resolve()}"
    options = {"model": name, "models_dir": models, "batch": 16}
    settings = {"MEDIAINDEX__EMBEDDER__USE": "open_clip", "MEDIAINDEX__EMBEDDER__MODEL": name}
    return load("open_clip", options), settings


def _idle_s(home: Path, settings: dict[str, str]) -> float:
    """Return what a run with a single photo takes: imports, the model, the end."""
    library = home / "one"
    photos(library, 1, 1.0)
    other = home / "other"
    (other / "cache").mkdir(parents=True)
    if (home / "cache" / "models").exists():
        (other / "cache" / "models").symlink_to((home / "cache" / "models").resolve())
    return index(other, library, **settings)[0]


def memory(counts: list[int]) -> None:
    print("| photos | peak of the main process, MiB | seconds |\n|---|---|---|")
    for count in counts:
        home = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
        photos(home / "library", count, 0.3)
        took, peak, _ = index(home, home / "library")
        print(f"| {count:,} | {peak:.0f} | {took:.0f} |", flush=True)
        shutil.rmtree(home)


def sweep(count: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    for number in range(count):
        path = home / "library" / f"{number // 100:05}" / f"note {number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(number))
    first = index(home, home / "library")[0]
    again = sorted(index(home, home / "library")[0] for _ in range(3))[1]
    print(
        f"| {count:,} files, {count // 100:,} folders | first {first:.1f} s | again {again:.1f} s |"
    )
    shutil.rmtree(home)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("throughput", "memory", "sweep"))
    parser.add_argument("--n", type=int, nargs="+", default=[200])
    parser.add_argument(
        "--checkpoint", help="a ViT-B-32 checkpoint; its models folder lies beside it"
    )
    chosen = parser.parse_args()
    if chosen.what == "throughput":
        throughput(chosen.n[0], chosen.checkpoint)
    elif chosen.what == "memory":
        memory(chosen.n)
    else:
        sweep(chosen.n[0])
