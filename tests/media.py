"""Where the real test files lie, which are never copied into the project; and what a file says."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediaindex.media.dates import DateRules
from mediaindex.media.metadata import read_papers, settle
from mediaindex.types import Metadata

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"

needs_media = pytest.mark.skipif(
    not MEDIA.is_dir(), reason=f"the folder of real test files is not there: {MEDIA}"
)


def media_files(*folders: str) -> list[Path]:
    """Return the files of these folders of MEDIA in order of name; none where MEDIA is absent."""
    return sorted(path for folder in folders for path in (MEDIA / folder).glob("*"))


def read_metadata(path: Path, sidecars: Sequence[Path], rules: DateRules) -> Metadata:
    """Return all that a file and its sidecars say, in a world without places."""
    return settle(read_papers(path, sidecars), rules, lambda _: None, datetime.now(UTC))
