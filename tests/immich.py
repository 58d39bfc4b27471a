"""An Immich beside a library: its key in a file, its account in a store."""

import json
from datetime import UTC, datetime
from pathlib import Path

from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import save_account
from mediaindex.store.immich_tables import ImmichAccountRow
from tests.servers.immich import Immich

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def key_file(folder: Path, key: str, name: str = "key") -> Path:
    """Write a key where only its owner reads it."""
    file = folder / name
    file.write_text(f"{key}\n")
    file.chmod(0o600)
    return file


def connect(
    database: Database, server: Immich, key: Path, paths: dict[str, str], name: str = "anna"
) -> int:
    """Store an account as `immich connect` does; returns its id."""
    with database.write() as session:
        return save_account(
            session,
            ImmichAccountRow(
                url=server.url,
                web_url=server.url,
                user_id=server.users[name].id,
                user_name=name,
                key_file=str(key),
                version=server.version,
                permissions=json.dumps(["all"]),
                path_map=json.dumps([list(pair) for pair in paths.items()]),
                connected_at=NOW,
            ),
        )
