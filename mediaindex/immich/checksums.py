"""Uploads that no path tells of are matched by content: Immich knows them by the SHA-1 of it."""

import hashlib
import logging
import os
from collections.abc import Callable, Sequence
from io import BufferedReader
from pathlib import Path

from mediaindex.errors import RetryLater, Unusable
from mediaindex.immich.seen import Seen
from mediaindex.immich.telling import settle
from mediaindex.media.reading import open_to_read
from mediaindex.store.database import Database
from mediaindex.store.files import Lying, files_to_read
from mediaindex.store.immich_assets import change_rows
from mediaindex.store.immich_checksums import assets_to_hash, keep_sha1, same_content

log = logging.getLogger(__name__)

BLOCK_BYTES = 1 << 20

MOST_BYTES = 32 << 30
"""So much is read from the NAS in one reading; the next goes on."""

BATCH = 100


def match_by_content(
    database: Database, account_id: int, changed: Seen, check: Callable[[], None]
) -> int:
    """Match uploads to assets of ours by their content; returns how many match that did not.

    Only what is of the very size of an upload is read, one file at a time, and none twice: the
    SHA-1 is kept with the asset.

    Args:
        database: The store.
        account_id: The account.
        changed: The assets of ours of which something else is known are put in.
        check: Called before each block is read; raises if it is to end.
    """
    matched = _match(database, account_id, changed)
    after_id, left_bytes = 0, MOST_BYTES
    while left_bytes > 0:
        with database.read() as session:
            ids = assets_to_hash(session, account_id, after_id, BATCH)
        if not ids:
            break
        after_id = ids[-1]
        for asset_id in ids:
            _, read_bytes = hash_asset(database, asset_id, check)
            left_bytes -= read_bytes
            if left_bytes <= 0:
                break
        matched += _match(database, account_id, changed)
    return matched


def _match(database: Database, account_id: int, changed: Seen) -> int:
    with database.read() as session:
        if not same_content(session, account_id):
            return 0
    with database.write() as session:
        same = same_content(session, account_id)
        by = {"matched_by": "checksum"}
        change_rows(session, [{"id": row, "asset_id": asset, **by} for row, asset in same])
        changed.update(settle(session, {asset for _, asset in same}))
        return len(same)


def hash_asset(
    database: Database, asset_id: int, check: Callable[[], None]
) -> tuple[str | None, int]:
    """Read an asset and remember its SHA-1.

    Args:
        database: The store.
        asset_id: The asset.
        check: Called before each block is read; raises if it is to end.

    Returns:
        The SHA-1, None if it cannot be read now; and how many bytes were read.
    """
    with database.read() as session:
        files = files_to_read(session, asset_id)
    sha1, size_bytes = _sha1_of_any(files, check)
    if sha1 is not None:
        with database.write() as session:
            keep_sha1(session, asset_id, sha1)
    return sha1, size_bytes


def _sha1_of_any(files: Sequence[Lying], check: Callable[[], None]) -> tuple[str | None, int]:
    for file in files:
        try:
            return _sha1(file, check), file.size_bytes or 0
        except (RetryLater, Unusable) as error:
            log.info("not hashed path=%s reason=%s", file.path, error)
    return None, 0


def _sha1(lying: Lying, check: Callable[[], None]) -> str:
    """Return the SHA-1 of a file that is as it was when somebody looked into it.

    Raises:
        RetryLater: It is not, or cannot be read now.
        Unusable: It is no regular file.
    """
    digest = hashlib.sha1(usedforsecurity=False)
    with open_to_read(Path(lying.path)) as file:
        _see_same(lying, file)  # also before: what is another file now would be read each time
        while block := _next(file.read, check):
            digest.update(block)
        _see_same(lying, file)
    return digest.hexdigest()


def _see_same(lying: Lying, file: BufferedReader) -> None:
    now = os.fstat(file.fileno())
    if (now.st_size, now.st_mtime_ns) != (lying.size_bytes, lying.mtime_ns):
        raise RetryLater("is not as it was when it was last looked into")


def _next(read: Callable[[int], bytes], check: Callable[[], None]) -> bytes:
    check()
    return read(BLOCK_BYTES)
