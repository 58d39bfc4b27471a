"""How long it takes to match an archive of Immich with ours, and how many requests it needs.

    python -m benchmarks.immich_match [--assets 10000] [--version 3.1.0]

Ours are rows in a real store, without pictures; theirs stand on a server that speaks as Immich
does and takes next to no time to answer, on this machine: a real one adds its own.
"""

import argparse
import hashlib
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import insert

from mediaindex.config import load_config
from mediaindex.immich.reading import Read, read
from mediaindex.store.database import Database, open_database
from mediaindex.store.libraries import add_library
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, MomentRow
from tests.immich import connect, key_file
from tests.servers.immich import Immich

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
IN_A_FOLDER = 250


def main() -> None:
    """Print a line for each kind of reading."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--version", default="3.1.0")
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Immich(chosen.version) as server,
    ):
        measure(Path(folder), server, chosen.assets)


def measure(folder: Path, server: Immich, number: int) -> None:
    """Read three times: first, in full again, and what changed since."""
    database = open_database(folder / "state" / "mediaindex.db")
    names = list(_names(number))
    _fill(database, folder / "photos", names)
    account_id = connect(
        database,
        server,
        key_file(folder, server.add_user("anna")),
        {"/mnt/media": str(folder / "photos")},
    )
    uuids = [_add(server, name, count) for count, name in enumerate(names)]
    server.add_album("Summer", uuids[:500], owner="anna")
    config = load_config(
        None,
        {
            "MEDIAINDEX_STATE_DIR": str(folder / "state"),
            "MEDIAINDEX_CACHE_DIR": str(folder / "cache"),
        },
    )
    for what, full in (("first", False), ("full again", True), ("what changed", False)):
        pages, began, began_s = [0], len(server.requests), time.perf_counter()

        def on_progress(_met: int, _matched: int, pages: list[int] = pages) -> None:
            pages.append(len(server.requests))

        done = read(
            config,
            database,
            account_id,
            NOW,
            full=full,
            stop=threading.Event(),
            on_progress=on_progress,
        )
        _tell(what, done, time.perf_counter() - began_s, max(0, pages[-1] - began))
    database.close()


def _tell(what: str, done: Read, seconds: float, until_matched: int) -> None:
    print(
        f"{what:13} {seconds:6.2f} s  {done.requests:3} requests ({until_matched} until the last "
        f"page)  {done.met:6} met  {done.matched:6} matched  {done.changed:6} changed"
    )


def _names(number: int) -> Iterator[str]:
    for count in range(number):
        yield f"{2000 + count // IN_A_FOLDER}/IMG_{count % IN_A_FOLDER:04}.jpg"


def _fill(database: Database, root: Path, names: list[str]) -> None:
    with database.write() as session:
        library = add_library(session, "photos", root, NOW)
        folders: dict[str, int] = {}
        for name in names:
            path = name.rpartition("/")[0]
            if path not in folders:
                row = FolderRow(library_id=library.id, path=path, seen_sweep=1)
                session.add(row)
                session.flush()
                folders[path] = row.id
        made = {"kind": "photo", "format": "jpeg", "size_bytes": 1000, "added_at": NOW}
        session.execute(
            insert(AssetRow),
            [
                {"id": number, "sha256": hashlib.sha256(name.encode()).hexdigest(), **made}
                for number, name in enumerate(names, 1)
            ],
        )
        seen = {"size_bytes": 1000, "mtime_ns": 1, "role": "media", "kind": "photo"}
        session.execute(
            insert(FileRow),
            [
                {
                    "folder_id": folders[name.rpartition("/")[0]],
                    "name": name.rpartition("/")[2],
                    "asset_id": number,
                    "found_at": NOW,
                    **seen,
                }
                for number, name in enumerate(names, 1)
            ],
        )
        session.execute(
            insert(MomentRow),
            [
                {"asset_id": number, "start_ms": 0, "end_ms": 0, "at_ms": 0}
                for number in range(1, len(names) + 1)
            ],
        )


def _add(server: Immich, name: str, count: int) -> str:
    return server.add(
        f"/mnt/media/{name}",
        owner="anna",
        taken_at=NOW - timedelta(minutes=count),
        people=("Anna",) if count % 3 == 0 else (),
        description="On the beach" if count % 5 == 0 else "",
        city="Lisbon",
        country="Portugal",
        is_favourite=count % 20 == 0,
    )


if __name__ == "__main__":
    main()
