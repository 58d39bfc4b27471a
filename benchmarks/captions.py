"""What captions cost on our side, and how well servers of unequal speed are kept at work.

python benchmarks/captions.py cost
python benchmarks/captions.py share
python benchmarks/captions.py share --servers 200x1 500x1 1000x2 --captions 60 600

The servers speak Ollama's protocol on a real socket, in a process of their own, with no model.
"""

import argparse
import json
import multiprocessing
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from io import BytesIO
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
from PIL import Image

from mediaindex.captioners import load
from mediaindex.captioners.describe import Describer
from mediaindex.captioners.guard import judge
from mediaindex.captioners.pool import Pool
from mediaindex.captioners.prompting import load_prompts
from mediaindex.types import Caption

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.servers.answers import Answer
from tests.servers.models import VISION
from tests.servers.ollama import OllamaServer

SAID = json.dumps(
    {
        "description": "Two children build a castle of sand on a wide beach. Behind them a man in a"
        " red shirt carries a blue bucket to the sea.",
        "tags": ["beach", "children", "sandcastle", "bucket", "sea"],
        "text_in_image": "",
        "setting": "beach",
    }
)


def serve(speeds: Sequence[tuple[float, int]], line: Connection) -> None:
    """Run servers that answer after so many seconds, so many at once, until told to end."""
    with ExitStack() as stack:
        urls = []
        for delay_s, at_once in speeds:
            server = stack.enter_context(OllamaServer(parallel=at_once, record=False))
            server.answer = lambda _, delay_s=delay_s: Answer(SAID, delay_s=delay_s)
            urls.append(server.url)
        line.send(urls)
        line.recv()


@contextmanager
def describing(speeds: Sequence[tuple[float, int]]) -> Iterator[Describer]:
    """Give what asks such servers."""
    ours, theirs = multiprocessing.Pipe()
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=serve, args=(speeds, theirs))
    process.start()
    try:
        captioners = [load("ollama", {"url": url, "model": VISION.name}) for url in ours.recv()]
        at_once = [number for _, number in speeds]
        pool = Pool(list(zip(captioners, at_once, strict=True)))
        pool.open()
        while any(one.state != "ready" for one in pool.standing()):
            time.sleep(0.01)
        prompts = load_prompts(None, language="en", sentences=2)
        judge(SAID, "stop", language="en", prompt="")  # once per process: it loads its languages
        yield Describer(pool, prompts, VISION.name)
        pool.close()
    finally:
        ours.send("end")
        process.join()


def picture() -> bytes:
    """Return a JPEG file of the size that a model is shown, as detailed as a photo."""
    chance = np.random.default_rng(20261121)
    coarse = Image.fromarray(chance.integers(0, 255, (63, 84, 3), dtype=np.uint8))
    out = BytesIO()
    coarse.resize((672, 504), Image.Resampling.BICUBIC).save(out, "JPEG", quality=85)
    return out.getvalue()


def cost(number: int) -> None:
    """Measure a caption from a server that answers at once."""
    shown, stop, times = picture(), threading.Event(), []
    with describing([(0.0, 1)]) as describer:
        describer.describe(shown, "", stop)
        cpu = time.process_time()
        for _ in range(number):
            began = time.perf_counter()
            assert isinstance(describer.describe(shown, "", stop).found, Caption)
            times.append(1000 * (time.perf_counter() - began))
        cpu_ms = 1000 * (time.process_time() - cpu) / number
    print(f"a picture of {len(shown) / 1024:.0f} KiB, {number} captions one after the other\n")
    print("| p50 ms | p95 ms | our processor ms |\n|---|---|---|")
    p95 = statistics.quantiles(times, n=20)[-1]
    print(f"| {statistics.median(times):.1f} | {p95:.1f} | {cpu_ms:.1f} |")


def share(speeds: Sequence[tuple[float, int]], number: int) -> None:
    """Measure how much of the sum of the servers' rates is reached."""
    shown, stop = picture(), threading.Event()
    rates = sum(at_once / delay_s for delay_s, at_once in speeds)
    with describing(speeds) as describer, ThreadPoolExecutor(describer.pool.slots) as threads:
        began = time.perf_counter()
        calls = [threads.submit(describer.describe, shown, "", stop) for _ in range(number)]
        servers = Counter(call.result().origin.server for call in calls)
        took_s = time.perf_counter() - began
        each = [servers[one.server] for one in describer.pool.standing()]
    of_all = number / took_s / rates
    row = f"{number} | {took_s:.1f} | {number / took_s:.2f} | {rates:.2f} | {of_all:.0%} | {each}"
    print(f"| {row} |", flush=True)


def speed(text: str) -> tuple[float, int]:
    """Read `500x2`: milliseconds an answer, and how many at once."""
    delay_ms, _, at_once = text.partition("x")
    return float(delay_ms) / 1000, int(at_once or 1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("cost", "share"))
    parser.add_argument("--captions", type=int, nargs="+", default=[60])
    parser.add_argument("--servers", type=speed, nargs="+", default=[(0.2, 1), (0.5, 1), (1.0, 2)])
    chosen = parser.parse_args()
    if chosen.what == "cost":
        cost(max(chosen.captions[0], 20))
    else:
        print("| captions | s | a second | sum of the servers | share | by server |")
        print("|---|---|---|---|---|---|")
        for captions in chosen.captions:
            share(chosen.servers, captions)
