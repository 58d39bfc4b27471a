"""Video: what each way of decoding costs, and how well scenes are found.

python benchmarks/video.py recipes --minutes 10
python benchmarks/video.py scenes --n 45
python benchmarks/video.py long --hours 3
"""

import argparse
import resource
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import skimage.data
from PIL import Image

from mediaindex.media.frames import read_frames
from mediaindex.media.scenes import FrameRules
from mediaindex.media.video import probe_video
from mediaindex.types import RGB

FIT_PX = 768
RATE = 25
PICTURES = ("astronaut", "chelsea", "coffee", "rocket", "camera", "stereo_motorcycle", "grass")
PICTURES += ("hubble_deep_field", "retina", "brick", "gravel", "moon", "page", "coins", "clock")
PICTURES += ("immunohistochemistry", "text", "horse")

X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")
AT_CUTS = (*X264, "-g", "250")
"""An encoder's defaults: keyframes at cuts, and every ten seconds."""
PHONE = (*X264, "-g", "25", "-sc_threshold", "0", "-bf", "0")
"""A keyframe each second, wherever the cuts are."""
LONG = (*X264, "-g", "250", "-sc_threshold", "0")
"""A keyframe every ten seconds, wherever the cuts are."""


def pictures() -> list[Image.Image]:
    found = []
    for name in PICTURES:
        held = getattr(skimage.data, name)()
        array = np.asarray(held[0] if isinstance(held, tuple) else held)
        shown = array.astype(np.uint8) * 255 if array.dtype == bool else array
        found.append(Image.fromarray(shown).convert("RGB"))
    return found


def shot(picture: Image.Image, size: tuple[int, int], count: int, seed: int) -> Iterator[RGB]:
    """Film a picture from the hand: the view drifts and shakes, light changes, there is noise."""
    chance = np.random.default_rng(seed)
    width, height = size
    larger = 1.6 * max(width / picture.width, height / picture.height)
    wide = picture.resize((int(picture.width * larger) + 1, int(picture.height * larger) + 1))
    room = np.asarray((wide.width - width, wide.height - height))
    place, speed = chance.uniform(0, room), chance.normal(0, width / 250, 2)
    noise = chance.normal(0, 3, (height, width, 3))
    for number in range(count):
        place += speed + chance.normal(0, width / 500, 2)
        speed = np.where((place < 0) | (place > room), -speed, speed)
        place = place.clip(0, room)
        x, y = place.astype(int).tolist()
        view = np.asarray(wide.crop((x, y, x + width, y + height)), dtype=np.float32)
        light = 1 + 0.1 * np.sin(number / RATE)
        yield (view * light + np.roll(noise, number * 7, axis=1)).clip(0, 255).astype(np.uint8)


def film(frames: Iterator[RGB], size: tuple[int, int], films: dict[Path, Sequence[str]]) -> None:
    """Write frames as several videos, each with its encoder's options."""
    given = ("-f", "rawvideo", "-pix_fmt", "rgb24", "-s", "{}x{}".format(*size), "-r", str(RATE))
    outputs = [word for path, codec in films.items() for word in (*codec, str(path))]
    command = ("ffmpeg", "-v", "error", "-y", *given, "-i", "pipe:0", *outputs)
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for frame in frames:
            process.stdin.write(frame.tobytes())


