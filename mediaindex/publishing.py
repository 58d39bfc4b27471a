"""Write to Immich now, see first what would be written, or take it all out again."""

import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy.orm import Session

from mediaindex import parts
from mediaindex.clients.immich import ImmichClient
from mediaindex.clients.immich_versions import abilities
from mediaindex.config import Config
from mediaindex.errors import ConfigError, Faulty, NoRoom, RetryLater
from mediaindex.immich import allowed
from mediaindex.immich.account import Account, open_client
from mediaindex.immich.accounts import accounts
from mediaindex.immich.publishing import Draft, Outcome, draft, is_current
from mediaindex.immich.reaching import Hindrance, is_unknown, reached
from mediaindex.immich.reverting import (
    How,
    Reverted,
    delete_empty_tags,
    revert,
    revert_unknown,
)
from mediaindex.immich.words import wish
from mediaindex.immich.writing import EDITED
from mediaindex.pipeline.lane import Progress
from mediaindex.pipeline.publish import OpenClient, Publish
from mediaindex.pipeline.runner import Runner
from mediaindex.store import immich_written
from mediaindex.store.database import Database
from mediaindex.store.due import at
from mediaindex.store.files import find_file, paths_of_asset
from mediaindex.store.immich_written import Target, Written
from mediaindex.store.lock import immich_lock, worker_lock, writing_lock

EVERYTHING = ("description", "tags", "record")

NOT_ON = (
    "nothing is written to Immich unless the settings say what: immich.write: [description, tags, "
    "record]; to see first what it would be: mediaindex immich write --dry-run"
)

STILL_ON = (
    "writing is on, so it would come back: set immich.write: [] first (and have the daemon read "
    "its settings again, if one runs: systemctl reload mediaindex)"
)

UNKNOWN = (
    "Immich {} is newer than what is known here, so nobody knows what taking words out does there; "
    "to do it all the same: --unknown-version"
)

EXACTLY = How()

OnProgress = Callable[[Sequence[Progress]], None]


@dataclass(frozen=True)
class Sketch:
    """What would be written of one photo or video to one of Immich's assets."""

    account: Account
    target: Target
    #: Where it lies here; "" if nowhere any more.
    path: str
    #: What would be sent, or what keeps it from that; None: Immich cannot tell now.
    draft: Draft | Outcome | None
    #: Why it cannot tell.
    trouble: str | None = None


@dataclass(frozen=True)
class Taken:
    """What was taken out of one of Immich's assets, or is to be."""

    account: Account
    path: str
    reverted: Reverted


@dataclass(frozen=True)
class TagsDeleted:
    """So many tags of ours, which nothing had any more, were deleted."""

    account: Account
    number: int


def sketches(
    config: Config,
    paths: Sequence[Path] = (),
    limit: int | None = None,
    opener: OpenClient = open_client,
) -> Iterator[Sketch | Hindrance]:
    """Yield what would be written, photo by photo; it only asks, and sends nothing.

    Where the settings have nothing written, as if they had everything.

    Args:
        config: The settings.
        paths: Only these files; none: all that is due.
        limit: At most so many photos and videos.
        opener: Makes the client of an account.

    Raises:
        ConfigError: No Immich is connected, or a path is in no library.
    """
    config = _writing(config)
    wanted = config.settings.immich.write
    with _opened(config) as database:
        stage = Publish(config, database, threading.Event(), only=_only(database, paths))
        with database.read() as session:
            known = _accounts(session)
            query = stage.due().order_by(stage.due().selected_columns[0].desc()).limit(limit)
            ids = list(session.scalars(query, at(datetime.now(UTC))))
        with reached(config, known, opener) as (clients, hindered):
            yield from hindered
            yield from _not_writable(clients, wanted)
            for asset_id in ids:
                with database.read() as session:
                    said = immich_written.spoken(session, asset_id)
                    targets = immich_written.targets(session, asset_id, list(clients))
                    path = _path(session, asset_id)
                for target in targets:
                    account, client = clients[target.account_id]
                    told = wish(said, allowed.writable(account, wanted))
                    with database.read() as session:
                        written = immich_written.find(session, account.id, target.uuid)
                    if told is not None and not is_current(written, told):
                        drawn, trouble = None, None
                        try:
                            drawn = draft(client, account, target, told, written)
                        except (RetryLater, Faulty) as error:
                            trouble = str(error)
                        yield Sketch(account, target, path, drawn, trouble)


