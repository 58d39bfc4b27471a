"""Where the real test files lie. They are never copied into the project."""

from pathlib import Path

import pytest

MEDIA = Path(__file__).resolve().parents[2] / "shared" / "media"

needs_media = pytest.mark.skipif(
    not MEDIA.is_dir(), reason=f"the folder of real test files is not there: {MEDIA}"
)


def media_files(*folders: str) -> list[Path]:
    """Return the files of these folders of MEDIA in order of name; none where MEDIA is absent."""
    return sorted(path for folder in folders for path in (MEDIA / folder).glob("*"))
