"""CSV for spreadsheets: a row for each moment, and one for each summary of a video.

RFC 4180, in UTF-8 with a mark of order (U+FEFF): without it Excel takes the file for the code page
of the machine; LibreOffice and `utf-8-sig` read it either way.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from datetime import datetime

from mediaindex.exporting import OneFile
from mediaindex.exporting.words import written
from mediaindex.media.text import one_line
from mediaindex.store.columns import shown
from mediaindex.store.exports import Exported, ExportedMoment
from mediaindex.types import Said

COLUMNS = (
    "type path other_paths missing kind at_ms start_ms end_ms "
    "title description keywords people comments "
    "machine_description machine_tags text_in_image setting model digest prompt_version made_utc "
    "taken_local taken_utc taken_offset_min taken_source place latitude longitude altitude_m "
    "camera lens width_px height_px duration_ms rating asset_id moment_id sha256"
).split(" ")

Cell = str | int | float | None

# What begins so is a formula to a spreadsheet (OWASP, "CSV Injection"; ASVS 5, 1.2.10), also in its
# full-width form. A spreadsheet that parts cells at semicolons or lines sees more beginnings.
_FORMULA = re.compile(r"(^|;)(\s*)([=+\-@\uff1d\uff0b\uff0d\uff20])", re.MULTILINE)


def lines(found: Exported) -> Iterator[bytes]:
    """Yield the rows of one photo or video: the summary first, then the moments in order."""
    if found.summary is not None:
        yield _row(_cells("summary", found, None, found.summary))
    for moment in found.moments:
        yield _row(_cells("moment", found, moment, moment.said))


def guarded(text: str) -> str:
    """Return a text, of one line or more, that no spreadsheet takes for a formula."""
    clean = "\n".join(one_line(line) for line in text.splitlines())
    return _FORMULA.sub(r"\1\2'\3", clean)


def _cells(
    kind: str, found: Exported, moment: ExportedMoment | None, said: Said | None
) -> list[Cell]:
    paths = [shown(lying.path) for lying in found.files]
    missing = [shown(lying.path) for lying in found.files if lying.is_missing]
    return [
        kind,
        "".join(paths[:1]),
        "\n".join(paths[1:]),
        "\n".join(missing),
        found.kind,
        *((moment.at_ms, moment.start_ms, moment.end_ms) if moment else (None, None, None)),
        "\n".join(written(found, ["title"])),
        "\n".join(written(found, ["description"])),
        "; ".join(written(found, ["keyword"])),
        "; ".join(written(found, ["person"])),
        "\n".join(written(found, ["comment"])),
        *_machine(said),
        _time(found.taken_local),
        _time(found.taken_at),
        found.taken_offset_min,
        found.taken_source,
        found.place,
        found.latitude,
        found.longitude,
        found.altitude_m,
        found.camera,
        found.lens,
        found.width_px,
        found.height_px,
        found.duration_ms,
        found.rating,
        found.asset_id,
        None if moment is None else moment.id,
        found.sha256,
    ]


def _machine(said: Said | None) -> list[Cell]:
    if said is None:
        return [None] * 8
    return [
        said.caption.description,
        "; ".join(said.caption.tags),
        said.caption.text_in_image,
        said.caption.setting,
        said.origin.model,
        said.origin.digest,
        said.origin.prompt_version,
        _time(said.made_at),
    ]


def _time(at: datetime | None) -> str | None:
    """Return a time as spreadsheets know one: with an offset behind it they see a mere text."""
    return None if at is None else f"{at:%Y-%m-%d %H:%M:%S}"


def _row(cells: Sequence[Cell]) -> bytes:
    text = io.StringIO(newline="")
    plain = [guarded(cell) if isinstance(cell, str) else cell for cell in cells]
    csv.writer(text, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n").writerow(plain)
    return text.getvalue().encode()


FORMAT = OneFile("mediaindex.csv", b"\xef\xbb\xbf" + _row(COLUMNS), lines)
