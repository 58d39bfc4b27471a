"""A folder of real media in which somebody is busy; what is done follows from the seed alone."""

import os
import random
import shutil
import zlib
from pathlib import Path
from typing import BinaryIO

from tests.acceptance.kills import real_library
from tests.media import MEDIA, media_files

FEWEST, MOST = 30, 90
"""Below so many files none vanishes, above none arrives."""

BIGGEST_BYTES = 2_000_000
FOLDERS = ("", "2019 summer", "2020/birthday", "von Oma", "photos")


class Tree:
    """The folder; every change is one call of `act`."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root = real_library(root)
        self._chance = random.Random(seed)
        self._number = 0
        self._half: tuple[BinaryIO, bytes, Path] | None = None
        folders = ("photos", "metadata", "formats", "broken")
        small = [path for path in media_files(*folders) if path.stat().st_size < BIGGEST_BYTES]
        self._pool = [*small, MEDIA / "videos" / "realshort.mp4"]
        self._deeds = {
            self._arrive: 6.0,
            self._arrive_slowly: 1,
            self._copy: 1,
            self._rename: 3,
            self._move: 3,
            self._replace: 2,
            self._vanish: 3,
            self._rename_folder: 0.4,
        }

    def act(self) -> str:
        """Change one thing; returns what was done, for the log."""
        if self._half is not None and self._chance.random() < 0.5:
            return self.finish()
        count = len(self._files())
        deeds = dict(self._deeds)
        if count >= MOST:
            deeds = {self._vanish: 1.0}
        elif count <= FEWEST:
            deeds = {self._arrive: 1.0}
        (deed,) = self._chance.choices(list(deeds), list(deeds.values()))
        return deed()

    def finish(self) -> str:
        """Write the other half of a file that arrives slowly, if one does."""
        if self._half is None:
            return "nothing arrives slowly"
        file, content, source = self._half
        self._half = None
        with file:
            file.write(content[len(content) // 2 :])
            time_ns = _time_ns(source, content)
            os.utime(file.fileno(), ns=(time_ns, time_ns))
        return f"the other half of {source.name} arrives"

    def _files(self) -> list[Path]:
        return sorted(path for path in self.root.rglob("*") if path.is_file())

    def _some_file(self) -> Path:
        return self._chance.choice(self._files())

    def _new_place(self, suffix: str) -> Path:
        self._number += 1
        folder = self.root / self._chance.choice(FOLDERS)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"new {self._number}{suffix}"

    def _content(self) -> tuple[Path, bytes]:
        """Return a file of the pool and bytes: its own, or a JPEG that nobody has seen yet."""
        source = self._chance.choice(self._pool)
        content = source.read_bytes()
        if source.suffix.lower() in (".jpg", ".jpeg") and self._chance.random() < 0.5:
            content += self._chance.randbytes(8)  # behind the end of the picture
        return source, content

    def _arrive(self) -> str:
        source, content = self._content()
        target = self._new_place(source.suffix)
        _put(target, content, source)
        return f"{target.name} arrives from {source.name}"

    def _arrive_slowly(self) -> str:
        """Leave a half; the other follows some deeds later, wherever the file is by then."""
        self.finish()
        source, content = self._content()
        target = self._new_place(source.suffix)
        file = target.open("wb", buffering=0)
        file.write(content[: len(content) // 2])
        self._half = file, content, source
        return f"half of {target.name} arrives from {source.name}"

    def _copy(self) -> str:
        source = self._some_file()
        target = self._new_place(source.suffix)
        shutil.copy2(source, target)
        return f"{source.name} is copied to {target.name}"

    def _rename(self) -> str:
        source = self._some_file()
        self._number += 1
        target = source.with_name(f"renamed {self._number}{source.suffix}")
        source.rename(target)
        return f"{source.name} is renamed to {target.name}"

    def _move(self) -> str:
        source = self._some_file()
        target = self._new_place(source.suffix)
        source.rename(target)
        return f"{source.name} is moved to {target}"

    def _replace(self) -> str:
        target = self._some_file()
        source, content = self._content()
        partial = target.with_name(f".{target.name}.part")
        _put(partial, content, source)
        partial.replace(target)
        return f"{target.name} is replaced by {source.name}"

    def _vanish(self) -> str:
        target = self._some_file()
        target.unlink()
        return f"{target.name} vanishes"

    def _rename_folder(self) -> str:
        folders = sorted(path for path in self.root.iterdir() if path.is_dir())
        source = self._chance.choice(folders)
        self._number += 1
        target = source.with_name(f"folder {self._number}")
        source.rename(target)
        return f"the folder {source.name} is renamed to {target.name}"


def _put(target: Path, content: bytes, source: Path) -> None:
    target.write_bytes(content)
    time_ns = _time_ns(source, content)
    os.utime(target, ns=(time_ns, time_ns))


def _time_ns(source: Path, content: bytes) -> int:
    """Return the time that a content always bears, and no other of its size.

    So that an asset's date does not depend on which of its files came first; and as no home has two
    photos of one size and the same nanosecond, of which one that goes is taken for one that comes.
    """
    stat = source.stat()
    return stat.st_mtime_ns - zlib.crc32(content[stat.st_size :])
