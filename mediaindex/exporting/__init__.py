"""What is known of photos and videos, written to files for other programs.

To add a format, add one file in `formats/` that has a `FORMAT`; `--format` takes its name.
"""

import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediaindex.store.exports import Exported


@dataclass(frozen=True)
class OneFile:
    """A format that puts all into one file."""

    #: The file's name.
    name: str
    #: What it begins with.
    head: bytes
    #: What it says of one photo or video, in pieces; each a line or more, with its end.
    lines: Callable[[Exported], Iterator[bytes]]


@dataclass(frozen=True)
class Mirror:
    """A format that has a file for each photo or video, in a tree like that of its library."""

    #: Stands behind the whole name: `photo.jpg` becomes `photo.jpg.xmp`.
    suffix: str
    #: What is written of one; None: there is nothing to say.
    content: Callable[[Exported], bytes | None]


def format_names() -> list[str]:
    """Return the names of all formats, as people write them."""
    folder = str(Path(__file__).with_name("formats"))
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules([folder]))


def load(name: str) -> OneFile | Mirror:
    """Return a format by one of the names that `format_names` gives."""
    module = name.replace("-", "_")
    found: OneFile | Mirror = pkgutil.resolve_name(f"mediaindex.exporting.formats.{module}:FORMAT")
    return found