def _not_writable(
    clients: dict[int, tuple[Account, ImmichClient]], wanted: Collection[str]
) -> Iterator[Hindrance]:
    """Yield the accounts that would not be written to, and leave out those of unknown versions."""
    for account, _ in list(clients.values()):
        reason = allowed.why_not(account, wanted)
        if reason is not None:
            yield Hindrance(account, f"it is not written to: {reason}")
            if not abilities(account.version).writing:
                del clients[account.id]


def write_now(
    config: Config,
    paths: Sequence[Path],
    limit: int | None,
    stop: threading.Event,
    *,
    again: bool = False,
    on_progress: OnProgress = lambda _: None,
    opener: OpenClient = open_client,
) -> Progress:
    """Write until nothing is due, and return what was done.

    Args:
        config: The settings.
        paths: Only these files; none: all that is due.
        limit: At most so many photos and videos.
        stop: Ends it.
        again: What was left alone, too, whatever the reason.
        on_progress: Told how it goes.
        opener: Makes the client of an account.

    Raises:
        AlreadyRunning: Another process works on the same state.
        ConfigError: Writing is not on, no Immich is connected, or a path is in no library.
    """
    if not config.settings.immich.write:
        raise ConfigError(NOT_ON)
    with worker_lock(config.state_dir), _opened(config) as database:
        with database.write() as session:
            _accounts(session)
            if again:
                immich_written.try_again(session)
        only = _only(database, paths)
        if limit is not None:
            first = Publish(config, database, stop, only=only).due()
            query = first.order_by(first.selected_columns[0].desc()).limit(limit)
            with database.read() as session:
                only = list(session.scalars(query, at(datetime.now(UTC))))
        stage = Publish(config, database, stop, only=only, opener=opener)
        return Runner(database, [stage], on_progress=on_progress).run(stop)[0]


def have_written_again(config: Config) -> int:
    """Have what was left alone written again by whoever writes next; returns on how many.

    Args:
        config: The settings.

    Raises:
        ConfigError: No Immich is connected.
    """
    with _opened(config) as database, database.write() as session:
        _accounts(session)
        return immich_written.try_again(session)


def left_alone(config: Config) -> Counter[str]:
    """Return on how many photos and videos we write no more, by the reason, for people."""
    with _opened(config) as database, database.read() as session:
        return Counter(reason for _, reason in immich_written.troubles(session))


def reverts(
    config: Config,
    paths: Sequence[Path] = (),
    how: How = EXACTLY,
    *,
    everything: bool = False,
    unknown_version: bool = False,
    opener: OpenClient = open_client,
) -> Iterator[Taken | TagsDeleted | Hindrance]:
    """Take our words out of Immich, and yield what came of each asset.

    Args:
        config: The settings, with writing off.
        paths: Only these files; none: all that was written.
        how: How far to go.
        everything: Also what the database knows nothing of, by its marks.
        unknown_version: Also from an Immich newer than what is known.
        opener: Makes the client of an account.

    Raises:
        AlreadyRunning: Another process reads Immich now, or writes there.
        ConfigError: Writing is on, no Immich is connected, or a path is in no library.
    """
    if config.settings.immich.write and not how.dry_run:
        raise ConfigError(STILL_ON)
    with ExitStack() as stack:
        if not how.dry_run:
            stack.enter_context(immich_lock(config.state_dir))
            # So that no daemon begins to write in the middle, whatever its settings are by then.
            stack.enter_context(writing_lock(config.state_dir))
        database = stack.enter_context(_opened(config))
        only = _only(database, paths)
        with database.read() as session:
            known = _accounts(session)
        clients, hindered = stack.enter_context(reached(config, known, opener))
        yield from hindered
        for account, client in clients.values():
            if is_unknown(account) and not (how.dry_run or unknown_version):
                yield Hindrance(account, UNKNOWN.format(account.version))
                continue
            with database.read() as session:
                some = immich_written.all_written(session, account.id, only)
            try:
                yield from _revert_one(database, account, client, some, how, everything=everything)
            except NoRoom:
                raise
            except (RetryLater, Faulty) as error:
                yield Hindrance(account, str(error))


