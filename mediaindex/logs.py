"""How the program logs: one line an event on stderr, for people or as JSON for machines."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime

SYSLOG_LEVELS = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""From which level on the journal takes a line for how bad (`man 3 sd-daemon`); less is 7."""


class JsonFormatter(logging.Formatter):
    """One JSON object a line: `at` (UTC), `level`, `logger`, `message`, and `traceback` if any."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class JournalFormatter(logging.Formatter):
    """Text for systemd's journal, which notes the time itself and reads the level from `<3>`.

    The journal takes each line for an entry of its own, so each of a traceback says its level.
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the record, every line with its level."""
        level = next((number for least, number in SYSLOG_LEVELS if record.levelno >= least), 7)
        lines = super().format(record).splitlines()
        return "\n".join(f"<{level}>{line}" for line in lines)


def is_journal(descriptor: int, environ: Mapping[str, str] = os.environ) -> bool:
    """Return whether what is written to a file descriptor goes to systemd's journal."""
    # Inherited by whatever a service starts, also where that writes to a file: so it names the one.
    named = environ.get("JOURNAL_STREAM", "")
    try:
        found = os.fstat(descriptor)
    except OSError:
        return False
    return named == f"{found.st_dev}:{found.st_ino}"


def set_up_logs(level: str, style: str) -> None:
    """Send log records of `level` and above to stderr, as `text` or `json`; replaces any set-up.

    Of libraries, which tell of their own inner life at `info`, warnings and worse are sent.
    """
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(_formatter(style))
    wanted = logging.getLevelNamesMapping()[level.upper()]
    logging.basicConfig(level=max(wanted, logging.WARNING), handlers=[output], force=True)
    logging.getLogger("mediaindex").setLevel(wanted)


def _formatter(style: str) -> logging.Formatter:
    if style == "json":
        return JsonFormatter()
    if is_journal(2):
        return JournalFormatter("%(name)s: %(message)s")
    return logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
