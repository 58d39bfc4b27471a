"""JSON lines: a line for each moment, and one for each summary of a video."""

import json
from collections.abc import Iterator
from typing import Any

from mediaindex.exporting import OneFile
from mediaindex.store.columns import shown
from mediaindex.store.exports import Exported
from mediaindex.types import Said

VERSION = 1

# JSON takes them as they are; a reader that splits text into lines would split at them.
_LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x7f\x85\u2028\u2029"})


def lines(found: Exported) -> Iterator[bytes]:
    """Yield the lines on one photo or video: the summary first, then the moments in order."""
    about = _asset(found)
    if found.summary is not None:
        yield _line("summary", about, _machine(found.summary))
    for moment in found.moments:
        times = {
            "moment_id": moment.id,
            "at_ms": moment.at_ms,
            "start_ms": moment.start_ms,
            "end_ms": moment.end_ms,
        }
        yield _line("moment", {**about, **times}, _machine(moment.said))


def offset(minutes: int | None) -> str | None:
    """Return a distance from UTC as ISO 8601 has it: +02:00."""
    if minutes is None:
        return None
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}:{rest:02}"


def _line(kind: str, about: dict[str, Any], machine: dict[str, Any] | None) -> bytes:
    line = {"version": VERSION, "type": kind, **about, "machine": machine}
    return json.dumps(line, ensure_ascii=False).translate(_LINE_ENDS).encode() + b"\n"


def _asset(found: Exported) -> dict[str, Any]:
    local = None if found.taken_local is None else found.taken_local.isoformat()
    return {
        "asset_id": found.asset_id,
        "sha256": found.sha256,
        "kind": found.kind,
        "paths": [shown(lying.path) for lying in found.files],
        "missing": [shown(lying.path) for lying in found.files if lying.is_missing],
        "taken_at": None if found.taken_at is None else found.taken_at.isoformat(),
        "taken_local": local,
        "taken_offset": offset(found.taken_offset_min),
        "taken_source": found.taken_source,
        "place": found.place,
        "latitude": found.latitude,
        "longitude": found.longitude,
        "altitude_m": found.altitude_m,
        "camera": found.camera,
        "lens": found.lens,
        "width_px": found.width_px,
        "height_px": found.height_px,
        "duration_ms": found.duration_ms,
        "rating": found.rating,
        "people": [
            {"kind": words.kind, "text": words.text, "source": words.source}
            for words in found.words
        ],
    }


def _machine(said: Said | None) -> dict[str, Any] | None:
    if said is None:
        return None
    return {
        "description": said.caption.description,
        "tags": said.caption.tags,
        "text_in_image": said.caption.text_in_image,
        "setting": said.caption.setting,
        "model": said.origin.model,
        "digest": said.origin.digest,
        "prompt_version": said.origin.prompt_version,
        "made_at": said.made_at.isoformat(),
    }


FORMAT = OneFile("mediaindex.jsonl", b"", lines)
