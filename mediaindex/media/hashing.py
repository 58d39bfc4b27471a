"""Know a file by its content."""

import hashlib
import os
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from mediaindex.errors import RetryLater
from mediaindex.media.reading import open_to_read

CHUNK_BYTES = 1 << 20

WHOLE_BYTES = 256 << 20
"""Files up to this size are read whole: all photos, and clips of some minutes."""

SAMPLES = 64
"""Blocks of `CHUNK_BYTES` read of a larger file, first and last among them."""


@dataclass(frozen=True)
class ContentHash:
    """What a file is known by."""

    #: SHA-256, 64 hex digits: of all bytes, or of size and samples for a large file.
    sha256: str
    size_bytes: int


def content_hash(path: Path) -> ContentHash:
    """Return the hash of a file's content; memory does not depend on its size.

    Raises:
        RetryLater: It cannot be read now, or changed while it was read.
        Unusable: It is no regular file.
    """
    with open_to_read(path) as file:
        before = os.fstat(file.fileno())
        digest = _whole(file) if before.st_size <= WHOLE_BYTES else _sampled(file, before.st_size)
        after = os.fstat(file.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise RetryLater("is still being written")
    return ContentHash(digest, before.st_size)


def _whole(file: BufferedReader) -> str:
    return hashlib.file_digest(file, "sha256").hexdigest()


def _sampled(file: BufferedReader, size_bytes: int) -> str:
    # The size goes in first, so that no small file can come to the same digest.
    digest = hashlib.sha256(f"mediaindex sampled {size_bytes}\n".encode())
    last = size_bytes - CHUNK_BYTES
    for number in range(SAMPLES):
        file.seek(last * number // (SAMPLES - 1))
        digest.update(file.read(CHUNK_BYTES))
    return digest.hexdigest()
