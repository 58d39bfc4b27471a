"""CI accepts few reasons to skip; tried on a pytest of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ci_skips import ALLOWED

ROOT = Path(__file__).resolve().parents[2]


def run(folder: Path, reason: str, **environ: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_it.py").write_text(
        f"import pytest\n\n@pytest.mark.skip(reason={reason!r})\ndef test_a(): ...\n\n"
        "def test_b(): ...\n"
    )
    plain = {name: value for name, value in os.environ.items() if name != "CI"}
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "tests.ci_skips",
            "-p",
            "no:cacheprovider",
            ".",
        ],
        cwd=folder,
        # What else is installed beside pytest takes a second to load.
        env={**plain, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_ci_fails_on_a_skip_and_says_which(tmp_path: Path) -> None:
    done = run(tmp_path, "no time today", CI="true")

    assert done.returncode == pytest.ExitCode.TESTS_FAILED
    assert "no time today" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("1 passed, 1 skipped")


@pytest.mark.parametrize("reason", ALLOWED)
def test_ci_accepts_what_no_checkout_can_bring(tmp_path: Path, reason: str) -> None:
    assert run(tmp_path, f"{reason}: /x", CI="true").returncode == pytest.ExitCode.OK


def test_elsewhere_any_skip_is_accepted(tmp_path: Path) -> None:
    assert run(tmp_path, "no time today").returncode == pytest.ExitCode.OK
