"""An Immich beside a database of ours: accounts, photos in both, and what models say of them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from mediaindex.clients.immich import ImmichClient, read_immich_host
from mediaindex.config import Config, ImmichSettings, load_config
from mediaindex.immich.account import Account
from mediaindex.immich.accounts import accounts
from mediaindex.immich.reverting import How
from mediaindex.pipeline.publish import Publish
from mediaindex.publishing import Taken, reverts
from mediaindex.store import captions, immich_written, jobs
from mediaindex.store.database import Database
from mediaindex.store.due import at
from mediaindex.store.immich_tables import ImmichAccountRow, ImmichAssetRow, ImmichWrittenRow
from mediaindex.store.tables import AssetRow, MomentRow
from mediaindex.types import Caption
from tests.conftest import NOW, ORIGIN, insert_asset
from tests.servers.immich import Immich

ALL = ("description", "tags", "record")

DOG = Caption("A dog runs along a beach.", ("dog", "beach"), "NO DOGS", "beach")

LATER = timedelta(minutes=20)


@dataclass
class Beside:
    """One database, one Immich, and clients that count what they send."""

    home: Path
    database: Database
    server: Immich
    write: tuple[str, ...] = ALL
    now: datetime = NOW
    #: What the clients are made by; a test may put in one that breaks.
    make: Callable[..., ImmichClient] = ImmichClient
    keys: dict[int, str] = field(default_factory=dict)
    _number: int = 0

    @property
    def config(self) -> Config:
        """Settings that write at once."""
        empty = self.home / "config.yaml"
        empty.touch()
        environ = {
            "MEDIAINDEX_STATE_DIR": str(self.database.path.parent),
            "MEDIAINDEX_CACHE_DIR": str(self.home / "cache"),
        }
        config = load_config(empty, environ)
        section = msgspec.convert({"write": self.write, "writes_per_min": 6000}, ImmichSettings)
        return replace(config, settings=replace(config.settings, immich=section))

    def clock(self) -> datetime:
        """Return the time, which passes when a test says so."""
        return self.now

    def connect(self, name: str = "anna", permissions: Sequence[str] = ("all",)) -> int:
        """Connect an account of this user; returns its id."""
        key = self.server.add_user(name, permissions)
        key_file = self.home / f"{name}.key"
        key_file.write_text(key)
        with self.database.write() as session:
            row = ImmichAccountRow(
                url=self.server.url,
                web_url=self.server.url,
                user_id=self.server.users[name].id,
                user_name=name,
                key_file=str(key_file),
                version=self.server.version,
                permissions=None,
                path_map="[]",
                connected_at=NOW,
            )
            session.add(row)
            session.flush()
            self.keys[row.id] = key
            return row.id

    def opener(self, config: Config, account: Account) -> ImmichClient:
        """Make a client of an account."""
        del config
        return self.make(read_immich_host(self.server.url), self.keys[account.id], account.version)

    def account(self, account_id: int = 1) -> Account:
        """Return an account as the program reads it."""
        with self.database.read() as session:
            return next(one for one in accounts(session) if one.id == account_id)

    def client(self, account_id: int = 1) -> ImmichClient:
        """Return a client of an account."""
        return self.opener(self.config, self.account(account_id))

    def add(
        self,
        description: str = "",
        said: Caption | None = DOG,
        *,
        account_id: int = 1,
        owner: str = "anna",
        **facts: Any,
    ) -> str:
        """Add a photo that both have; returns its uuid."""
        self._number += 1
        name = f"{self._number}.jpg"
        uuid = self.server.add(f"/photos/{name}", owner=owner, description=description, **facts)
        with self.database.write() as session:
            asset_id = insert_asset(session, name)
            jobs.mark_done(session, asset_id, "decode", "1", NOW, redo=())
        self.match(uuid, asset_id, account_id)
        if said is not None:
            self.say(asset_id, said)
        return uuid

    def match(self, uuid: str, asset_id: int, account_id: int = 1) -> None:
        """Note that one of Immich's is one of ours."""
        theirs = self.server.assets[uuid]
        columns = {
            "account_id": account_id,
            "uuid": uuid,
            "library_id": theirs.library_id,
            "asset_id": asset_id,
            "matched_by": "path",
            "path": theirs.path,
            "checksum": theirs.checksum,
            "visibility": theirs.visibility,
            "is_trashed": theirs.is_trashed,
            "updated_at": "2026-03-01T12:00:00.000Z",
            "facts": "{}",
        }
        with self.database.write() as session:
            session.add(ImmichAssetRow(**columns))

    def say(self, asset_id: int, said: Caption, version: str = "1") -> None:
        """Have a model say something of a photo, as the stage that asks it does."""
        with self.database.write() as session:
            moment = session.scalar(select(MomentRow.id).filter_by(asset_id=asset_id).limit(1))
            captions.save_caption(session, asset_id, moment, version, said, ORIGIN, NOW)
            jobs.forget_results(session, asset_id, ("embed_text", "publish"))
            jobs.mark_done(session, asset_id, "caption", version, NOW, redo=())

    def run(self) -> int:
        """Write all that is due, as a runner does that knows no patience; returns how many."""
        stop = threading.Event()
        stage = Publish(self.config, self.database, stop, opener=self.opener, clock=self.clock)
        done = 0
        try:
            stage.ready()
            while True:
                with self.database.read() as session:
                    asset_id = session.scalars(stage.due().limit(1), at(self.now)).first()
                    if asset_id is None:
                        return done
                    loaded = stage.load(session, asset_id)
                [result] = stage.work([loaded])
                with self.database.write() as session:
                    stage.save(session, asset_id, result, self.now)
                done += 1
        finally:
            stop.set()
            stage.close()

    def revert(self, *, everything: bool = False, **how: Any) -> list[Taken]:
        """Take all out again, with writing off; returns what came of each asset."""
        self.write = ()
        found = list(
            reverts(self.config, (), How(**how), everything=everything, opener=self.opener)
        )
        return [one for one in found if isinstance(one, Taken)]

    def asset_of(self, uuid: str) -> int:
        """Return which of ours one of Immich's is."""
        with self.database.read() as session:
            found = session.scalar(select(ImmichAssetRow.asset_id).filter_by(uuid=uuid))
        assert found is not None
        return found

    def withhold(self, uuid: str, reason: str | None) -> None:
        """Withhold one of ours."""
        asset_id = self.asset_of(uuid)
        with self.database.write() as session:
            session.get_one(AssetRow, asset_id).withheld = reason

    def written(self, uuid: str) -> immich_written.Written | None:
        """Return what is remembered of what we wrote."""
        with self.database.read() as session:
            row = session.scalar(select(ImmichWrittenRow).filter_by(uuid=uuid))
            return None if row is None else immich_written.find(session, row.account_id, uuid)

    def sent(self) -> list[str]:
        """Return the requests that change something."""
        return [
            f"{one.method} {one.path}"
            for one in self.server.requests
            if one.method != "GET" and not one.path.startswith("/api/search")
        ]

    def later(self, by: timedelta = LATER) -> None:
        """Let time pass."""
        self.now += by


@pytest.fixture
def beside(tmp_path: Path, database: Database) -> Iterator[Beside]:
    """An Immich 3.1 with one connected account, anna's."""
    with Immich("3.1.0") as server:
        found = Beside(tmp_path, database, server)
        found.connect()
        yield found
