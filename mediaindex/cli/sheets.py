"""Contact sheets: hits as one picture or one page."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from mediaindex import parts, remote
from mediaindex.cli.hits import date_of, time_of, why
from mediaindex.cli.output import printable
from mediaindex.clients.daemon import Daemon
from mediaindex.config import Config
from mediaindex.errors import ConfigError, MediaIndexError
from mediaindex.exporting.place import check_file
from mediaindex.media.previews import PreviewMissing
from mediaindex.media.sheet import Cell, write_sheet_html, write_sheet_jpg
from mediaindex.search.hits import Answer
from mediaindex.shown import Shown
from mediaindex.types import RGB

PICTURES, PAGES = (".jpg", ".jpeg"), (".html", ".htm")
"""The suffixes of contact sheets."""


def check_sheet(config: Config, target: Path) -> None:
    """Check, before anything is asked, that a contact sheet can have this name.

    Raises:
        ConfigError: The suffix is none that can be written, or it lies in a folder of media.
    """
    if target.suffix.lower() not in (*PICTURES, *PAGES):
        raise ConfigError(f"a contact sheet is a .jpg or a .html, not {target.name}")
    check_file(config, target)


def write_sheet(
    config: Config, answer: Answer, target: Path, title: str, daemon: Daemon | None
) -> None:
    """Write the hits as a contact sheet, as the target's suffix says (see `check_sheet`).

    Args:
        config: The settings in force.
        answer: What was found.
        target: The file to write.
        title: Of a page.
        daemon: Who found it, and gives previews that cannot be read here; None: nobody.
    """
    cells = []
    for hit in answer.hits:
        path = Path(hit.shown.paths[0])
        # A picture has room for four lines; the place is the first that it does without.
        facts = (time_of(hit), date_of(hit), why(hit), hit.shown.place)
        name = ("? " if hit.weak else "") + printable(path.name)
        lines = (name, *(fact for fact in facts if fact))
        cells.append(Cell(_picture(config, hit.shown, daemon), lines, path))
    if target.suffix.lower() in PAGES:
        write_sheet_html(target, cells, title)
    else:
        write_sheet_jpg(target, cells)


def _picture(config: Config, shown: Shown, daemon: Daemon | None) -> RGB | None:
    try:
        return parts.previews(config).read(shown.sha256, shown.at_ms)
    except PreviewMissing:
        return None if daemon is None else _from_daemon(daemon, shown)


def _from_daemon(daemon: Daemon, shown: Shown) -> RGB | None:
    try:
        jpeg = remote.preview(daemon, shown.sha256, shown.at_ms)
        with Image.open(BytesIO(jpeg), formats=("JPEG",)) as picture:
            return np.asarray(picture.convert("RGB"))
    except (MediaIndexError, OSError):  # Pillow's own complaints are OSErrors
        return None