def lengths_of_scenes(seed: int, count: int) -> list[int]:
    """Return how many frames each scene has: 0.8 to 9 seconds."""
    chance = np.random.default_rng(seed)
    return chance.integers(RATE * 4 // 5, 9 * RATE, count).tolist()


def scenes_film(lengths: Sequence[int], size: tuple[int, int], seed: int) -> Iterator[RGB]:
    chance = np.random.default_rng(seed)
    shown = pictures()
    before = -1
    for number, length in enumerate(lengths):
        which = int(chance.choice([n for n in range(len(shown)) if n != before]))
        before = which
        yield from shot(shown[which], size, length, seed * 1000 + number)


def lengthened(source: Path, path: Path, times: int) -> Path:
    command = ("ffmpeg", "-v", "error", "-y", "-stream_loop", str(times - 1), "-i", str(source))
    subprocess.run([*command, "-c", "copy", str(path)], check=True)
    return path


def wall_s(work: Callable[[], object], times: int = 1) -> float:
    """Return the seconds that work takes, the best of some times: others use the machine too."""
    took_s = []
    for _ in range(times):
        began = time.monotonic()
        work()
        took_s.append(time.monotonic() - began)
    return min(took_s)


def to_null(path: Path, *options: str) -> None:
    command = ("ffmpeg", "-nostdin", "-v", "error", *options, "-i", str(path), "-an")
    subprocess.run([*command, "-f", "null", "-"], check=True)


CLIPS = {
    "1080p, keyframes at cuts": ("1920x1080", AT_CUTS),
    "1080p, every second": ("1920x1080", PHONE),
    "1080p, every 10 s, not at cuts": ("1920x1080", LONG),
    "4K, every second": ("3840x2160", PHONE),
}


def recipes(minutes: int) -> None:
    """Print what each way costs, on clips of some minutes; 4K a fifth of it."""
    print("| clip (H.264) | min | full decode s | nokey to null s | ours s | ratio | frames |")
    print("|---|---|---|---|---|---|---|")
    small, lengths = (960, 540), (125, 60, 190, 125)
    with tempfile.TemporaryDirectory(prefix="mediaindex-benchmark-") as folder:
        films = {name: Path(folder) / f"{number}.mp4" for number, name in enumerate(CLIPS)}
        outputs = {}
        for name, path in films.items():
            size, codec = CLIPS[name]
            outputs[path] = ("-vf", f"scale={size}", *codec)
        film(scenes_film(lengths, small, 5), small, outputs)
        for name, path in films.items():
            asked = minutes // 5 if name.startswith("4K") else minutes
            times = round(asked * 60 * RATE / sum(lengths))
            _recipe_row(name, lengthened(path, path.with_name("long.mp4"), times), asked)


def _recipe_row(name: str, path: Path, minutes: int) -> None:
    frames = 0

    def ours() -> None:
        nonlocal frames
        frames = sum(1 for _ in read_frames(path, probe_video(path), FrameRules(), FIT_PX))

    full = wall_s(lambda: to_null(path))
    nokey = wall_s(lambda: to_null(path, "-skip_frame", "nokey"), times=3)
    own = wall_s(ours, times=1 if "not at cuts" in name else 3)
    print(
        f"| {name} | {minutes} | {full:.1f} | {nokey:.1f} | {own:.1f} | {own / nokey:.2f} "
        f"| {frames} |",
        flush=True,
    )


SCENES = {
    "at cuts (x264's defaults)": (AT_CUTS, 0.04),
    "every second, wherever cuts are": (PHONE, 1.0),
    "every ten seconds, wherever cuts are": (LONG, 0.3),
}
"""How keyframes lie; the encoder's options, and how late a cut may be found, seconds."""


def scenes(count: int) -> None:
    """Print precision, recall and F1 of where scenes begin; none begins twice."""
    size = (480, 270)
    print("| keyframes | spans begin | tolerance s | precision | recall | F1 |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="mediaindex-benchmark-") as folder:
        films = {name: Path(folder) / f"{number}.mp4" for number, name in enumerate(SCENES)}
        lengths = lengths_of_scenes(7, count)
        outputs = {path: SCENES[name][0] for name, path in films.items()}
        film(scenes_film(lengths, size, 7), size, outputs)
        true_s = (np.cumsum(lengths)[:-1] / RATE).tolist()
        for kind, rules in (
            ("at cuts alone", FrameRules(max_gap_s=600)),
            ("at slow changes too (default)", FrameRules()),
        ):
            for name, path in films.items():
                video = read_frames(path, probe_video(path), rules, FIT_PX)
                found_s = [frame.start_ms / 1000 for frame in video][1:]
                _scenes_row(f"{name} | {kind}", true_s, found_s, SCENES[name][1])


def _scenes_row(name: str, true_s: list[float], found_s: list[float], tolerance_s: float) -> None:
    left = list(found_s)
    hits = 0
    for at_s in true_s:
        near = [found for found in left if -0.001 <= found - at_s <= tolerance_s + 0.001]
        if near:
            left.remove(near[0])
            hits += 1
    precision, recall = hits / max(1, len(found_s)), hits / len(true_s)
    f1 = 2 * precision * recall / max(1e-9, precision + recall)
    print(f"| {name} | {tolerance_s} | {precision:.3f} | {recall:.3f} | {f1:.3f} |", flush=True)


def long(hours: float) -> None:
    """Print what a long video takes: time, and the peak of our memory and of ffmpeg's."""
    size = (640, 360)
    print("| video | s | hours per hour | frames | ours MiB | ffmpeg MiB |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="mediaindex-benchmark-") as folder:
        source = Path(folder) / "source.mp4"
        lengths = lengths_of_scenes(3, 12)
        film(scenes_film(lengths, size, 3), size, {source: PHONE})
        for asked in (hours / 30, hours):
            times = round(asked * 3600 * RATE / sum(lengths))
            path = lengthened(source, Path(folder) / "long.mp4", times)
            began = time.monotonic()
            video = read_frames(path, probe_video(path), FrameRules(), FIT_PX)
            count = sum(1 for _ in video)
            took_s = time.monotonic() - began
            peaks = [
                resource.getrusage(who).ru_maxrss // 1024
                for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
            ]
            print(
                f"| {asked:g} h | {took_s:.1f} | {asked * 3600 / took_s:.0f} | {count} "
                f"| {peaks[0]} | {peaks[1]} |",
                flush=True,
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("recipes").add_argument("--minutes", type=int, default=10)
    commands.add_parser("scenes").add_argument("--n", type=int, default=45)
    commands.add_parser("long").add_argument("--hours", type=float, default=3)
    given = parser.parse_args()
    if given.command == "recipes":
        recipes(given.minutes)
    elif given.command == "scenes":
        scenes(given.n)
    else:
        long(given.hours)


if __name__ == "__main__":
    main()
