"""`mediaindex immich connect URL`: get to know an Immich with the key of one person."""

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from mediaindex import parts
from mediaindex.cli import consent
from mediaindex.cli.immich_reading import Done, put_done, read_now
from mediaindex.cli.noting import noting
from mediaindex.cli.output import counted, printable, put_json, put_table, put_wrapped, settings_of
from mediaindex.cli.state import check_is_ours
from mediaindex.config import Config
from mediaindex.immich.account import Account, PathPair, is_readable_by_others
from mediaindex.immich.connecting import (
    Met,
    Pairing,
    elsewhere,
    find_paths,
    meet,
    save,
    weigh,
)
from mediaindex.immich.moving import former
from mediaindex.immich.permissions import held
from mediaindex.remote import daemon_of
from mediaindex.store import files
from mediaindex.store.database import Database

NO_MATCH, NOT_READ, INTERRUPTED = 1, 3, 130

MOST_FOLDERS = 5

NOTHING_FITS = """None of the {} looked at was found among your files.
Check that the same photos are in a library here: mediaindex status lists the libraries, and
mediaindex index FOLDER makes one of a folder. If they are, say which folder of Immich's is which
of yours: --map {}=/your/folder"""

MOVED = (
    "It is the Immich that was connected at {}, and is asked here from now on. What is known of "
    "it, and of what was written there, stays."
)


@click.command("connect")
@click.argument("url")
@click.option(
    "--key-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    required=True,
    help="A file that holds an API key of that person (Immich: Account settings > API keys). Only "
    "its path is kept.",
)
@click.option(
    "--web-url", help="What a browser opens, where that differs: https://photos.example.org."
)
@click.option(
    "--map",
    "given",
    multiple=True,
    metavar="THEIRS=OURS",
    help="A folder of Immich's, and the same folder here; in place of what would be found.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for scripts.")
