"""Write some records of a file in place.

Not through a map: on a disk that is full, a write to a map ends the process (SIGBUS), and a write
to a file is an error.
"""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mediaindex.types import Keys


def put_records(path: Path, places: Keys, records: npt.NDArray[Any]) -> None:
    """Store records at their places in a file that is there; on disk on return.

    What lies between its old end and a new place is zero. Of a place that comes twice, the last
    record counts.

    Args:
        path: The file.
        places: int64 (n,), counted in records.
        records: (n,), of the file's own type.

    Raises:
        FileNotFoundError: It is not there.
        OSError: There is no room, or it cannot be written.
    """
    order = np.argsort(places, kind="stable")
    places, records = places[order], np.ascontiguousarray(records[order])
    ends = np.append(np.flatnonzero(np.diff(places) != 1) + 1, len(places))
    file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        begin = 0
        for end in ends.tolist() if len(places) else []:
            _write(file, records[begin:end].tobytes(), int(places[begin]) * records.itemsize)
            begin = end
        os.fdatasync(file)
    finally:
        os.close(file)


def _write(file: int, content: bytes, offset_bytes: int) -> None:
    rest = memoryview(content)
    while rest:
        written = os.pwrite(file, rest, offset_bytes)
        rest, offset_bytes = rest[written:], offset_bytes + written
