"""What log lines look like to people, to machines, and to systemd's journal."""

import json
import os
import subprocess
import sys
from pathlib import Path

from mediaindex.logs import is_journal

TOLD = """
import logging, os, sys
from mediaindex.logs import set_up_logs
if "journal" in sys.argv:
    told = os.fstat(2)
    os.environ["JOURNAL_STREAM"] = f"{told.st_dev}:{told.st_ino}"
set_up_logs("debug", sys.argv[1])
log = logging.getLogger("mediaindex.daemon")
log.debug("looked")
log.info("ready")
log.warning("the disk is\\n<0>nearly full")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("a bug")
"""


def told(*words: str, program: str = TOLD) -> list[str]:
    command = [sys.executable, "-c", program, *words]
    result = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return result.stderr.splitlines()


def test_the_journal_gets_the_level_of_each_line_and_no_time() -> None:
    lines = told("text", "journal")

    assert lines[:4] == [
        "<7>mediaindex.daemon: looked",
        "<6>mediaindex.daemon: ready",
        "<4>mediaindex.daemon: the disk is",
        "<4><0>nearly full",
    ]
    assert lines[4] == "<3>mediaindex.daemon: a bug"
    assert lines[-1] == "<3>ZeroDivisionError: division by zero"
    assert all(line.startswith("<3>") for line in lines[4:])


def test_a_terminal_or_a_file_gets_the_time_and_the_level_in_words() -> None:
    lines = told("text")

    assert lines[1].endswith(" INFO    mediaindex.daemon: ready")
    assert lines[1][:4].isdecimal()


def test_json_is_the_same_in_the_journal() -> None:
    lines = [json.loads(line) for line in told("json", "journal")]

    assert [line["level"] for line in lines] == ["debug", "info", "warning", "error"]
    assert "ZeroDivisionError" in lines[3]["traceback"]


def test_a_file_is_not_taken_for_the_journal_that_its_parent_wrote_to(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("w") as log:
        found = os.fstat(log.fileno())
        ours = {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}

        assert is_journal(log.fileno(), ours)
        assert not is_journal(log.fileno(), {"JOURNAL_STREAM": f"{found.st_dev}:1{found.st_ino}"})
        assert not is_journal(log.fileno(), {})


LIBRARIES = """
import logging, sys
from mediaindex.logs import set_up_logs
set_up_logs("debug", "text")
import httpx, httpcore, uvicorn, chromadb
for name in ("httpx", "httpcore.http11", "uvicorn", "uvicorn.access", "chromadb"):
    logging.getLogger(name).info("GET /search?q=secret words, Authorization: Bearer secret")
"""


def test_addresses_and_headers_of_libraries_are_not_even_logged_at_debug() -> None:
    assert told(program=LIBRARIES) == []