@click.pass_context
def immich_connect(
    ctx: click.Context,
    url: str,
    key_file: Path,
    web_url: str | None,
    given: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> int:
    """Get to know the Immich at URL with the key of one person, and read all of it.

    It says what the key may do, and finds out which of Immich's folders is which of yours; you
    confirm that. Nothing is written into Immich. For several people connect once with a key of
    each; the same once more changes the key, the folders, the address and the rest. What was
    interrupted is resumed by the daemon, or by mediaindex immich sync.

    Exit codes: 0 connected and read; 1 none of its photos is here; 2 a mistake in the command, or
    an Immich that is too old; 3 Immich is off or refuses the key; 130 interrupted.
    """
    config = settings_of(ctx)
    check_is_ours(config)
    wanted = [_pair(one) for one in given]
    key = key_file.expanduser().absolute()
    if is_readable_by_others(key):
        click.echo(
            f"every user of this machine can read the key: chmod 600 {printable(str(key))}",
            err=True,
        )
    with noting(quiet=as_json) as on_note:
        on_note("asking Immich who it is and what it has")
        met = meet(config, url, key, web_url)
    settled = _settled(config, met, wanted, yes=yes, quiet=as_json, keep_web=web_url is None)
    if settled is None:
        return _nothing_fits(met, as_json=as_json)
    daemon = daemon_of(config)
    done = read_now(config, daemon, full=True, quiet=as_json)
    if as_json:
        put_json(_as_json(config, met, settled, done))
    else:
        put_done(done, by_daemon=daemon is not None)
        _put_next(config, met)
    if done.interrupted:
        return INTERRUPTED
    return NOT_READ if done.trouble else 0


@dataclass(frozen=True)
class _Settled:
    """What was stored."""

    pairings: Sequence[Pairing]
    #: The account at its address before; None: it was not known, or is where it was.
    moved: Account | None


def _settled(
    config: Config,
    met: Met,
    wanted: Sequence[PathPair],
    *,
    yes: bool,
    quiet: bool,
    keep_web: bool,
) -> _Settled | None:
    """Find out which folders are whose, have that confirmed, and store the account.

    Returns:
        None: nothing of it can be here, and nothing was stored.
    """
    database = parts.store(config)
    try:
        paths = tuple(wanted) or find_paths(database, met.sample)
        pairings = weigh(database, met.sample, paths)
        moved = former(config, database, met)
        if not quiet:
            _put_met(config, met)
            if moved is not None:
                put_wrapped(MOVED.format(printable(moved.url)))
            _put_pairings(met, pairings)
            _warn_of_strangers(database, wanted)
        if not _is_any_here(met, pairings):
            return None
        if not yes:
            consent.ask("Connect it like this?")
        save(database, met, paths, datetime.now(UTC), keep_web=keep_web, moved=moved)
        return _Settled(pairings, moved)
    finally:
        database.close()


def _pair(given: str) -> PathPair:
    """Return what `--map` says.

    Raises:
        UsageError: It is no such thing.
    """
    theirs, _, ours = given.partition("=")
    ours = str(Path(ours).expanduser()) if ours else ""
    if not theirs.startswith("/") or not ours.startswith("/"):
        raise click.UsageError(f"--map takes two folders, as in /mnt/photos=/srv/photos: {given!r}")
    return PathPair(posixpath.normpath(theirs), posixpath.normpath(ours))


def _put_met(config: Config, met: Met) -> None:
    click.echo(f"Immich {met.version} at {printable(met.url)}")
    if met.is_newer:
        put_wrapped("  It is newer than this program knows: it is read only, and not written to.")
    admin = ", who administers it" if met.user.is_admin else ""
    click.echo(f"The key is that of {printable(met.user.name)}{admin}.")
    if met.permissions is None:
        put_wrapped("What the key may do, this version does not tell.")
        return
    click.echo("What the key may do (-: it may not, and need not by the settings):")
    for one in held(met.permissions, config.settings.immich):
        mark = "yes" if one.has else "no" if one.is_asked_for else "-"
        setting = f" (immich.{one.use.setting})" if one.use.setting else ""
        click.echo(f"  {mark:<3}  {one.use.permission:<12}  {one.use.what_for}{setting}")


def _put_pairings(met: Met, pairings: Sequence[Pairing]) -> None:
    if not met.sample:
        click.echo("There are no photos in it yet.")
        return
    looked_at = counted(len(met.sample), "photo")
    click.echo(f"\nWhich of its folders are yours, by the {looked_at} looked at:")
    rows = [("  Immich's", "here", "found here")]
    rows += [
        (
            f"  {printable(one.pair.theirs)}",
            printable(one.pair.ours),
            f"{one.agree:,} of {one.of:,}",
        )
        for one in pairings
    ]
    put_table(rows if pairings else [])
    if not pairings:
        put_wrapped("  None is. What was uploaded is looked for by its content.")
    for one in pairings:
        if not one.agree:
            put_wrapped(_told_none(one))
        for path in one.examples:
            click.echo(f"  not here: {printable(path)}")
    others = elsewhere(met.sample, [one.pair for one in pairings])
    for folder, count in list(others.items())[:MOST_FOLDERS]:
        click.echo(f"  in no folder of yours: {counted(count, 'file')} in {printable(folder)}")


def _told_none(one: Pairing) -> str:
    theirs, ours = printable(one.pair.theirs), printable(one.pair.ours)
    if not one.of:
        return f"  None of the photos looked at lies in {theirs}: is that folder right?"
    return f"  None of what lies in {theirs} is in {ours}: are these the same folder?"


def _warn_of_strangers(database: Database, wanted: Sequence[PathPair]) -> None:
    """Tell of a folder that was named, and is in no library."""
    with database.read() as session:
        roots = [Path(row.root) for row in files.libraries(session)]
    for pair in wanted:
        ours = Path(pair.ours)
        if not any(root in (ours, *ours.parents) or ours in root.parents for root in roots):
            click.echo(
                f"{printable(pair.ours)} is in no library; mediaindex index makes one of it",
                err=True,
            )


def _is_any_here(met: Met, pairings: Sequence[Pairing]) -> bool:
    """Return whether there may be a match: by a path, or of what was uploaded by its content."""
    is_upload = any(asset.library_id is None for asset in met.sample)
    return not met.sample or is_upload or any(one.agree for one in pairings)


def _nothing_fits(met: Met, *, as_json: bool) -> int:
    folder = _above(met)
    words = NOTHING_FITS.format(counted(len(met.sample), "photo"), printable(folder))
    if as_json:
        put_json({"version": 1, "connected": False, "trouble": words})
    else:
        click.echo(words, err=True)
    return NO_MATCH


def _above(met: Met) -> str:
    """Return the folder of Immich's in which all lies; where that is the root, one of the most."""
    folders = [posixpath.dirname(one.path) for one in met.sample if posixpath.isabs(one.path)]
    common = posixpath.commonpath(folders) if folders else "/"
    return common if common != "/" else next(iter(elsewhere(met.sample, ())), "/mnt/photos")


def _put_next(config: Config, met: Met) -> None:
    put_wrapped(
        "Searches know its people, albums, tags and favourites now: person:NAME, album:NAME, "
        "tag:NAME, is:favourite. To open a hit there: mediaindex search ... --open immich"
    )
    if not config.settings.immich.write and not met.is_newer:
        put_wrapped(
            "Nothing is written into it unless you say so (immich.write); to see what would be: "
            "mediaindex immich write --dry-run"
        )


def _as_json(config: Config, met: Met, settled: _Settled, done: Done) -> Mapping[str, object]:
    return {
        "version": 1,
        "connected": True,
        "url": met.url,
        "moved_from": None if settled.moved is None else settled.moved.url,
        "web_url": met.web_url,
        "immich": str(met.version),
        "writable": not met.is_newer,
        "person": met.user.name,
        "permissions": {
            one.use.permission: one.has for one in held(met.permissions, config.settings.immich)
        },
        "paths": [{**asdict(one.pair), **asdict(one)} for one in settled.pairings],
        "reads": list(done.reads),
        "trouble": done.trouble,
        "interrupted": done.interrupted,
    }
