"""A terminal to run the program at, as a person does."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

from tests.acceptance.program import Program


def at_terminal(program: Program, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run a command at a terminal of 80 columns at which `typed` was typed already.

    Returns:
        The exit code, and all that was on the screen, control sequences included.
    """
    ours, theirs = pty.openpty()
    os.write(ours, typed.encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "mediaindex", *arguments],
        env=program.environment | {"COLUMNS": "80", "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    screen = b""
    with suppress(OSError):  # the last one at the other end has gone
        while some := os.read(ours, 65536):
            screen += some
    os.close(ours)
    return process.wait(timeout=60), screen.decode(errors="replace").replace("\r\n", "\n")
