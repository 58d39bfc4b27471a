"""A home with files of ours and an Immich beside them, for tests of reading it."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select

from mediaindex.config import Config, load_config
from mediaindex.immich.account import PathPair
from mediaindex.immich.reading import Read, read
from mediaindex.pipeline.sweep import Library
from mediaindex.sources.folder import Rules
from mediaindex.store.assets import Identity, identify_file
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import save_account
from mediaindex.store.immich_tables import ImmichAccountRow, ImmichAssetRow
from mediaindex.store.libraries import add_library
from mediaindex.store.tables import AssetRow, FileRow, FolderRow, LibraryRow, WordsRow
from tests.conftest import NOW
from tests.servers.immich import Immich
from tests.sweeping import look

THEIRS = "/mnt/media"


class Home:
    """Our library at `root`, which Immich has at `THEIRS`, and one account, anna's."""

    def __init__(
        self,
        folder: Path,
        database: Database,
        server: Immich,
        permissions: tuple[str, ...] = ("all",),
    ) -> None:
        self.database, self.server, self.folder = database, server, folder
        environ = {
            "MEDIAINDEX_STATE_DIR": str(database.path.parent),
            "MEDIAINDEX_CACHE_DIR": str(folder / "cache"),
        }
        self.config: Config = load_config(None, environ)
        self.root = folder / "photos"
        self.root.mkdir()
        with database.write() as session:
            row = add_library(session, "family", self.root, NOW)
            self.library = Library(row.id, row.name, self.root, Rules(()))
        self.account_id = self.connect("anna", permissions)

    def connect(
        self, name: str, permissions: tuple[str, ...] = ("all",), theirs: str = THEIRS
    ) -> int:
        """Add a person to Immich and connect their archive; returns the account's id."""
        key_file = self.folder / f"{name}.key"
        key_file.write_text(self.server.add_user(name, permissions))
        key_file.chmod(0o600)
        pairs = [PathPair(theirs, str(self.root))]
        with self.database.write() as session:
            return save_account(
                session,
                ImmichAccountRow(
                    url=self.server.url,
                    web_url="http://photos.home",
                    user_id=self.server.users[name].id,
                    user_name=name,
                    key_file=str(key_file),
                    version=self.server.version,
                    permissions=json.dumps(list(permissions)),
                    path_map=json.dumps([[pair.theirs, pair.ours] for pair in pairs]),
                    connected_at=NOW,
                ),
            )

    def fill(self, *names: str) -> None:
        """Write files that differ, each with its name in it, and take them in."""
        for name in names:
            self.put(name, name.encode())
        self.sweep()

    def put(self, name: str, content: bytes) -> None:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def sweep(self) -> None:
        """Look at the library, and into what is new there."""
        look(self.database, self.library, max_vanish_fraction=1.0)
        with self.database.write() as session:
            query = select(FileRow, FolderRow.path).join(FolderRow)
            for file, folder in session.execute(query.where(FileRow.kind.is_(None))).all():
                content = (self.root / folder / file.name).read_bytes()
                sha256 = hashlib.sha256(content).hexdigest()
                identity = Identity(sha256, len(content), "photo", "jpeg")
                identify_file(session, file.id, identity, NOW)

    def add(self, name: str, owner: str = "anna", **facts: Any) -> str:
        """Add to Immich what lies in our library under a name; returns its uuid."""
        return self.server.add(f"{THEIRS}/{name}", owner=owner, **facts)

    def read(self, *, full: bool = False, account_id: int | None = None) -> Read:
        """Read Immich."""
        chosen = self.account_id if account_id is None else account_id
        stop = threading.Event()
        return read(self.config, self.database, chosen, NOW, full=full, stop=stop)

    def asset(self, name: str) -> AssetRow:
        """Return the asset that lies under a name now, or did last."""
        folder, _, file_name = name.rpartition("/")
        with self.database.read() as session:
            query = (
                select(AssetRow)
                .join(FileRow, FileRow.asset_id == AssetRow.id)
                .join(FolderRow, FolderRow.id == FileRow.folder_id)
                .join(LibraryRow, LibraryRow.id == FolderRow.library_id)
                .where(FolderRow.path == folder, FileRow.name == file_name)
            )
            return session.scalars(query).one()

    def withheld(self, name: str) -> str | None:
        """Return why a file's asset is not shown."""
        return self.asset(name).withheld

    def words(self, name: str) -> set[tuple[str, str]]:
        """Return what Immich says of a file's asset."""
        asset_id = self.asset(name).id
        with self.database.read() as session:
            rows = session.scalars(select(WordsRow).filter_by(asset_id=asset_id, source="immich"))
            return {(row.kind, row.text) for row in rows}

    def rows(self) -> list[ImmichAssetRow]:
        """Return all that is known of Immich's assets."""
        with self.database.read() as session:
            return list(session.scalars(select(ImmichAssetRow).order_by(ImmichAssetRow.id)))

    def account(self, account_id: int | None = None) -> ImmichAccountRow:
        """Return an account as it is stored."""
        chosen = self.account_id if account_id is None else account_id
        with self.database.read() as session:
            return session.get_one(ImmichAccountRow, chosen)

    @contextmanager
    def writes(self) -> Iterator[list[str]]:
        """Give the statements that change the database in this block."""
        said: list[str] = []

        def note(_1: Any, _2: Any, statement: str, *_3: Any) -> None:
            if statement.split()[0] in ("INSERT", "UPDATE", "DELETE"):
                said.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            yield said
        finally:
            event.remove(Engine, "before_cursor_execute", note)
