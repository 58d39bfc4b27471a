"""Copy the photographs that the scikit-image wheel ships into a folder. Asks no network."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path


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


main()
