"""What an export is made from, in one line each."""

from typing import Any

from mediaindex.store.exports import Exported, ExportedMoment, Lying
from mediaindex.types import Caption, Origin, Said
from tests.conftest import NOW

ORIGIN = Origin("qwen3-vl:4b", "sha256:abc", "7", "http://localhost:11434", 900)


def said(description: str, *tags: str, text: str = "", setting: str = "") -> Said:
    """Return what a model says."""
    return Said(Caption(description, tags, text, setting), ORIGIN, NOW)


def a_moment(told: Said | None, at_ms: int = 0, end_ms: int = 0) -> ExportedMoment:
    """Return a moment of which this is said."""
    return ExportedMoment(1 + at_ms, at_ms, end_ms, at_ms, told)


def lying(name: str = "a.jpg", folder: str = "", library_id: int = 1) -> Lying:
    """Return where a file lies."""
    return Lying(library_id, "/photos", folder, name, is_missing=False, is_wanted=True)


def an_export(**given: Any) -> Exported:
    """Return a photo of which nothing is known but what is given."""
    empty: dict[str, Any] = dict.fromkeys(Exported.__dataclass_fields__)
    known = {"asset_id": 1, "sha256": "a" * 64, "kind": "photo", "files": (lying(),)}
    return Exported(**{**empty, **known, "words": (), "moments": (), **given})
