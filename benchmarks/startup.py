"""How long a command takes from the key to the prompt, in a process of its own.

python benchmarks/startup.py
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image


def timed(command: list[str], environment: dict[str, str], rounds: int) -> tuple[float, float]:
    """Return median and worst seconds of a command."""
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        subprocess.run(command, env=environment, capture_output=True, check=False)
        took.append(time.monotonic() - began)
    return statistics.median(took), max(took)


def main(rounds: int) -> None:
    home = Path(tempfile.mkdtemp(prefix="mediaindex-benchmark-"))
    library = home / "library"
    library.mkdir()
    for number in range(50):
        Image.new("RGB", (400, 300), (5 * number, 100, 200)).save(library / f"{number}.jpg")
    state, cache = str(home / "state"), str(home / "cache")
    ours = {"MEDIAINDEX_STATE_DIR": state, "MEDIAINDEX_CACHE_DIR": cache}
    usual = {"MEDIAINDEX__EMBEDDER__USE": "colour", "MEDIAINDEX__CAPTION__USE": "off"}
    environment = {**os.environ, **ours, **usual}
    program = [sys.executable, "-m", "mediaindex"]
    subprocess.run(
        [*program, "index", str(library)], env=environment, capture_output=True, check=True
    )
    print("| command | median s | worst s |\n|---|---|---|")
    for words in (["--help"], ["config", "show"], ["status"], ["search", "blue"], ["index"]):
        median, worst = timed([*program, *words], environment, rounds)
        print(f"| mediaindex {' '.join(words)} | {median:.2f} | {worst:.2f} |", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    main(parser.parse_args().rounds)
