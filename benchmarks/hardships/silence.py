"""Whom a daemon contacts in some minutes: some libraries wait before they tell of their use."""

import time
from pathlib import Path

from benchmarks.hardships.scene import drop, scene
from benchmarks.hardships.table import row
from tests.acceptance.test_no_egress import HOSTILE
from tests.egress import Recorder
from tests.tiny_clip import tiny_clip


def silence(home: Path, seed: int, minutes: float) -> bool:
    """Index and search with nobody allowed; True if nobody was tried."""
    model = tiny_clip(home / "daemon" / "cache" / "models")["model"]
    settings = {
        "MEDIAINDEX__EMBEDDER__USE": "open_clip",
        "MEDIAINDEX__EMBEDDER__MODEL": str(model),
        "MEDIAINDEX__INDEX__EXACT_BELOW": "0",
    }
    here = scene(home, settings, environ=HOSTILE)
    recorder = Recorder(folders=[home, here.daemon.run_dir])
    here.daemon.popen = recorder.start
    here.daemon.start()
    here.settle()
    end, number = time.monotonic() + 60 * minutes, 0
    while time.monotonic() < end:
        number += 1
        drop(here.root, f"{number}.jpg", seed + number)
        here.finds("a dog on the beach", "")
        time.sleep(2)
    code, _ = here.daemon.stop()
    left = not recorder.wait(30)
    row(
        {
            "minutes": f"{minutes:g}",
            "files": str(number),
            "connections tried": str(len(recorder.refused)),
            "processes left": "yes" if left else "no",
        }
    )
    for attempt in recorder.refused:
        print(attempt)
    return code == 0 and not left and not recorder.refused
