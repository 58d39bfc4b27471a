"""Copy the photographs that the scikit-image wheel ships into a folder, and make a clip of some.

Asks no network.
"""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

CLIP = "a day in pictures.mp4"

SCENES = ("coffee.png", "rocket.jpg", "chelsea.png", "astronaut.png", "motorcycle_left.png")

SCENE_S = 4


def main() -> None:
    """Copy into the folder named on the command line; what is there stays."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        sys.exit("scikit-image is not installed; run: deploy/setup.sh demo")
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    shipped = Path(spec.origin).parent / "data"
    copied = 0
    for path in sorted(shipped.iterdir()):
        # Its TIFFs are stacks of microscope planes and no photographs.
        if path.suffix.lower() in (".jpg", ".jpeg", ".png", ".gif"):
            if not (target / path.name).exists():
                shutil.copy2(path, target)
            copied += 1
    sys.stdout.write(f"{copied} photographs in {target}\n")
    if shutil.which("ffmpeg") and not (target / CLIP).exists():
        made = make_clip([shipped / name for name in SCENES], target / CLIP)
        sys.stdout.write(
            f"a clip of some of them: {CLIP}\n" if made else "no clip: ffmpeg failed\n"
        )


def make_clip(pictures: list[Path], target: Path) -> bool:
    """Write a video that shows each picture for some seconds, slowly moving in on it.

    Returns:
        Whether ffmpeg could make it.
    """
    inputs: list[str] = []
    scenes: list[str] = []
    for number, picture in enumerate(pictures):
        inputs += ["-i", str(picture)]
        scenes.append(
            f"[{number}]scale=1280:960:force_original_aspect_ratio=increase,crop=1280:960,"
            f"zoompan=z='1+on/1000':x='iw/2-iw/zoom/2':y='ih/2-ih/zoom/2'"
            f":d={25 * SCENE_S}:s=640x480:fps=25,setsar=1,format=yuv420p[v{number}]"
        )
    joined = "".join(f"[v{number}]" for number in range(len(pictures)))
    graph = ";".join([*scenes, f"{joined}concat=n={len(pictures)}[out]"])
    partial = target.with_name(f".{target.name}")
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, "-filter_complex", graph]
    command += ["-map", "[out]", "-movflags", "+faststart", "-f", "mp4", str(partial)]
    if subprocess.run(command, check=False).returncode:
        partial.unlink(missing_ok=True)
        return False
    partial.replace(target)
    return True


main()
