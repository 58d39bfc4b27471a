"""What filters compare, beside the vectors: a fixed record for each asset, in a mapped file.

SQLite needs a quarter of a second to list what passes a filter in a library of a million; comparing
a column takes some milliseconds. This is a cache like the indexes: SQLite owns every fact, a change
is told afterwards, and a lost folder is made again.

A folder has two files, in which a place is an id: `assets.facets` (a record by asset id) and
`owners.i64` (an asset id by key of a vector). What was never written is zero, which passes nothing.
"""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mediaindex.errors import RetryLater
from mediaindex.types import FACETS, FacetRecords, Keys
from mediaindex.vectors.patch import put_records

ASSETS, OWNERS = "assets.facets", "owners.i64"

Batch = tuple[Keys, npt.NDArray[Any]]


@dataclass(frozen=True)
class Known:
    """The facets as they are now. An owner may be an asset that has no record yet."""

    #: (n,) by asset id.
    assets: FacetRecords
    #: int64 (m,) by key: the asset a vector is of, 0 where it is gone.
    owners: Keys


class Facets:
    """One writer; any number of readers, also elsewhere, who may see a change half written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> Known | None:
        """Map the facets as they are now; None where they have to be made first.

        Raises:
            RetryLater: They cannot be read.
        """
        try:
            # Owners first: whoever has one was told of the asset before.
            owners = _map(self._folder / OWNERS, np.dtype("<i8"))
            return Known(_map(self._folder / ASSETS, FACETS), owners)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._trouble(error) from error

    def tell(self, asset_ids: Keys, records: FacetRecords) -> None:
        """Store the facets of assets; of one that is gone, a record of zeros. On disk on return.

        Nothing is stored where the folder is lost and `rebuild` has to come first.

        Raises:
            RetryLater: They cannot be written.
        """
        self._put(ASSETS, asset_ids, records, FACETS)

    def own(self, keys: Keys, asset_ids: Keys) -> None:
        """Store which asset each vector is of; 0 for one that is gone. On disk on return.

        Raises:
            RetryLater: They cannot be written.
        """
        self._put(OWNERS, keys, asset_ids, np.dtype("<i8"))

    def rebuild(self, assets: Iterable[Batch], owners: Iterable[Batch]) -> None:
        """Make all anew, beside what is there until it is complete.

        Args:
            assets: Batches as `tell` takes them.
            owners: Batches as `own` takes them.

        Raises:
            RetryLater: They cannot be written.
        """
        fresh = Facets(self._folder.with_name(self._folder.name + ".new"))
        try:
            shutil.rmtree(fresh._folder, ignore_errors=True)
            fresh._folder.mkdir(parents=True)
            for name in (ASSETS, OWNERS):
                (fresh._folder / name).touch()
            for asset_ids, records in assets:
                fresh.tell(asset_ids, records)
            for keys, owned in owners:
                fresh.own(keys, owned)
            shutil.rmtree(self._folder, ignore_errors=True)
            fresh._folder.rename(self._folder)
        except OSError as error:
            raise self._trouble(error) from error

    def _put(self, name: str, ids: Keys, values: npt.NDArray[Any], kind: np.dtype[Any]) -> None:
        try:
            put_records(self._folder / name, ids, np.asarray(values, dtype=kind))
        except FileNotFoundError:
            return  # Lost: `rebuild` makes them again, from what SQLite knows by then.
        except OSError as error:
            raise self._trouble(error) from error

    def _trouble(self, error: OSError) -> RetryLater:
        return RetryLater(f"{self._folder}: {error.strerror or error}")


def _map(path: Path, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    # Opened first: another file may take the name at any time.
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size // kind.itemsize
        return np.memmap(file, dtype=kind, mode="r", shape=(size,)) if size else np.empty(0, kind)
