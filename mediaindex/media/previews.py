"""The scaled pictures of moments, in our cache; all after decoding works from them."""

import os
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mediaindex.errors import NoRoom, RetryLater
from mediaindex.media.reading import is_of_the_disk
from mediaindex.media.textual import is_full_of_text
from mediaindex.types import RGB

LEFTOVER_PREFIX = ".part-"

TEXT_SCALE, MOST_TEXT_PX = 2, 1600
"""A picture full of text keeps so many times the size of others, but no more than this of its own
accord: small print survives, and a phone's photo of a page is not kept whole."""


DAY_S = 86_400


@dataclass(frozen=True)
class Kept:
    """One preview, as it lies in the cache."""

    path: Path
    sha256: str
    size_bytes: int
    #: Seconds since 1970: when it was made, or last looked at, to within a day.
    used_at: float


class PreviewMissing(RetryLater):
    """A preview is gone or damaged; the moment has to be decoded again."""


@dataclass(frozen=True)
class PreviewStore:
    """Previews as JPEG files, by content and time. Safe from any thread and process."""

    folder: Path
    #: The longer side, in pixels; a smaller picture keeps its size, one full of text more.
    px: int = 768
    quality: int = 82

    @property
    def text_px(self) -> int:
        """The longer side of a picture full of text."""
        return max(self.px, min(TEXT_SCALE * self.px, MOST_TEXT_PX))

    @property
    def sizes(self) -> str:
        """What a stage's version says of the previews that it makes."""
        return f"{self.px}px text {self.text_px}px"

    def fitted(self, pixels: RGB) -> RGB:
        """Return a picture of up to `text_px` as a preview has it: reduced unless full of text."""
        from PIL import Image

        if max(pixels.shape[:2]) <= self.px or is_full_of_text(pixels):
            return pixels
        small = Image.fromarray(pixels)
        small.thumbnail((self.px, self.px), Image.Resampling.LANCZOS, reducing_gap=2.0)
        return np.asarray(small)

    def path(self, sha256: str, at_ms: int) -> Path:
        """Return where the preview of a moment lies, or would."""
        return self.folder / sha256[:2] / f"{sha256}-{at_ms}.jpg"

    def write(self, sha256: str, at_ms: int, pixels: RGB) -> int:
        """Write a preview and return its size in bytes; complete, or not at all.

        It appears by renaming. It is not forced to the disk: after a power cut a preview may be
        empty, which `read` notices, and then it is made again.

        Raises:
            NoRoom: The cache cannot be written now: its disk is full, say.
        """
        try:
            return self._write(self.path(sha256, at_ms), pixels)
        except OSError as error:
            if not is_of_the_disk(error):
                raise
            raise NoRoom(
                f"previews cannot be written into {self.folder}: {error.strerror}"
            ) from error

    def read(self, sha256: str, at_ms: int) -> RGB:
        """Return a preview's pixels.

        Raises:
            PreviewMissing: It is gone or damaged.
        """
        from PIL import Image

        path = self.path(sha256, at_ms)
        try:
            with Image.open(path, formats=("JPEG",)) as picture:
                pixels = np.asarray(picture.convert("RGB"))
        except OSError as error:  # Pillow's own complaints are OSErrors too
            raise PreviewMissing(f"the preview {path} is gone or damaged") from error
        self.look_at(path)
        return pixels

    def look_at(self, path: Path) -> None:
        """Note that a preview is looked at, so that it is not the next to go from a full cache.

        Its time of change says so: many disks keep no time of access. Written once a day at most.
        """
        with suppress(OSError):
            if abs(time.time() - path.stat().st_mtime) > DAY_S:
                os.utime(path)

    def remove(self, sha256: str) -> None:
        """Remove every preview of an asset."""
        for path in (self.folder / sha256[:2]).glob(f"{sha256}-*"):
            path.unlink(missing_ok=True)

    def keep_only(self, sha256: str, at_ms: Collection[int]) -> None:
        """Remove the previews of an asset's moments, except those at these times."""
        kept = {self.path(sha256, time_ms).name for time_ms in at_ms}
        for path in (self.folder / sha256[:2]).glob(f"{sha256}-*.jpg"):
            if path.name not in kept:
                path.unlink(missing_ok=True)

    def kept(self) -> Iterator[Kept]:
        """Yield every preview there is, in no order; what goes meanwhile is left out."""
        for part in _entries(self.folder):
            for entry in _entries(Path(part.path)) if part.is_dir() else ():
                sha256, dash, rest = entry.name.partition("-")
                if not dash or not rest.endswith(".jpg") or entry.name.startswith("."):
                    continue
                with suppress(OSError):
                    at = entry.stat()
                    yield Kept(Path(entry.path), sha256, at.st_size, at.st_mtime)

    def leftovers(self) -> list[Path]:
        """Return what killed processes left half-written, or living ones are writing."""
        return list(self.folder.glob(f"*/{LEFTOVER_PREFIX}*"))

    def sweep_leftovers(self) -> None:
        """Remove what killed processes left half-written; for the one who holds the lock."""
        for path in self.leftovers():
            with suppress(FileNotFoundError):
                path.unlink()

    def _write(self, target: Path, pixels: RGB) -> int:
        from PIL import Image

        target.parent.mkdir(parents=True, exist_ok=True)
        handle, partial = tempfile.mkstemp(prefix=LEFTOVER_PREFIX, dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                Image.fromarray(pixels).save(file, "JPEG", quality=self.quality)
                size_bytes = file.tell()
            Path(partial).replace(target)
        except OSError:  # a disk that is full need not hold our half as well
            Path(partial).unlink(missing_ok=True)
            raise
        return size_bytes


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError:
        return []
