"""Get to know an Immich: who is there, what its key may do, which of its folders are ours."""

import json
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path, PurePosixPath

from mediaindex.clients import wire
from mediaindex.clients.immich import ImmichClient, read_immich_host
from mediaindex.clients.immich_shapes import Asset, User, Version, Wanted
from mediaindex.clients.immich_versions import NEWEST, OLDEST
from mediaindex.config import Config, ImmichSettings
from mediaindex.errors import ConfigError
from mediaindex.immich.account import Account, PathPair, read_key
from mediaindex.immich.matching import ours_of
from mediaindex.immich.pairing import Ours, Theirs, find_pairs
from mediaindex.immich.permissions import lacking
from mediaindex.store.database import Database
from mediaindex.store.immich_accounts import accounts, move_account, save_account
from mediaindex.store.immich_paths import forms
from mediaindex.store.immich_places import files_named
from mediaindex.store.immich_tables import ImmichAccountRow

SAMPLE_PAGES = 3
"""So many pages of a thousand tell which folders are whose: the newest, and of v3 on the same
whenever it is asked."""

EXAMPLES = 3


@dataclass(frozen=True)
class Met:
    """An Immich that answered, and whose key it is."""

    #: Without `/api`.
    url: str
    web_url: str
    key_file: Path
    version: Version
    user: User
    #: None: the server cannot tell.
    permissions: frozenset[str] | None
    #: Some of what it has.
    sample: tuple[Asset, ...]

    @property
    def is_newer(self) -> bool:
        """Whether it is newer than what is known, and so only read."""
        return self.version > NEWEST


@dataclass(frozen=True)
class Pairing:
    """One of their folders as one of ours, and what of the sample speaks for it."""

    pair: PathPair
    #: So many of the sample lie in their folder, and so many of these here, too.
    of: int
    agree: int
    #: Some that do not, as Immich has them.
    examples: tuple[str, ...]


def meet(config: Config, url: str, key_file: Path, web_url: str | None) -> Met:
    """Ask an Immich who it is; nothing is stored.

    Args:
        config: The settings in force.
        url: Where its API is, with or without `/api`.
        key_file: Holds one person's key.
        web_url: What a browser opens; None: the same.

    Raises:
        ConfigError: The address or the key cannot be used, or the server is too old.
        ServerOff: It is not there, or refuses the key; `Lacking` where that may not even be told.
    """
    host = read_immich_host(url, allow_remote=config.settings.immich.allow_remote)
    page_url = _page_url(web_url or host.url)
    with (
        closing(ImmichClient(host, read_key(key_file))) as client,
        wire.within(config.settings.immich.time_limit_s),
    ):
        version = client.version()
        if version < OLDEST:
            raise ConfigError(
                f"Immich {version} at {host.url} is older than {OLDEST}, the oldest that is known; "
                "update it, and connect again"
            )
        permissions = client.permissions()
        _check_needed(host.url, permissions, config.settings.immich)
        user = client.me()
        pages = islice(client.pages(Wanted()), SAMPLE_PAGES)
        sample = tuple(asset for page in pages for asset in page)
    return Met(host.url, page_url, key_file, version, user, permissions, sample)


def _check_needed(url: str, permissions: frozenset[str] | None, section: ImmichSettings) -> None:
    """Raise ConfigError if a key lacks that without which nothing can be done at all."""
    needed = [use for use in lacking(permissions, section) if use.is_needed]
    if needed:
        names = " and ".join(use.permission for use in needed)
        raise ConfigError(
            f"the key of Immich at {url} lacks {names}, without which nothing can be read; give it "
            "that under Account settings > API keys, and connect again"
        )


def find_paths(database: Database, sample: Sequence[Asset]) -> tuple[PathPair, ...]:
    """Return which of their folders seem to be which of ours."""
    theirs = [Theirs(asset.path, asset.size_bytes) for asset in sample]
    return find_pairs(theirs, _ours(database, sample)).paths


def weigh(
    database: Database, sample: Sequence[Asset], paths: Sequence[PathPair]
) -> Sequence[Pairing]:
    """Return for each pair of folders what of the sample speaks for it."""
    ours = {file.path for file in _ours(database, sample)}
    lying: dict[str, list[Asset]] = {pair.theirs: [] for pair in paths}
    lacking: dict[str, list[Asset]] = {pair.theirs: [] for pair in paths}
    for asset in sample:
        pair = _pair_of(asset.path, paths)
        if pair is None:
            continue
        lying[pair.theirs].append(asset)
        here = ours_of(asset.path, [pair])
        if here is not None and ours.isdisjoint(forms(here)):
            lacking[pair.theirs].append(asset)
    return [
        Pairing(
            pair,
            of=len(lying[pair.theirs]),
            agree=len(lying[pair.theirs]) - len(lacking[pair.theirs]),
            examples=tuple(asset.path for asset in lacking[pair.theirs][:EXAMPLES]),
        )
        for pair in paths
    ]


def elsewhere(sample: Sequence[Asset], paths: Sequence[PathPair]) -> dict[str, int]:
    """Return how much of the sample lies in no known folder, by the folders at the top of it."""
    found: dict[str, int] = {}
    for asset in sample:
        if _pair_of(asset.path, paths) is None:
            top = str(PurePosixPath(*PurePosixPath(asset.path).parent.parts[:4]))
            found[top] = found.get(top, 0) + 1
    return dict(sorted(found.items(), key=lambda one: -one[1]))


def save(
    database: Database,
    met: Met,
    paths: Sequence[PathPair],
    now: datetime,
    *,
    keep_web: bool,
    moved: Account | None = None,
) -> int:
    """Store the account, in place of the same as it was; returns its id.

    What is known of it, and of what was written there, stays.

    Args:
        database: The store.
        met: Who was met.
        paths: Their folders and ours.
        now: UTC.
        keep_web: Where a browser finds it was not said, so what was said before holds.
        moved: The same at the address where it was before.
    """
    with database.write() as session:
        if moved is not None:
            move_account(session, moved.id, met.url, met.web_url)
        known = {(one.url, one.user_id): one.web_url for one in accounts(session)}
        before = known.get((met.url, met.user.id)) if keep_web else None
        permissions = None if met.permissions is None else json.dumps(sorted(met.permissions))
        return save_account(
            session,
            ImmichAccountRow(
                url=met.url,
                web_url=before or met.web_url,
                user_id=met.user.id,
                user_name=met.user.name,
                key_file=str(met.key_file),
                version=str(met.version),
                permissions=permissions,
                path_map=json.dumps([[pair.theirs, pair.ours] for pair in paths]),
                connected_at=now,
            ),
        )


def _ours(database: Database, sample: Iterable[Asset]) -> list[Ours]:
    names = {PurePosixPath(asset.path).name for asset in sample}
    with database.read() as session:
        return [Ours(one.root, one.path, one.size_bytes) for one in files_named(session, names)]


def _pair_of(path: str, paths: Sequence[PathPair]) -> PathPair | None:
    """Return the pair that holds for a path of theirs: the one with the longest folder."""
    above = [pair for pair in paths if ours_of(path, [pair]) is not None]
    return max(above, key=lambda pair: len(PurePosixPath(pair.theirs).parts), default=None)


def _page_url(url: str) -> str:
    """Return where a browser finds Immich, without a slash at the end.

    Raises:
        ConfigError: No browser finds anything there.
    """
    url = url.strip().rstrip("/")
    if not url.startswith(("http://", "https://")) or not url.isprintable() or " " in url:
        raise ConfigError(f"--web-url: expected something like https://photos.home, not {url!r}")
    return url
