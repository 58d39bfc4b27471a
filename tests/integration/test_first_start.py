"""A first start that is killed, in a process of its own, and the start after it."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from mediaindex.store.database import open_database

OPEN = """
import sys
from pathlib import Path
from mediaindex.store.database import open_database

open_database(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("wait_ms", range(0, 100, 14))
def test_database_is_made_though_its_first_making_was_killed(tmp_path: Path, wait_ms: int) -> None:
    path = tmp_path / "mediaindex.db"
    with subprocess.Popen([sys.executable, "-c", OPEN, str(path)]) as process:
        while not path.exists() and process.poll() is None:
            time.sleep(0.0005)
        time.sleep(wait_ms / 1000)
        process.kill()
    assert path.exists()

    open_database(path).close()