def unknown_versions(config: Config, opener: OpenClient = open_client) -> list[Account]:
    """Return the accounts whose Immich is newer than what is known, as they stand now.

    Raises:
        ConfigError: No Immich is connected.
    """
    with _opened(config) as database:
        with database.read() as session:
            known = _accounts(session)
        with reached(config, known, opener) as (clients, _):
            return [account for account, _ in clients.values() if is_unknown(account)]


def _revert_one(
    database: Database,
    account: Account,
    client: ImmichClient,
    some: Sequence[Written],
    how: How,
    *,
    everything: bool,
) -> Iterator[Taken | TagsDeleted]:
    tags: set[str] = set()
    left: dict[str, str] = {}
    for one in revert(database, client, account, some, how):
        tags.update(one.tags)
        if one.done.left is not None:
            left[one.uuid] = one.done.left
        yield _named(database, account, one)
    if everything:
        edited = {uuid for uuid, why in left.items() if why == EDITED}
        left_out = {written.uuid for written in some} if how.dry_run else left.keys() - edited
        for one in revert_unknown(client, account, how, left_out=left_out, edited=edited):
            yield _named(database, account, one)
    if not how.dry_run and not how.is_over():
        # Those of a photo that cannot be seen stay: so does whatever else is said of it.
        with database.read() as session:
            for written in immich_written.all_written(session, account.id):
                tags.difference_update(written.tags)
        yield TagsDeleted(account, delete_empty_tags(client, None if everything else tags))


def _named(database: Database, account: Account, one: Reverted) -> Taken:
    with database.read() as session:
        path = "" if one.asset_id is None else _path(session, one.asset_id)
    return Taken(account, path, one)


def _writing(config: Config) -> Config:
    """Return the settings with everything written, where they have nothing written."""
    section = config.settings.immich
    if section.write:
        return config
    section = replace(section, write=EVERYTHING)
    return replace(config, settings=replace(config.settings, immich=section))


@contextmanager
def _opened(config: Config) -> Iterator[Database]:
    if not config.database_path.exists():
        raise ConfigError("nothing is indexed yet; try: mediaindex index ~/Pictures")
    database = parts.store(config)
    try:
        yield database
    finally:
        database.close()


def _accounts(session: Session) -> list[Account]:
    known = accounts(session)
    if not known:
        raise ConfigError("no Immich is connected; mediaindex immich connect URL --key-file FILE")
    return known


def _only(database: Database, paths: Sequence[Path]) -> list[int] | None:
    """Return the assets of files; None: of no file in particular."""
    if not paths:
        return None
    with database.read() as session:
        return [_asset_at(session, path) for path in paths]


def _asset_at(session: Session, path: Path) -> int:
    path = path.expanduser()
    found = find_file(session, path.absolute()) or find_file(
        session, path.parent.resolve() / path.name
    )
    if found is None or found.asset_id is None:
        raise ConfigError(f"{path} is no photo or video of any library that is known")
    return found.asset_id


def _path(session: Session, asset_id: int) -> str:
    paths = paths_of_asset(session, asset_id, missing=True)
    return str(paths[0]) if paths else ""
