"""The wheel carries all that the program needs: an installed one can make a database."""

import subprocess
import sys
import zipfile
from pathlib import Path

from mediaindex.captioners.prompting import PLACEHOLDERS

ROOT = Path(__file__).resolve().parents[2]

LOOK = """
import sys
from pathlib import Path
import mediaindex
from mediaindex.store.database import open_database
assert Path(mediaindex.__file__).is_relative_to(sys.argv[1]), mediaindex.__file__
database = open_database(Path(sys.argv[2]))
database.close()
"""


def test_installed_program_makes_and_migrates_a_database(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    site, database = tmp_path / "site", tmp_path / "state" / "a.db"
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(site)

    subprocess.run(
        [sys.executable, "-c", LOOK, str(site), str(database)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site)},
        check=True,
    )

    assert database.stat().st_size > 0
    assert (site / "mediaindex" / "config.yaml").read_text() == (ROOT / "config.yaml").read_text()
    prompts = {path.name for path in (site / "mediaindex" / "captioners" / "prompts").iterdir()}
    assert prompts == {f"{name}.txt" for name in PLACEHOLDERS}
